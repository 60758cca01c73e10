import json
import os
from pathlib import Path

import nltk

labels = []


def init():
    global labels
    nltk.download("punkt")
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
