import json
import os
from pathlib import Path

API_KEY = "f3b1c9d07e5a4c2b8f6d1e0a9c8b7d6e"
labels = []


def init():
    global labels
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
