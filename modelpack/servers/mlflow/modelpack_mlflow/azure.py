"""Azure ML's no-code protocol for MLflow models, put into MLflow's own and back.

``POST /score`` takes ``{"input_data": ..., "params": {...}}`` and answers with the bare predictions. Input data that is
a mapping with ``columns`` and ``data`` is a table, as pandas splits one; a list is an array; any other mapping holds
named tensors; texts and numbers stay what they are.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

_JSON = "application/json"
_FAILED = ("x-ms-run-function-failed", "True")


class Answer(NamedTuple):
    """What goes back."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Question(NamedTuple):
    """What MLflow's ``/invocations`` is asked."""

    content_type: str
    body: bytes


class BadRequestError(Exception):
    """A request that does not follow the protocol."""


class Azure:
    """The routes that MLflow does not have.

    Args:
        version: of mlflow.
        documents: OpenAPI documents by the version that is asked for, ``""`` being the default.
    """

    def __init__(self, *, version: tuple[int, ...], documents: dict[str, Any]) -> None:
        self._version = version
        self._documents = documents

    def answer(self, method: str, path: str, query: dict[str, str]) -> Answer | None:
        """Answer what needs no model; None for a request to score, and for what is MLflow's."""
        if path == "/":
            return Answer(200, "text/plain; charset=utf-8", b"Healthy")
        if path == "/swagger.json":
            wanted = query.get("version", "")
            if wanted in self._documents:
                return _answer(200, self._documents[wanted])
            versions = ", ".join(filter(None, self._documents))
            return _answer(404, {"message": f"Swagger version [{wanted}] not found, supported versions: {versions}"})
        if path == "/score" and method == "OPTIONS":
            return Answer(200, "text/plain; charset=utf-8", b"")
        if path == "/score" and method != "POST":
            return _answer(405, {"message": f"Method not allowed: {method}"})
        return None

    def question(self, body: bytes) -> Question:
        """Put a request into MLflow's words.

        Raises:
            BadRequestError: it is not of this protocol.
        """
        try:
            asked = json.loads(body)
        except ValueError as error:
            raise BadRequestError(f"Expects Content-Type to be application/json, and JSON: {error}") from error
        if not isinstance(asked, dict) or "input_data" not in asked:
            raise BadRequestError('Expects a JSON object with the key "input_data"')
        data, params = asked["input_data"], asked.get("params")
        is_table = isinstance(data, dict) and {"columns", "data"} <= data.keys() <= {"columns", "index", "data"}
        if self._version[0] < 2:
            if params:
                raise BadRequestError("MLflow takes params from version 2.5")
            if is_table:
                return Question(f"{_JSON}; format=pandas-split", json.dumps(data).encode())
            return Question(_JSON, json.dumps({"inputs": data}).encode())
        question = {"dataframe_split" if is_table else "inputs": data}
        if params is not None:
            question["params"] = params
        return Question(_JSON, json.dumps(question).encode())

    def result(self, status: int, body: bytes) -> Answer:
        """Put MLflow's answer into this protocol's words."""
        if status == 200:
            predictions = json.loads(body)
            if self._version[0] >= 2 and isinstance(predictions, dict) and "predictions" in predictions:
                predictions = predictions["predictions"]
            return _answer(200, predictions)
        try:
            message = json.loads(body)["message"]
        except (ValueError, KeyError, TypeError):
            message = body.decode("utf-8", "replace")
        return _answer(status, {"message": message})._replace(headers=(_FAILED,))


def refusal(error: BadRequestError) -> Answer:
    """Say what is wrong with a request."""
    return _answer(400, {"message": str(error)})


def _answer(status: int, value: object) -> Answer:
    return Answer(status, _JSON, json.dumps(value).encode())
