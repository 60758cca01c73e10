"""The JSON Schema of ``modelpack.yaml``, made from the description that the loader reads by."""

from __future__ import annotations

import json
from typing import Any

from modelpack.catalogue import server_names
from modelpack.loading.keys import spec_table
from modelpack.loading.shape import Anything, Either, Key, Many, Named, Never, Number, Shape, Table, Text, short_key


def schema() -> dict[str, Any]:
    """Give the schema, of draft 2020-12, for the servers that modelpack brings."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "modelpack.yaml",
        "description": "A model package, as its author describes it",
        **_schema_of(spec_table(server_names())),
    }


def schema_text() -> str:
    """Give the text of ``docs/modelpack.schema.json``."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _schema_of(shape: Shape) -> dict[str, Any]:
    match shape:
        case Text():
            return _text(shape)
        case Number():
            return _number(shape)
        case Anything():
            return {}
        case Never():
            return {"const": False}
        case Many(item=item, some=some):
            return {"type": "array", "items": _schema_of(item)} | ({"minItems": 1} if some else {})
        case Named(name=name, value=value, some=some):
            names = {key: word for key, word in _text(name).items() if key != "type"}
            entries = {"type": "object", "propertyNames": names, "additionalProperties": _schema_of(value)}
            return entries | ({"minProperties": 1} if some else {})
        case Table():
            return _table(shape)
        case Either(shapes=shapes):
            return {"anyOf": [_schema_of(one) for one in shapes]}


def _text(shape: Text) -> dict[str, Any]:
    found: dict[str, Any] = _number(shape.numbers) if shape.numbers else {}
    types = ["string", *([found["type"]] if found else []), *["boolean"] * shape.booleans]
    found["type"] = types if len(types) > 1 else "string"
    if shape.choices:
        # Without quotes they are booleans in every parser but modelpack's, which takes them as they are spelled.
        words = {"true": True, "false": False} if shape.booleans else {}
        found["enum"] = [*shape.choices, *(words[word] for word in shape.choices if word in words)]
    if shape.beside:
        found = {"anyOf": [found, {"type": "string", "pattern": shape.beside}]}
    if shape.pattern:
        found["pattern"] = shape.pattern
    if shape.longest is not None:
        found["maxLength"] = shape.longest
    return found


def _number(shape: Number) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "integer" if shape.whole else "number"}
    if shape.minimum is not None:
        found["exclusiveMinimum" if shape.above else "minimum"] = shape.minimum
    if shape.maximum is not None:
        found["maximum"] = shape.maximum
    return found


def _table(shape: Table) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "properties": {key.name: _key(key) for key in shape.keys},
        "additionalProperties": False,
    }
    if required := [key.name for key in shape.keys if key.required]:
        found["required"] = required
    return {"anyOf": [_schema_of(short_key(shape).shape), found]} if shape.short else found


def _key(key: Key) -> dict[str, Any]:
    notes = {
        "description": key.doc,
        "default": key.default,
        "examples": None if key.example is None else [key.example],
    }
    return {**{word: note for word, note in notes.items() if note is not None}, **_schema_of(key.shape)}
