"""The classifier as a BentoML service."""

import os
from pathlib import Path

import bentoml
import joblib

SPECIES = ("setosa", "versicolor", "virginica")


@bentoml.service
class Iris:
    """Tells the species of iris flowers."""

    def __init__(self):
        self.classifier = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "model.joblib"))

    @bentoml.api
    def predict(self, flowers: list[list[float]]) -> list[dict]:
        """Answer one species and its probability for each flower: lengths and widths of sepal and petal, in cm."""
        rows = self.classifier.predict_proba(flowers)
        return [{"species": SPECIES[row.argmax()], "probability": float(row.max())} for row in rows]
