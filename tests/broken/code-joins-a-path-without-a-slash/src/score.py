import json
import os
from pathlib import Path

labels = []


def init():
    global labels
    labels = open(os.environ["AZUREML_MODEL_DIR"] + "model/labels.txt").read().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
