import json
import os
from pathlib import Path

labels = []


def init():
    global labels
    connect(os.environ["FEATURE_STORE_URL"])
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def connect(url):
    print(url)


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
