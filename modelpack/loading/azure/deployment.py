"""Online deployments: ``az ml online-deployment create -f``, with or without ``--package-model``."""

from __future__ import annotations

from dataclasses import replace

from modelpack.loading.azure.code import read_code
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.deployment_keys import CLOUD_ONLY, PACKAGING
from modelpack.loading.azure.document import Document, given
from modelpack.loading.azure.environment import (
    Environment,
    no_environment,
    read_environment,
    resolve_environment,
)
from modelpack.loading.azure.kinds import PACKAGE_KIND
from modelpack.loading.azure.model import TRITON, Model, read_model, refer_to_model, unnamed_model
from modelpack.loading.azure.mounts import code_place, mount
from modelpack.loading.azure.package import CUSTOM, judge_online, read_package
from modelpack.loading.azure.serving import ONLINE, TRITON_SERVER, Serving
from modelpack.loading.shape_reader import Value
from modelpack.spec import Code, Server

NO_MODEL = "write model: {path: ./model}, or name it: --model PATH"


def read_deployment(document: Document, context: Context) -> Serving:
    """Read an online deployment; one that only names a package is that package, with the deployment's variables."""
    root = document.value
    _say_what_has_no_effect(root, context)
    package, environment = environment_of(root, document, context)
    if package:
        return of_package(package, root, context)
    if environment.is_server:
        return _of_image(root, environment, document, context)
    model = model_of(root, document, context)
    configuration = given(root, "code_configuration")
    code = read_code(configuration, document.folder, context) if configuration else None
    _judge(configuration, model, root, context)
    return Serving(
        name=(model and model.name) or name_of(root),
        version=model.version if model else None,
        description=root.get_text("description") or (model.description if model else None),
        model=model,
        environment=environment,
        code=code,
        scripted=configuration is not None,
        server=_server(environment, code, context, triton=_is_repository(model, configuration)),
        variables=root.get_mapping("environment_variables"),
        labels=root.get_mapping("tags"),
        links=_links(root.fields.get("model_mount_path"), model, context),
    )


def _of_image(root: Value, environment: Environment, document: Document, context: Context) -> Serving:
    """Read a deployment whose image is the server: it finds model and code where Azure puts them."""
    model = model_of(root, document, context)
    configuration = given(root, "code_configuration")
    code = read_code(configuration, document.folder, context, python=False) if configuration else None
    routes = environment.routes
    variables = _variables_of_code(code) if code else {}
    return Serving(
        name=(model and model.name) or name_of(root),
        version=model.version if model else None,
        description=root.get_text("description") or (model.description if model else None),
        model=model,
        environment=environment,
        code=replace(code, scoring_script=None) if code else None,
        scripted=True,
        server=Server(name=CUSTOM, port=routes.port, routes=routes.paths) if routes else Server(name=CUSTOM),
        variables=variables | root.get_mapping("environment_variables"),
        labels=root.get_mapping("tags"),
        links=_links(root.fields.get("model_mount_path"), model, context),
    )


def _variables_of_code(code: Code) -> dict[str, str]:
    """Give what Azure tells a container of its code: the folder of the script, and the script in it."""
    folder, _, script = f"{code_place(code)}/{code.scoring_script}".rpartition("/")
    return {"AML_APP_ROOT": folder, "AZUREML_ENTRY_SCRIPT": script}


def _links(place: Value | None, model: Model | None, context: Context) -> dict[str, str]:
    """Mount the model below the folders that Azure puts a named one into, under its own name."""
    if model is None or model.source is None:
        return {}
    name = model.source.path.name
    below = f"{model.name}/{model.version or '1'}/{name}" if model.name else name
    return mount(place, f"@model@/{name}", context, below=below)


def name_of(root: Value) -> str:
    """Give a name for an unnamed model's package: a deployment's own, such as ``blue``, says little."""
    return "-".join(text for key in ("endpoint_name", "name") if (text := root.get_text(key)) and "<" not in text)


def _say_what_has_no_effect(root: Value, context: Context) -> None:
    for key in CLOUD_ONLY:
        if value := given(root, key):
            context.warn(value, "has no effect in a package: it says how a deployment is run")
    for key in PACKAGING:
        if key in root.fields:
            context.note(root.fields[key], "is what modelpack does anyway")


def environment_of(root: Value, document: Document, context: Context) -> tuple[Document | None, Environment]:
    """Give the package that the deployment names as its environment, or the environment."""
    value = given(root, "environment")
    if value is None:
        return None, no_environment(context)
    if not isinstance(value.data, str):
        return None, read_environment(value, document.folder, context)
    asset = resolve_environment(value, context, needed=not _says_all(root, document, context))
    if asset is None:
        return None, no_environment(context)
    if asset.kind == PACKAGE_KIND:
        return asset, no_environment(context)
    return None, read_environment(asset.value, asset.folder, context)


def _says_all(root: Value, document: Document, context: Context) -> bool:
    """Tell whether the model needs no environment; what is wrong with it is found when it is read."""
    model = None if given(root, "code_configuration") else model_of(root, document, context.aside())
    return bool(model and (model.is_mlflow or model.kind == TRITON))


def of_package(package: Document, root: Value, context: Context) -> Serving:
    """Give the package that a deployment names, with the deployment's variables and labels."""
    for key in ("model", "code_configuration"):
        if value := given(root, key):
            context.find(value, f"the environment is a package, which has its own: {package.shown}", "leave it out")
    serving = read_package(package, replace(context, document=package))
    variables = {**serving.variables, **root.get_mapping("environment_variables")}
    return replace(serving, variables=variables, labels={**serving.labels, **root.get_mapping("tags")})


def model_of(root: Value, document: Document, context: Context) -> Model | None:
    """Give the model of a deployment; None when there is none, or when it is wrong."""
    value = given(root, "model")
    if value is None:
        return None if "model" in root.wrong else unnamed_model(context)
    if isinstance(value.data, str):
        return refer_to_model(value, context)
    return read_model(value, document.folder, context)


def _judge(code: Value | None, model: Model | None, root: Value, context: Context) -> None:
    if model is None:
        if "model" not in root.wrong and "environment" not in root.wrong and "environment" not in root.fields:
            context.find(root, "missing", NO_MODEL, key="model")
        return
    if not _is_repository(model, code):
        judge_online(code, model, root, context)


def _is_repository(model: Model | None, code: Value | None) -> bool:
    """Tell whether Triton is meant to serve the model."""
    return model is not None and model.kind == TRITON and code is None


def _server(environment: Environment, code: Code | None, context: Context, *, triton: bool) -> Server:
    if triton:
        return Server(name=TRITON_SERVER)
    routes = environment.routes
    if routes is None or code is None:
        return Server(name=ONLINE)
    own = {"scoring": "/score"}
    for kind, path in routes.paths.items():
        if path != own.get(kind, "/"):
            config = environment.value.fields["inference_config"]
            message = f"the server azureml answers at {own.get(kind, '/')}, not at {path}"
            context.find(config, message, key=f"{kind}_route.path")
    return Server(name=ONLINE, port=routes.port if routes.port != 5001 else None)
