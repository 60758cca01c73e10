"""Asks a model that MLflow saved about files, as Azure ML's batch endpoints do without a scoring script.

Tables are read with pandas (``.csv``, ``.parquet``, ``.json`` and ``.jsonl``), images as arrays with Pillow. A row of
the output is CSV without a header: of a table the number of the row, the prediction and the name of the file; of an
image the prediction and the name. A prediction that is no text, number or truth value is written as JSON.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd

_IMAGES = (".png", ".jpg", ".jpeg", ".tiff", ".bmp", ".gif")
_model: Any = None


def init() -> None:
    """Load the model."""
    global _model  # noqa: PLW0603 - the contract of scoring scripts
    _model = mlflow.pyfunc.load_model(str(Path(os.environ["AZUREML_MODEL_DIR"], os.environ["MLFLOW_MODEL_FOLDER"])))


def run(mini_batch: list[str]) -> list[str]:
    """Give the rows of the files."""
    return [row for path in mini_batch for row in _rows(Path(path))]


def _rows(path: Path) -> list[str]:
    suffix = path.suffix.lower()
    if suffix in _IMAGES:
        return [_line(_listed(_model.predict(_image(path))), path.name)]
    predictions = _model.predict(_typed(_table(path, suffix)))
    return [_line(number, value, path.name) for number, value in enumerate(_each(predictions))]


def _table(path: Path, suffix: str) -> pd.DataFrame:
    """Read a table.

    Raises:
        ValueError: the file is none.
    """
    if suffix == ".csv":
        texts = [name for name, kind in _columns().items() if kind == np.dtype(object)]
        return pd.read_csv(path, dtype=dict.fromkeys(texts, str))
    if suffix in (".parquet", ".pqt"):
        return pd.read_parquet(path)
    if suffix in (".json", ".jsonl"):
        return pd.read_json(path, orient="records", lines=suffix == ".jsonl")
    raise ValueError(f"neither a table nor an image: {path.name}")


def _image(path: Path) -> Any:  # noqa: ANN401 - an array
    from PIL import Image  # noqa: PLC0415 - only models of images bring it

    with Image.open(path) as image:
        return np.array(image)


def _columns() -> dict[str, Any]:
    """Give the columns that the model wants, with their types; none when its signature names none."""
    signature = _model.metadata.signature if _model.metadata else None
    inputs = signature.inputs if signature else None
    if inputs is None or not inputs.has_input_names() or inputs.is_tensor_spec():
        return {}
    return dict(zip(inputs.input_names(), inputs.pandas_types()))  # noqa: B905 - strict came with Python 3.10


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Give columns the types of the signature, which a file of texts does not have: 1 for 1.0, dates."""
    kinds = {name: kind for name, kind in _columns().items() if name in table and kind != np.dtype(object)}
    return table.astype(kinds)


def _each(predictions: Any) -> list[Any]:  # noqa: ANN401 - what a model gives
    if isinstance(predictions, pd.DataFrame):
        if len(predictions.columns) == 1:
            return list(predictions.iloc[:, 0].tolist())
        return list(predictions.to_dict(orient="records"))
    return list(_listed(predictions))


def _listed(value: Any) -> Any:  # noqa: ANN401
    return value.tolist() if hasattr(value, "tolist") else value


def _line(*values: Any) -> str:  # noqa: ANN401
    stream = io.StringIO()
    plain = (
        value if isinstance(value, (str, int, float, bool)) else json.dumps(value, default=str) for value in values
    )
    csv.writer(stream, lineterminator="").writerow(plain)
    return stream.getvalue()
