"""Starts the ``LitAPI`` of the scoring script, on the port and with the workers that the package says."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import litserve


def _api(path: Path) -> litserve.LitAPI:
    """Give the one LitAPI that the script defines, or the instance called ``api`` when it has one."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101 - a path that ends in .py
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    # Workers are processes of their own, which find the class by the name of its module.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    if isinstance(getattr(module, "api", None), litserve.LitAPI):
        return module.api
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, litserve.LitAPI) and value.__module__ == path.stem
    ]
    if len(classes) != 1:
        names = ", ".join(item.__name__ for item in classes) or "none"
        raise SystemExit(
            f"{path.name} has to define one subclass of litserve.LitAPI, or an instance called api: {names}"
        )
    return classes[0]()


if __name__ == "__main__":
    litserve.LitServer(
        _api(Path(os.environ["MODELPACK_SCORING_SCRIPT"])),
        accelerator=os.environ.get("LITSERVE_ACCELERATOR", "cpu"),
        workers_per_device=int(os.environ.get("WORKER_COUNT", "1")),
    ).run(host="0.0.0.0", port=int(sys.argv[1]), generate_client_file=False)
