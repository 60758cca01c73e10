"""Starts the ``LitAPI`` of the scoring script, on the port and with the workers that the package says."""

from __future__ import annotations

import os
import sys

import litserve
import user_module


def _api() -> litserve.LitAPI:
    """Give the one LitAPI that the script defines, or the instance called ``api`` when it has one."""
    module = user_module.load()
    if isinstance(getattr(module, "api", None), litserve.LitAPI):
        return module.api
    return user_module.only_class(module, litserve.LitAPI, "api")()


if __name__ == "__main__":
    litserve.LitServer(
        _api(),
        accelerator=os.environ.get("LITSERVE_ACCELERATOR", "cpu"),
        workers_per_device=int(os.environ.get("WORKER_COUNT", "1")),
    ).run(host="0.0.0.0", port=int(sys.argv[1]), generate_client_file=False)
