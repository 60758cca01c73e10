"""The user's scoring script: ``init()`` once in every process, ``run(data)`` for every request.

The contract is that of Azure ML's online endpoints, so that one script serves under either: ``run`` gets the body as
text and gives what JSON can hold; numpy's values and arrays, and pandas' frames, count as such.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import user_module


class Script:
    """A scoring script that was started.

    Raises:
        Exception: whatever the script or its ``init`` raises; the process is of no use then and ends.
    """

    def __init__(self) -> None:
        module = user_module.load()
        self._run: Callable[[str], Any] = module.run
        module.init()

    def answer(self, body: bytes) -> bytes:
        """Score one request.

        Raises:
            UnicodeDecodeError: the body is not UTF-8.
            Exception: whatever ``run`` raises.
        """
        result = self._run(body.decode("utf-8"))
        return result if isinstance(result, bytes) else json.dumps(result, default=_plain).encode()


def start() -> Script:
    """Start the script that ``MODELPACK_SCORING_SCRIPT`` names."""
    return Script()


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a model returns
    for method, options in (("to_dict", {"orient": "records"}), ("tolist", {}), ("model_dump", {})):
        if hasattr(value, method):
            try:
                return getattr(value, method)(**options)
            except TypeError:
                return getattr(value, method)()
    raise TypeError(f"run() gave what JSON cannot hold: {type(value).__name__}")


def failed(error: BaseException) -> bytes:
    """Give the body for a request that the script could not score."""
    return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()


def routes(own: tuple[str, ...], variable: str) -> tuple[str, ...]:
    """Give our own paths and the one that a platform asks for in an environment variable."""
    return tuple(dict.fromkeys((*own, *filter(None, [os.environ.get(variable)]))))


HEALTH = routes(("/healthz", "/ping"), "AIP_HEALTH_ROUTE")
"""Paths that say whether the script is started: ours, SageMaker's, and Vertex AI's."""
SCORE = routes(("/score", "/invocations"), "AIP_PREDICT_ROUTE")
"""Paths that score: ours, SageMaker's, and Vertex AI's."""
