"""Scoring script: tells the cultivar of a wine from its chemical analysis."""

import json
import os
from pathlib import Path

import joblib
import numpy as np
from azureml_inference_server_http.api.aml_response import AMLResponse
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def load_input(name):
    """Read an input of modelpack.yaml: its path stands in MODELPACK_INPUT_<NAME>."""
    return json.loads(Path(os.environ[f"MODELPACK_INPUT_{name.upper()}"]).read_text(encoding="utf-8"))


LABELS = load_input("labels")
PREPROCESSING = load_input("preprocessing")
FEATURES = PREPROCESSING["features"]
LOW, HIGH = np.array([PREPROCESSING["limits"][name] for name in FEATURES]).T
EXAMPLE = {name: float(low) for name, low in zip(FEATURES, LOW, strict=True)}

model = None


def init():
    """Load the model, once for each worker."""
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"], "model", "model.joblib"))


@input_schema("data", StandardPythonParameterType([EXAMPLE]))
@output_schema(StandardPythonParameterType([{"label": LABELS["0"], "probability": 1.0}]))
def run(data):
    """Answer one label and its probability for each wine; what was not measured may be left out."""
    try:
        rows = np.array([measurements(wine) for wine in data], dtype=float).reshape(-1, len(FEATURES))
    except (TypeError, ValueError) as error:
        return AMLResponse({"message": str(error)}, 400, json_str=True)
    if not len(rows):
        return []
    answers = model.predict_proba(np.clip(rows, LOW, HIGH))
    return [{"label": LABELS[str(row.argmax())], "probability": float(row.max())} for row in answers]


def measurements(wine):
    """Bring one wine's values into the model's order; NaN where there is none."""
    if not isinstance(wine, dict):
        raise TypeError(f"expected an object, found {type(wine).__name__}")
    unknown = wine.keys() - set(FEATURES)
    if unknown:
        raise ValueError(f"unknown feature: {min(unknown)}")
    values = (wine.get(name) for name in FEATURES)
    return [np.nan if value is None else float(value) for value in values]
