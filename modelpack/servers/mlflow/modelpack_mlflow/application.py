"""The application that is served: the model, MLflow's server of it, Azure ML's routes in front."""

from __future__ import annotations

import os

import yaml
from mlflow.pyfunc import load_model, scoring_server

from modelpack_mlflow import openapi, wrappers
from modelpack_mlflow.azure import Azure
from modelpack_mlflow.mlflow_version import IS_ASGI, VERSION

_FOLDER = os.path.join(os.environ["AZUREML_MODEL_DIR"], os.environ.get("MLFLOW_MODEL_FOLDER", ""))


def _application() -> object:
    with open(os.path.join(_FOLDER, "MLmodel"), encoding="utf-8") as stream:
        signature = yaml.safe_load(stream).get("signature") or {}
    title = os.environ.get("SERVICE_NAME") or os.path.basename(_FOLDER)
    azure = Azure(version=VERSION, documents=openapi.documents(title, signature))
    load = getattr(scoring_server, "load_model_with_mlflow_config", load_model)
    server = scoring_server.init(load(_FOLDER))
    return wrappers.Asgi(server, azure) if IS_ASGI else wrappers.Wsgi(server, azure)


application = _application()
