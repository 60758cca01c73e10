"""The classifier as KServe's Python server wants it."""

import os
from pathlib import Path

import joblib
import kserve

SPECIES = ("setosa", "versicolor", "virginica")


class Iris(kserve.Model):
    """Tells the species of iris flowers."""

    def __init__(self, name):
        super().__init__(name)
        self.ready = False

    def load(self):
        """Load the model, once for each worker."""
        self.classifier = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "model.joblib"))
        self.ready = True
        return self.ready

    def predict(self, payload, headers=None):
        """Answer one species and its probability for each flower: lengths and widths of sepal and petal, in cm."""
        rows = self.classifier.predict_proba(payload["instances"])
        return {"predictions": [{"species": SPECIES[row.argmax()], "probability": float(row.max())} for row in rows]}
