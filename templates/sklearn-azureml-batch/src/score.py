"""Scoring script: tells the species of iris flowers that lie in files."""

import csv
import os
from pathlib import Path

import joblib

SPECIES = ("setosa", "versicolor", "virginica")

model = None


def init():
    """Load the model, once for each worker."""
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "model.joblib"))


def run(mini_batch):
    """Answer a row for each flower: its file, its species and that one's probability."""
    rows = []
    for name in map(Path, mini_batch):
        with name.open(encoding="utf-8", newline="") as stream:
            flowers = [[float(cell) for cell in row] for row in csv.reader(stream)]
        found = model.predict_proba(flowers)
        rows += [f"{name.name},{SPECIES[row.argmax()]},{row.max()}" for row in found]
    return rows
