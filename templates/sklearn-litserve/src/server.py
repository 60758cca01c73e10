"""The classifier as LitServe wants it."""

import os
from pathlib import Path

import joblib
import litserve

SPECIES = ("setosa", "versicolor", "virginica")


class Iris(litserve.LitAPI):
    """Tells the species of iris flowers."""

    def setup(self, device):
        """Load the model, once for each worker."""
        self.classifier = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "model.joblib"))

    def decode_request(self, request):
        """Give the flowers: lengths and widths of sepal and petal, in cm."""
        return request["data"]

    def predict(self, flowers):
        """Give one row of probabilities for each flower."""
        return self.classifier.predict_proba(flowers)

    def encode_response(self, rows):
        """Answer one species and its probability for each flower."""
        return [{"species": SPECIES[row.argmax()], "probability": float(row.max())} for row in rows]
