"""Starts MLflow's scoring server with Azure ML's routes in front of it, on the port that is the one argument.

``MLFLOW_MODELS_WORKERS`` or ``WORKER_COUNT`` says how many processes serve, one when neither is set.
``MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`` is how many seconds an answer may take, 60 when it is not set.
"""

from __future__ import annotations

import sys

from modelpack_mlflow import wsgi_server
from modelpack_mlflow.mlflow_version import IS_ASGI
from modelpack_settings import count

_APPLICATION = "modelpack_mlflow.application:application"


def main() -> None:
    """Serve until told to stop."""
    port = int(sys.argv[1])
    workers = count("MLFLOW_MODELS_WORKERS", "WORKER_COUNT", default=1)
    if not IS_ASGI:
        timeout = count("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", default=60)
        wsgi_server.serve(_APPLICATION, port=port, workers=workers, timeout=timeout)
        return
    import uvicorn  # noqa: PLC0415 - mlflow brings it from 2.21

    uvicorn.run(_APPLICATION, host="0.0.0.0", port=port, workers=workers)


if __name__ == "__main__":
    main()
