"""Model packages: ``az ml model package -f``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from modelpack.loading.assets import read_asset
from modelpack.loading.azure.assets import split_target
from modelpack.loading.azure.code import read_code
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.document import Document, given
from modelpack.loading.azure.environment import (
    Environment,
    Routes,
    no_environment,
    read_environment,
    read_routes,
    resolve_environment,
)
from modelpack.loading.azure.kinds import ENVIRONMENT_KIND
from modelpack.loading.azure.model import Model, model_of_package
from modelpack.loading.azure.mounts import mount
from modelpack.loading.azure.serving import BATCH, MLFLOW_BATCH, ONLINE, TRITON_SERVER, Serving
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import FILE, FOLDER
from modelpack.loading.yamlfile import show
from modelpack.spec import Server, Source

Input = tuple[str, Source, Value | None]
"""Name, source, and where it lies in the image."""
CUSTOM = "custom"
ONLINE_TYPE = "azureml_online"
TRITON_TYPE = "triton"
_SHELL_SIGNS = re.compile(r"[$`|&;<>*?(){}~\n]")
_PYTHON = re.compile(r"python3?(?=\s)")


def read_package(document: Document, context: Context) -> Serving:
    """Read a model package."""
    root = document.value
    server = root.fields.get("inferencing_server")
    model = model_of_package(context)
    inputs = list(_inputs(root, document, context))
    configuration = given(server, "code_configuration") if server else None
    kind = server.get_text("type") if server else None
    alone = model and model.is_mlflow and configuration is None and kind == ONLINE_TYPE
    environment = _environment(root, context, needed=not alone and kind != TRITON_TYPE)
    name, version = _target(root, context)
    _judge_modes(root, context)
    code = read_code(configuration, document.folder, context) if configuration else None
    return Serving(
        name=name,
        version=version,
        description=root.get_text("description"),
        model=model,
        environment=environment,
        code=code,
        scripted=configuration is not None,
        server=_server(server, configuration, model, context) if server else Server(name=ONLINE),
        inputs={name: source for name, source, _ in inputs},
        variables=root.get_mapping("environment_variables"),
        labels=root.get_mapping("tags"),
        links=_links(root, model, inputs, context),
    )


def _links(root: Value, model: Model | None, inputs: list[Input], context: Context) -> dict[str, str]:
    configuration = given(root, "model_configuration")
    place = configuration.fields.get("mount_path") if configuration else None
    links = mount(place, f"@model@/{model.source.path.name}", context) if model and model.source else {}
    for name, source, value in inputs:
        links |= mount(value, f"@input-{name}@/{source.path.name}", context)
    return links


def _target(root: Value, context: Context) -> tuple[str | None, str | None]:
    """Give name and version of the package, in the forms of today and of 2023."""
    target = root.fields.get("target_environment") or root.fields.get("target_environment_name")
    if target is None:
        if not root.wrong & {"target_environment", "target_environment_name"}:
            context.find(root, "missing", "write target_environment: NAME", key="target_environment")
        return None, None
    if "target_environment_name" in root.fields and "target_environment" in root.fields:
        old = root.fields["target_environment_name"]
        context.find(old, "cannot stand beside target_environment", "leave it out")
    text = target.text if isinstance(target.data, str) else target.get_text("name") or ""
    version = None if isinstance(target.data, str) else target.get_text("version")
    name, written = split_target(text)
    return name, version or written or root.get_text("target_environment_version")


def _environment(root: Value, context: Context, *, needed: bool) -> Environment:
    source = given(root, "base_environment_source")
    reference = source.fields.get("resource_id") if source else None
    document = resolve_environment(reference, context, needed=needed) if reference else None
    if reference is None or document is None:
        return no_environment(context)
    if document.kind != ENVIRONMENT_KIND:
        context.find(reference, f"is a package, not an environment: {document.shown}")
        return no_environment(context)
    return read_environment(document.value, document.folder, context)


def _server(value: Value, code: Value | None, model: Model | None, context: Context) -> Server:
    kind = value.get_text("type")
    own = given(value, "inference_configuration")
    if kind == "azureml_batch":
        if own:
            context.warn(own, "not read: the server azureml_batch has its own command and no routes")
        judge_batch(code, model, value, context)
        return Server(name=batch_server(code, model))
    if kind == TRITON_TYPE:
        return Server(name=TRITON_SERVER)
    if kind == "custom":
        return _custom(value, own, context)
    if kind == ONLINE_TYPE:
        if own:
            context.warn(own, "not read: the server azureml_online has its own command and routes")
        judge_online(code, model, value, context)
    return Server(name=ONLINE)


def judge_online(code: Value | None, model: Model | None, owner: Value, context: Context) -> None:
    """Find a model that Azure's server cannot serve: not MLflow's, and without a scoring script."""
    if code or (model and (model.is_mlflow or model.source is None)):
        return
    hint = "write code_configuration: {code: ./src, scoring_script: score.py}"
    if model and model.source and (model.source.path / "MLmodel").is_file():
        hint += ", or type: mlflow_model for the model, since MLflow saved it"
    if "code_configuration" not in owner.wrong and model:
        context.find(owner, "missing, only a model of MLflow's needs no scoring script", hint, key="code_configuration")


def judge_batch(code: Value | None, model: Model | None, owner: Value, context: Context) -> None:
    """Find a model that nothing says how to score."""
    if code or "code_configuration" in owner.wrong or model is None or model.source is None:
        return
    hint = "write code_configuration: {code: ./src, scoring_script: score.py}"
    if not model.is_mlflow:
        context.find(owner, "missing, only a model of MLflow's needs no scoring script", hint, key="code_configuration")


def batch_server(code: Value | None, model: Model | None) -> str:
    """Give the name of the job that scores a model: by the script, or else as MLflow loads it."""
    return MLFLOW_BATCH if code is None and model and model.is_mlflow else BATCH


def _custom(value: Value, own: Value | None, context: Context) -> Server:
    command = own.fields.get("entry_script") if own else None
    routes = read_routes(own, context) if own else None
    if own is None or command is None:
        hint = "write entry_script: the start command"
        if own is None or "entry_script" not in own.wrong:
            context.find(own or value, "missing", hint, key="entry_script" if own else "inference_configuration")
    elif routes is None and not own.wrong:
        hint = "write scoring_route: {port: 8080, path: /predict}"
        context.find(own, "missing", hint, key="scoring_route")
    return server_of(routes, _words(command.text) if command else None)


def server_of(routes: Routes | None, command: tuple[str, ...] | None) -> Server:
    """Give a server of the user's own."""
    return Server(
        name=CUSTOM, command=command, port=routes.port if routes else None, routes=routes.paths if routes else None
    )


def _words(text: str) -> tuple[str, ...]:
    """Split a command; one that needs a shell is given to one."""
    text = re.sub(r"\\\n\s*", " ", text).strip()
    if re.fullmatch(r"\S+\.py", text):
        return ("@python@", text)
    if _SHELL_SIGNS.search(text):
        return ("@base@/usr/bin/sh", "-c", text)
    try:
        words = shlex.split(_PYTHON.sub("@python@", text, count=1) if _PYTHON.match(text) else text)
    except ValueError:
        return ("@base@/usr/bin/sh", "-c", text)
    return tuple(words)


def _judge_modes(root: Value, context: Context) -> None:
    configuration = given(root, "model_configuration")
    mode = configuration.fields.get("mode") if configuration else None
    if mode and mode.text != "copy":
        context.note(
            mode, f"the model is part of the package, as with copy; nothing is fetched at the start: {mode.text}"
        )


def _inputs(root: Value, document: Document, context: Context) -> Iterator[Input]:
    taken: set[str] = set()
    for item in root.fields["inputs"].items if "inputs" in root.fields else ():
        source = _input(item, document, context)
        if source is None:
            continue
        name = re.sub(r"^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9._-]+", "-", source.path.name)) or "input"
        if name in taken:
            context.find(item, f"a second input with the name {show(name)}", "give one of the files another name")
        taken.add(name)
        yield name, source, item.fields.get("mount_path")


def _input(item: Value, document: Document, context: Context) -> Source | None:
    kind = {"uri_file": FILE, "uri_folder": FOLDER}.get(item.get_text("type") or "", "")
    path = item.fields.get("path")
    if path is None:
        return None
    if isinstance(path.data, str):
        return context.source(path, document.folder, kind=kind)
    if {"url", "sha256"} <= path.fields.keys():
        return read_asset(path, document.folder, context.findings)
    reference = path.fields.get("resource_id") or _by_name(path)
    if reference is None:
        where = path.fields.get("url")
        message = f"an address, whose file may be another one tomorrow: {show(where.text)}" if where else "missing"
        hint = (
            "write sha256: and its digest beside it"
            if where
            else "write resource_id: azureml:NAME:VERSION, or path: ./FILE"
        )
        context.find(where or path, message, hint, key="" if where else "resource_id")
        return None
    asset = context.resolve(reference, "data")
    if asset is None or "path" not in asset.value.fields:
        return None
    return context.source(asset.value.fields["path"], asset.folder, kind=kind)


def _by_name(path: Value) -> Value | None:
    fields: Mapping[str, Value] = path.fields
    name, version = fields.get("resource_name"), fields.get("resource_version")
    if name is None:
        return None
    return Value(
        place=name.place, path=name.path, data=f"azureml:{name.text}" + (f":{version.text}" if version else "")
    )
