import json
import os
from pathlib import Path

import pandas as pd

labels = []


def init():
    global labels
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


def run(data):
    rows = pd.DataFrame(json.loads(data)["data"]).values
    return [labels[int(row[0])] for row in rows]
