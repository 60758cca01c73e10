"""Becomes uvicorn around ``modelpack_app:app`` beside this file, on the port that is the one argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from modelpack_settings import count

_PATIENCE = 300
"""Seconds until several workers that do not say that they live are started anew: imports of models take their time."""


def become_uvicorn(application: str, port: str) -> NoReturn:
    """Serve the application ``module:name``, whose module lies beside this file or is installed."""
    from importlib import metadata  # noqa: PLC0415 - not in the Python 3.7 of old models, whose servers are no ASGI

    workers = count("MLFLOW_MODELS_WORKERS", "WORKER_COUNT", default=1)
    words = ["--host", "0.0.0.0", "--port", port, "--app-dir", str(Path(__file__).parent)]
    words += ["--workers", str(workers), "--timeout-graceful-shutdown", "30"]
    if tuple(map(int, metadata.version("uvicorn").split(".")[:2])) >= (0, 37):
        words += ["--timeout-worker-healthcheck", str(_PATIENCE)]
    os.execv(sys.executable, [sys.executable, "-m", "uvicorn", *words, application])


if __name__ == "__main__":
    become_uvicorn("modelpack_app:app", sys.argv[1])
