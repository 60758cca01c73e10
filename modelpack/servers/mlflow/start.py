"""Starts MLflow's scoring server with Azure ML's routes in front of it, on the port that is the one argument.

``MLFLOW_MODELS_WORKERS`` or ``WORKER_COUNT`` says how many processes serve, one when neither is set.
``MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`` is how many seconds an answer may take, 60 when it is not set.
"""

from __future__ import annotations

import sys

from asgi import become_uvicorn
from modelpack_mlflow import wsgi_server
from modelpack_mlflow.mlflow_version import IS_ASGI
from modelpack_settings import count

_APPLICATION = "modelpack_mlflow.application:application"


def main() -> None:
    """Serve until told to stop."""
    if IS_ASGI:
        become_uvicorn(_APPLICATION, sys.argv[1])
    workers = count("MLFLOW_MODELS_WORKERS", "WORKER_COUNT", default=1)
    timeout = count("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", default=60)
    wsgi_server.serve(_APPLICATION, port=int(sys.argv[1]), workers=workers, timeout=timeout)


if __name__ == "__main__":
    main()
