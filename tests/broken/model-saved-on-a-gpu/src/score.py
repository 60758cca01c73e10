import json
import os
from pathlib import Path

import torch

labels = []


def init():
    global labels
    torch.load(Path(os.environ["AZUREML_MODEL_DIR"], "model/net.pt"))
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
