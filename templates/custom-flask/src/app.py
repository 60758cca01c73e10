"""Tells the species of an iris flower from its measurements: a linear model whose weights are plain JSON."""

import json
import math
import os
from pathlib import Path

from flask import Flask, abort, request

weights = json.loads(Path(os.environ["WEIGHTS"]).read_text(encoding="utf-8"))
app = Flask(__name__)


@app.get("/healthz")
def healthy():
    return {"status": "ok"}


@app.post("/predict")
def predict():
    flower = request.get_json()
    try:
        values = [float(flower[name]) for name in weights["features"]]
    except (KeyError, TypeError, ValueError):
        abort(400, f"expected numbers: {', '.join(weights['features'])}")
    scores = [
        intercept + sum(c * v for c, v in zip(row, values, strict=True))
        for row, intercept in zip(weights["coefficients"], weights["intercepts"], strict=True)
    ]
    powers = [math.exp(score - max(scores)) for score in scores]
    return {name: power / sum(powers) for name, power in zip(weights["species"], powers, strict=True)}
