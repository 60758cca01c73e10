"""Serves the ``kserve.Model`` of the scoring script over the V1 and V2 protocols."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import kserve


def _model(path: Path, name: str) -> kserve.Model:
    """Give the one model that the script defines, loaded, or the instance called ``model`` when it has one."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101 - a path that ends in .py
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    model = getattr(module, "model", None)
    if not isinstance(model, kserve.Model):
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, kserve.Model) and value.__module__ == path.stem
        ]
        if len(classes) != 1:
            names = ", ".join(item.__name__ for item in classes) or "none"
            raise SystemExit(
                f"{path.name} has to define one subclass of kserve.Model, or an instance called model: {names}"
            )
        model = classes[0](name)
    if not model.ready:
        model.load()
        model.ready = True
    return model


if __name__ == "__main__":
    own = _model(Path(os.environ["MODELPACK_SCORING_SCRIPT"]), os.environ["MODELPACK_MODEL_NAME"])
    kserve.ModelServer(
        http_port=int(sys.argv[1]), enable_grpc=False, workers=int(os.environ.get("WORKER_COUNT", "1"))
    ).start([own])
