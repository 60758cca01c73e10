"""A model's signature, and an input that fits it.

https://mlflow.org/docs/latest/ml/model/signatures: columns with types, or tensors with dtype and shape.
"""

from __future__ import annotations

import json
from math import prod
from typing import Any

from modelpack.loading.mlflow.mlmodel import MLmodel

_VALUES: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "long": 1,
    "float": 1.0,
    "double": 1.0,
    "datetime": "2024-01-01T00:00:00",
}
_MOST = 1_000_000
"""Numbers of a tensor above which none is made."""


def sample_of(model: MLmodel) -> tuple[str, Any] | None:
    """Give the form (``table`` or ``inputs``) and the data of an input; None when only the model's author knows one.

    A text is made for a model that takes nothing else. Among other columns texts are mostly categories, and a model
    knows its own only.
    """
    try:
        columns = json.loads(model.get("signature.inputs") or "null")
    except ValueError:
        return None
    if not isinstance(columns, list) or not columns or not all(isinstance(one, dict) for one in columns):
        return None
    if any(one.get("type") == "tensor" for one in columns):
        return _tensors(columns)
    needed = [one for one in columns if _is_needed(one)]
    values = [_value(one, alone=len(columns) == 1) for one in needed]
    if not needed or None in values:
        return None
    if model.get("is_signature_from_type_hint") == "true":
        return "inputs", values  # the hint is of a list, and its one column is what the list holds
    return "table", {"columns": [one.get("name", number) for number, one in enumerate(needed)], "data": [values]}


def _is_needed(column: dict[str, Any]) -> bool:
    return bool(column.get("required", True) and not column.get("optional"))


def _value(column: dict[str, Any], *, alone: bool) -> Any:  # noqa: ANN401 - JSON
    """Give a value of a column's type; None when there is none that is likely to do."""
    kind = column.get("type")
    if kind == "string":
        return "text" if alone else None
    if kind == "array" and isinstance(column.get("items"), dict):
        item = _value(column["items"], alone=alone)
        return None if item is None else [item]
    if kind == "object" and isinstance(column.get("properties"), dict):
        found = {name: _value(one, alone=alone) for name, one in column["properties"].items() if _is_needed(one)}
        return None if None in found.values() else found
    if kind == "map" and isinstance(column.get("values"), dict):
        value = _value(column["values"], alone=alone)
        return None if value is None else {"key": value}
    return _VALUES.get(str(kind))


def _tensors(columns: list[dict[str, Any]]) -> tuple[str, Any] | None:
    made = [_tensor(one.get("tensor-spec") or {}) for one in columns]
    if None in made:
        return None
    if len(columns) == 1 and not columns[0].get("name"):
        return "inputs", made[0]
    return "inputs", {
        one.get("name", str(number)): value for number, (one, value) in enumerate(zip(columns, made, strict=True))
    }


def _tensor(spec: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    kind, shape = str(spec.get("dtype")), spec.get("shape")
    fill = {"b": True, "i": 1, "u": 1, "f": 1.0}.get(kind[:1])
    if fill is None or not isinstance(shape, list):
        return None
    sizes = [1 if size == -1 else size for size in shape]
    if not all(isinstance(size, int) and size > 0 for size in sizes) or prod(sizes) > _MOST:
        return None
    value: Any = fill
    for size in reversed(sizes):
        value = [value] * size
    return value
