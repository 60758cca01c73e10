import json
import os
from pathlib import Path

labels = []
MODEL = os.getenv("AZUREML_MODEL_DIR", "./")


def init():
    global labels
    labels = open(os.path.join(MODEL, "model", "labels.txt")).read().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
