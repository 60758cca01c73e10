"""A model, environment or data asset by itself: a model of MLflow's is a package, the others lack something."""

from __future__ import annotations

from modelpack.loading.azure.context import Context
from modelpack.loading.azure.document import Document
from modelpack.loading.azure.environment import no_environment, read_environment
from modelpack.loading.azure.kinds import ENVIRONMENT_KIND, MODEL_KIND
from modelpack.loading.azure.model import TRITON, read_model
from modelpack.loading.azure.serving import ONLINE, TRITON_SERVER, Serving
from modelpack.spec import Server

_HINT = "name the YAML file of an online deployment or of a model package, which brings it together with what it lacks"
_MLFLOW = "write type: mlflow_model, since MLflow saved it"


def read_single(document: Document, context: Context) -> Serving:
    """Read the file of one asset.

    Raises:
        SpecError: with what is wrong with it, and what it lacks to be served.
    """
    root = document.value
    model, environment = None, no_environment(context)
    if document.kind == MODEL_KIND:
        model = read_model(root, document.folder, context)
        if not model.is_mlflow and model.kind != TRITON:
            hint = _MLFLOW if model.source and (model.source.path / "MLmodel").is_file() else _HINT
            context.find(root, "is a model alone: nothing says how it is asked, as a scoring script does", hint)
    elif document.kind == ENVIRONMENT_KIND:
        environment = read_environment(root, document.folder, context)
        context.find(root, "is an environment alone: it holds no model", _HINT)
    else:
        context.find(root, "is a data asset alone: it holds no model", _HINT)
    # What a package would be made of the rest is of no interest.
    context.findings.raise_any()
    return Serving(
        name=root.get_text("name"),
        version=root.get_text("version"),
        description=root.get_text("description"),
        model=model,
        environment=environment,
        code=None,
        server=Server(name=TRITON_SERVER if model and model.kind == TRITON else ONLINE),
        labels=root.get_mapping("tags"),
    )
