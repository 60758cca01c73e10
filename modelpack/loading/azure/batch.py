"""Batch deployments: ``az ml batch-deployment create -f``, in the forms of today (``settings``) and of before."""

from __future__ import annotations

from collections.abc import Iterator

from modelpack.loading.azure.code import read_code
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.deployment import NO_MODEL, environment_of, model_of, name_of, of_package
from modelpack.loading.azure.document import Document, given
from modelpack.loading.azure.package import batch_server, judge_batch
from modelpack.loading.azure.serving import Serving
from modelpack.loading.shape_reader import Value
from modelpack.spec import Server

_CLOUD = ("compute", "resources", "endpoint_name", "instance_count")
_OPTIONS = (
    "mini_batch_size",
    "max_concurrency_per_instance",
    "error_threshold",
    "output_action",
    "output_file_name",
    "logging_level",
)
"""Settings that the server has options of the same names for."""


def read_batch(document: Document, context: Context) -> Serving:
    """Read a batch deployment of a model; one that only names a package is that package."""
    root = document.value
    settings = given(root, "settings")
    for key in _CLOUD:
        for owner in filter(None, (root, settings)):
            if value := given(owner, key):
                context.warn(value, "has no effect in a package: it says how a deployment is run")
    options = _options(root, settings, context)
    variables = {**(settings.get_mapping("environment_variables") if settings else {})}
    variables |= root.get_mapping("environment_variables")
    package, environment = environment_of(root, document, context)
    if package:
        return of_package(package, root, context)
    model = model_of(root, document, context)
    configuration = given(root, "code_configuration")
    code = read_code(configuration, document.folder, context) if configuration else None
    judge_batch(configuration, model, root, context)
    if model is None and not {"model", "environment"} & {*root.wrong, *root.fields}:
        context.find(root, "missing", NO_MODEL, key="model")
    return Serving(
        name=(model and model.name) or name_of(root),
        version=model.version if model else None,
        description=root.get_text("description") or (model.description if model else None),
        model=model,
        environment=environment,
        code=code,
        scripted=configuration is not None,
        server=Server(name=batch_server(configuration, model), options=options),
        variables=variables,
        labels=root.get_mapping("tags"),
    )


def _options(root: Value, settings: Value | None, context: Context) -> dict[str, str]:
    found: dict[str, Value] = {}
    for owner in filter(None, (root, settings)):
        for name, value in _said(owner):
            if name in found and found[name].text != value.text:
                context.find(value, f"another one than {found[name].path}: {value.text}", "leave one of them out")
            found[name] = value
    return {name: value.text for name, value in found.items()}


def _said(owner: Value) -> Iterator[tuple[str, Value]]:
    yield from ((name, owner.fields[name]) for name in _OPTIONS if name in owner.fields)
    retries = given(owner, "retry_settings")
    if retries:
        yield from ((name, retries.fields[name]) for name in ("max_retries", "timeout") if name in retries.fields)
