import json
import typing
import os
from pathlib import Path

class Model:
    labels = []

    def names() -> list:
        return self.labels


labels = []


def init():
    global labels
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
