"""The OpenAPI documents of Azure ML's protocol for a model, from its signature.

https://swagger.io/specification/v2/ and https://spec.openapis.org/oas/v3.0.3.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# https://mlflow.org/docs/latest/ml/model/signatures: what each type of a column is in JSON.
_TYPES: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
}


def documents(title: str, signature: Mapping[str, Any]) -> dict[str, Any]:
    """Give the documents by the version that is asked for; the default is 2, as Azure ML's server has it.

    Args:
        title: name of the service.
        signature: of the model, as MLmodel has it: lists of columns as JSON texts.
    """
    columns, outputs, params = (_list(signature.get(name)) for name in ("inputs", "outputs", "params"))
    request = _object({"input_data": _input(columns)}, required=["input_data"])
    if params:
        request["properties"]["params"] = _object({one["name"]: _parameter(one) for one in params})
    answer = _output(outputs)
    old, new = _swagger(title, request, answer), _openapi(title, request, answer)
    return {"": old, "2": old, "2.0": old, "3": new, "3.0": new, "3.1": {**new, "openapi": "3.1.0"}}


def _list(text: str | None) -> list[dict[str, Any]]:
    found = json.loads(text) if text else []
    return found if isinstance(found, list) else []


def _input(columns: list[dict[str, Any]]) -> dict[str, Any]:
    if not columns:
        return {}
    if columns[0].get("type") == "tensor":
        if len(columns) == 1 and not columns[0].get("name"):
            return _tensor(columns[0])
        return _object({one.get("name") or str(number): _tensor(one) for number, one in enumerate(columns)})
    names = [one.get("name") or str(number) for number, one in enumerate(columns)]
    rows = {"type": "array", "items": {"type": "array", "items": {}}}
    table = {
        "columns": {"type": "array", "items": {"type": "string"}, "example": names},
        "index": {"type": "array", "items": {"type": "integer"}},
        "data": rows,
    }
    return _object(table, required=["columns", "data"])


def _output(columns: list[dict[str, Any]]) -> dict[str, Any]:
    if not columns:
        return {}
    if columns[0].get("type") == "tensor":
        return _tensor(columns[0])
    if len(columns) == 1 and not columns[0].get("name"):
        return {"type": "array", "items": _scalar(columns[0].get("type", ""))}
    row = {one.get("name") or str(number): _scalar(one.get("type", "")) for number, one in enumerate(columns)}
    return {"type": "array", "items": _object(row)}


def _tensor(column: dict[str, Any]) -> dict[str, Any]:
    spec = column.get("tensor-spec") or {}
    kind = str(spec.get("dtype", ""))
    schema: dict[str, Any] = {"type": "boolean"} if kind == "bool" else {}
    if kind.startswith(("int", "uint")):
        schema = {"type": "integer"}
    elif kind.startswith("float"):
        schema = {"type": "number"}
    for _ in spec.get("shape", ()):
        schema = {"type": "array", "items": schema}
    return schema


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    schema = _scalar(one.get("type") or one.get("dtype"))  # the latter in models of 2.5
    return {"type": "array", "items": schema} if one.get("shape") else schema


def _scalar(kind: object) -> dict[str, Any]:
    return _TYPES.get(kind, {}) if isinstance(kind, str) else {}


def _object(properties: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


def _swagger(title: str, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    body = {"name": "serviceInputPayload", "in": "body", "required": True, "schema": request}
    score = {
        "operationId": "RunMLService",
        "description": "Run web service's model and get the prediction output",
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "parameters": [body],
        "responses": {"200": {"description": "The predictions", "schema": answer}},
    }
    paths = {"/": {"get": _health({"schema": {"type": "string"}})}, "/score": {"post": score}}
    return {"swagger": "2.0", "info": {"title": title, "version": "1.0"}, "paths": paths}


def _openapi(title: str, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    score = {
        "operationId": "RunMLService",
        "description": "Run web service's model and get the prediction output",
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {
            "200": {"description": "The predictions", "content": {"application/json": {"schema": answer}}},
        },
    }
    healthy = _health({"content": {"text/plain": {"schema": {"type": "string"}}}})
    paths = {"/": {"get": healthy}, "/score": {"post": score}}
    return {"openapi": "3.0.3", "info": {"title": title, "version": "1.0"}, "paths": paths}


def _health(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "ServiceHealthCheck",
        "description": "Simple health check endpoint to ensure the service is up at any given point.",
        "responses": {"200": {"description": "The service is healthy", **answer}},
    }
