"""Starts MLflow's scoring server with Azure ML's routes in front of it, on the port that is the one argument.

``MLFLOW_MODELS_WORKERS`` or ``WORKER_COUNT`` says how many processes serve, one when neither is set.
``MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`` is how many seconds an answer may take, 60 when it is not set.
"""

from __future__ import annotations

import os
import sys

from modelpack_mlflow import wsgi_server
from modelpack_mlflow.mlflow_version import IS_ASGI

_APPLICATION = "modelpack_mlflow.application:application"


def main() -> None:
    """Serve until told to stop."""
    port = int(sys.argv[1])
    workers = int(os.environ.get("MLFLOW_MODELS_WORKERS") or os.environ.get("WORKER_COUNT") or 1)
    if not IS_ASGI:
        timeout = int(os.environ.get("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT") or 60)
        wsgi_server.serve(_APPLICATION, port=port, workers=workers, timeout=timeout)
        return
    import uvicorn  # noqa: PLC0415 - mlflow brings it from 2.21

    uvicorn.run(_APPLICATION, host="0.0.0.0", port=port, workers=workers)


if __name__ == "__main__":
    main()
