"""Starts the ``LitAPI`` of the scoring script, on the port and with the workers that the package says.

``AIP_HEALTH_ROUTE`` and ``AIP_PREDICT_ROUTE``, where they are set, are the routes, as Vertex AI asks.
"""

from __future__ import annotations

import os
import signal
import sys

import litserve
import modelpack_user_module
from modelpack_settings import count


def _api() -> litserve.LitAPI:
    """Give the one LitAPI that the script defines, or the instance called ``api`` when it has one."""
    module = modelpack_user_module.load()
    if isinstance(getattr(module, "api", None), litserve.LitAPI):
        return module.api
    return modelpack_user_module.only_class(module, litserve.LitAPI, ", or an instance called api")()


if __name__ == "__main__":
    # LitServe drains at SIGINT alone; the first process of a container would not even end by SIGTERM.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    api = _api()
    if route := os.environ.get("AIP_PREDICT_ROUTE"):
        api.api_path = route
    litserve.LitServer(
        api,
        accelerator=os.environ.get("LITSERVE_ACCELERATOR", "cpu"),
        workers_per_device=count("WORKER_COUNT", default=1),
        healthcheck_path=os.environ.get("AIP_HEALTH_ROUTE") or "/health",
    ).run(host="0.0.0.0", port=int(sys.argv[1]), generate_client_file=False)
