import json
import os
from pathlib import Path

from helpers import named

labels = []


def init():
    global labels
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [named(labels, row) for row in rows]
