"""The user's scoring script: ``init()`` once in every process, ``run(data)`` for every request.

The contract is that of Azure ML's online endpoints, so that one script serves under either: ``run`` gets the body as
text and gives what JSON can hold; numpy's values and arrays, and pandas' frames, count as such. A response of Flask or
Starlette, which has a status of its own, goes back as it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import modelpack_user_module

_JSON = "application/json"


class Answer(NamedTuple):
    """What goes back."""

    body: bytes
    status: int = 200
    content_type: str = _JSON


class Script:
    """A scoring script that was started.

    Raises:
        Exception: whatever the script or its ``init`` raises; the process is of no use then and ends.
    """

    def __init__(self) -> None:
        module = modelpack_user_module.load()
        self._run: Callable[[str], Any] = module.run
        module.init()

    def answer(self, body: bytes) -> Answer:
        """Score one request.

        Raises:
            UnicodeDecodeError: the body is not UTF-8.
            Exception: whatever ``run`` raises.
        """
        result = self._run(body.decode("utf-8"))
        if hasattr(result, "status_code") and hasattr(result, "headers"):
            return _response(result)
        return Answer(result if isinstance(result, bytes) else json.dumps(result, default=_plain).encode())


def start() -> Script:
    """Start the script that ``MODELPACK_SCORING_SCRIPT`` names."""
    return Script()


def _response(result: Any) -> Answer:  # noqa: ANN401 - of Flask, Starlette or who is like them
    body = result.get_data() if hasattr(result, "get_data") else result.body
    return Answer(bytes(body), int(result.status_code), result.headers.get("content-type") or _JSON)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a model returns
    for method, options in (("to_dict", {"orient": "records"}), ("tolist", {}), ("model_dump", {})):
        if hasattr(value, method):
            try:
                return getattr(value, method)(**options)
            except TypeError:
                return getattr(value, method)()
    raise TypeError(f"run() gave what JSON cannot hold: {type(value).__name__}")


def failed(error: Exception, body: bytes) -> Answer:
    """Give the answer to a request that the script could not score: 400 when its body is at fault, else 500."""
    text = json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
    return Answer(text, 400 if _is_of_body(error, body) else 500)


def _is_of_body(error: Exception, body: bytes) -> bool:
    """Say whether the body is no text or, where the script wanted that, no JSON."""
    if isinstance(error, UnicodeDecodeError):
        return error.object == body
    if isinstance(error, json.JSONDecodeError):
        return error.doc == body.decode("utf-8", "replace")
    return isinstance(error, RecursionError) and not _is_json(body)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def routes(own: tuple[str, ...], variable: str) -> tuple[str, ...]:
    """Give our own paths and the one that a platform asks for in an environment variable."""
    return tuple(dict.fromkeys((*own, *filter(None, [os.environ.get(variable)]))))


HEALTH = routes(("/healthz", "/ping"), "AIP_HEALTH_ROUTE")
"""Paths that say whether the script is started: ours, SageMaker's, and Vertex AI's."""
SCORE = routes(("/score", "/invocations"), "AIP_PREDICT_ROUTE")
"""Paths that score: ours, SageMaker's, and Vertex AI's."""
