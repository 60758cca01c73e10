"""Frozen dataclasses to and from JSON values, driven by their type hints.

Files of modelpack's own (the lock, reports of builders) are read with it: strictly, so that a damaged or a
foreign file is told from a good one, with the path of the first value that does not fit.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class CodecError(ValueError):
    """A value does not fit its type; the text begins with its path, such as ``python.wheels[3].sha256``."""


def to_json(value: Any) -> Any:  # noqa: ANN401 - JSON values have no narrower type
    """Give the JSON form: fields in their order, those that are None left out."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in sorted(value.items())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((name, getattr(value, name)) for name in _fields(type(value)))
        return {name: to_json(item) for name, item in fields if item is not None}
    return value


def from_json(cls: type[T], data: object, path: str = "") -> T:
    """Read a value of ``cls`` from parsed JSON.

    Raises:
        CodecError: an unknown or missing key, or a value of another type.
    """
    return typing.cast("T", _read(cls, data, path))


def _read(hint: Any, data: Any, path: str) -> Any:  # noqa: ANN401
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias):
        if dataclasses.is_dataclass(hint):
            return _read_dataclass(hint, data, path)
        return _expect(hint, float(data) if hint is float and type(data) is int else data, path)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if data is None:
            return None
        return _read(next(arg for arg in args if arg is not type(None)), data, path)
    if origin is tuple:
        items = _expect(list, data, path)
        return tuple(_read(args[0], item, f"{path}[{index}]") for index, item in enumerate(items))
    if origin is Mapping:
        items = _expect(dict, data, path)
        return {key: _read(args[1], item, f"{path}.{key}") for key, item in items.items()}
    raise TypeError(f"no such type in files: {hint}")


def _read_dataclass(hint: Any, data: Any, path: str) -> Any:  # noqa: ANN401
    values = dict(_expect(dict, data, path))
    arguments = {}
    for name, (kind, optional, required) in _fields(hint).items():
        where = f"{path}.{name}" if path else name
        if name in values:
            arguments[name] = _read(kind, values.pop(name), where)
        elif optional:
            arguments[name] = None
        elif required:
            raise CodecError(f"{where}: missing")
    if values:
        raise CodecError(f"{path or 'top level'}: unknown key: {min(values)}")
    return hint(**arguments)


@functools.cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool, bool]]:  # noqa: ANN401
    """Give of every field its type, whether it may be None, and whether it has no default."""
    hints = typing.get_type_hints(cls)
    return {
        field.name: (
            hints[field.name],
            type(None) in typing.get_args(hints[field.name]),
            field.default is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    }


def _expect(kind: type, data: Any, path: str) -> Any:  # noqa: ANN401
    # bool is an int in Python, but never in a lock.
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise CodecError(f"{path or 'top level'}: expected {kind.__name__}, found {type(data).__name__}")
    return data
