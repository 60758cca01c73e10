"""Scoring script: tells the species of iris flowers."""

import json
import os
from pathlib import Path

import joblib

SPECIES = ("setosa", "versicolor", "virginica")

model = None


def init():
    """Load the model, once for each worker."""
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "model.joblib"))


def run(raw):
    """Answer one species and its probability for each flower: lengths and widths of sepal and petal, in cm."""
    rows = model.predict_proba(json.loads(raw)["data"])
    return [{"species": SPECIES[row.argmax()], "probability": float(row.max())} for row in rows]
