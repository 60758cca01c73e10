"""What real libraries save; tests/weights/README.md says how each file was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelpack.progress import Silent
from modelpack.store import files
from modelpack.weights.formats import inspect
from modelpack.weights.scan import weigh

WEIGHTS = Path(__file__).parent / "weights"


@pytest.mark.parametrize("name", ["pipeline.joblib", "pipeline.joblib.xz", "pipeline.pkl", "arrays.joblib"])
def test_models_of_scikit_learn_are_walked_whole(name):
    found = inspect(WEIGHTS / name)
    assert (found.format, found.kinds, found.problems) == ("pickle", {"pickle"}, [])
    assert {"sklearn.pipeline:Pipeline", "sklearn.tree._tree:Tree", "numpy:dtype"} <= found.imports
    assert found.versions == {"scikit-learn": "1.9.1"}


def test_arrays_of_objects_and_closures_are_pickles():
    assert inspect(WEIGHTS / "objects.npz").kinds == {"numpy", "pickle"}
    assert "cloudpickle.cloudpickle:_make_function" in inspect(WEIGHTS / "closure.pkl").imports


def test_models_of_onnx_and_tensorflow_are_known():
    found = inspect(WEIGHTS / "light_squeezenet.onnx")
    assert (found.format, found.details["opset"], found.problems) == ("onnx", "ai.onnx 9", [])
    layout = {"half_plus_two": WEIGHTS / "half_plus_two"}
    (item,) = weigh({"model": files.scan(layout, cache=None, progress=Silent())}, {"model": layout}, None).files
    assert (item.path, item.kinds) == ("half_plus_two/1/saved_model.pb", ("savedmodel",))
