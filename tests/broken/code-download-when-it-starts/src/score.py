import json
import os
from pathlib import Path

import requests

labels = []


def init():
    global labels
    labels = requests.get("https://models.example/labels").text.split() or Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
