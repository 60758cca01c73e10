import json
import os
from pathlib import Path

import urllib.request

urllib.request.urlopen("https://features.example/ready")
labels = []


def init():
    global labels
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
