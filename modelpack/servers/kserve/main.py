"""Serves the ``kserve.Model`` of the scoring script over the V1 and V2 protocols."""

from __future__ import annotations

import os
import sys

import kserve
import modelpack_user_module
from modelpack_settings import count


def _model(name: str) -> kserve.Model:
    """Give the one model that the script defines, loaded, or the instance called ``model`` when it has one."""
    module = modelpack_user_module.load()
    model = getattr(module, "model", None)
    if not isinstance(model, kserve.Model):
        model = modelpack_user_module.only_class(module, kserve.Model, ", or an instance called model")(name)
    if not model.ready:
        model.load()
        model.ready = True
    return model


if __name__ == "__main__":
    own = _model(os.environ["MODELPACK_MODEL_NAME"])
    kserve.ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=count("WORKER_COUNT", default=1)).start(
        [own]
    )
