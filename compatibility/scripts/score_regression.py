"""Scores rows of ten numbers, as {"data": [[...], ...]}, with a regression that joblib saved."""

import json
import os
from pathlib import Path

import joblib
import numpy


def init():
    global model
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    model = joblib.load(next(root.rglob("sklearn_regression_model.pkl")))


def run(raw_data):
    rows = numpy.array(json.loads(raw_data)["data"])
    return model.predict(rows).tolist()
