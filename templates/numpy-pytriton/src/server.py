"""Binds the classifier to Triton."""

import json
import os
from pathlib import Path

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor

WEIGHTS = json.loads(Path(os.environ["AZUREML_MODEL_DIR"], "model", "weights.json").read_text(encoding="utf-8"))
COEFFICIENTS, INTERCEPT = np.array(WEIGHTS["coefficients"]), np.array(WEIGHTS["intercept"])


@batch
def probabilities(flowers):
    """Give one row of probabilities for each flower: lengths and widths of sepal and petal, in cm."""
    scores = flowers @ COEFFICIENTS.T + INTERCEPT
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return {"probabilities": powers / powers.sum(axis=1, keepdims=True)}


def bind(triton):
    """Bind everything that is served; the package calls this."""
    triton.bind(
        model_name="iris",
        infer_func=probabilities,
        inputs=[Tensor(name="flowers", dtype=np.float64, shape=(4,))],
        outputs=[Tensor(name="probabilities", dtype=np.float64, shape=(3,))],
        config=ModelConfig(max_batch_size=64),
    )
