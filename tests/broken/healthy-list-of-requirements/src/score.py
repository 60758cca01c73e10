import json
import os
from pathlib import Path

import joblib

labels = []


def init():
    global labels
    labels = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "labels.txt"))


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
