"""What a package or deployment file comes to, made into a ``Spec``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelpack import suites
from modelpack.catalogue import ServerEntry, read_entry
from modelpack.loading.azure.code import judge_code
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.environment import Environment, base_image, judge_image
from modelpack.loading.azure.model import Model
from modelpack.loading.azure.mounts import mount_as_azure
from modelpack.loading.check import (
    EXPECTED_OUTPUTS,
    EXPECTED_RESPONSE,
    SAMPLE_INPUTS,
    SAMPLE_REQUEST,
    read_samples,
)
from modelpack.loading.dependency_files import judge_python
from modelpack.loading.native import this_platform
from modelpack.spec import Base, Check, Code, Image, Server, Source, Spec

ONLINE = "azureml"
"""The server of Azure's online endpoints."""
BATCH = "azureml-batch"
"""The job that does what Azure's batch endpoints do."""
MLFLOW_BATCH = "mlflow-batch"
"""The job that does it for models of MLflow's without a scoring script."""
TRITON_SERVER = "onnxruntime"
"""What stands in for Triton: it serves ONNX models in the same protocol, at the same routes."""
_SAMPLES = (SAMPLE_REQUEST, "sample_request.json")
"""Names of a sample request, in the order in which they are looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """A model, what it needs, and the server."""

    name: str | None
    """Said by the file, in any letters; the model's when absent."""
    version: str | None
    description: str | None
    model: Model | None
    environment: Environment
    code: Code | None
    """None: there is none, or it is wrong."""
    server: Server
    scripted: bool = False
    """A code configuration was written, right or wrong."""
    inputs: Mapping[str, Source] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def is_no_code(serving: Serving) -> bool:
    """Tell whether the model itself says how it is served."""
    model = serving.model
    return bool(model and model.is_mlflow and not serving.scripted and serving.server.name in (ONLINE, MLFLOW_BATCH))


def to_spec(serving: Serving, context: Context) -> Spec:
    """Make the spec; what is wrong is found, and something of the right type is given all the same."""
    found = serving.environment.found
    suite = suites.suite_with(found.python)
    python = found.python or suites.default_python(suite)
    judge_python(python, found)
    judge_image(serving.environment, f"debian:{suite}", context)
    entry = read_entry(serving.server.name)
    if serving.code and entry.scoring_script:
        judge_code(serving.code, python, entry.scoring_script, context)
    models = {serving.model.source.path.name: serving.model.source} if serving.model and serving.model.source else {}
    spec = Spec(
        path=context.document.path,
        lock_path=context.document.path,
        name="",
        version="",
        description=serving.description,
        models=models,
        python=python,
        requirements=tuple(found.requirements),
        constraints=tuple(found.constraints),
        conda=tuple(found.conda),
        channels=tuple(dict.fromkeys(found.channels)),
        indexes=found.indexes,
        code=serving.code,
        server=serving.server,
        inputs={},
        environment_variables={},
        base=Base(distribution="debian", suite=suite, image=base_image(serving.environment)),
        check=_check(serving, entry, context),
        image=Image(labels={}),
        platform=this_platform(),
    )
    return finish(spec, serving, context)


def finish(spec: Spec, serving: Serving, context: Context) -> Spec:
    """Give a spec what the file says whatever the server is: identity, variables, labels, places, lock."""
    path = context.document.path
    variables = {**serving.environment.variables, **_variables(serving), **serving.variables}
    return replace(
        spec,
        path=path,
        lock_path=lock_beside(path, _sources(serving)),
        name=_name(serving, context),
        version=_version(serving, context),
        inputs=serving.inputs,
        environment_variables=variables,
        image=Image(labels=serving.labels),
        links=_links(serving, variables),
        notices=context.findings.notices,
    )


def _links(serving: Serving, variables: Mapping[str, str]) -> dict[str, str]:
    """Give the mounts; a model that the file mounts elsewhere is not in Azure's own place too."""
    always = serving.environment.is_server
    links = mount_as_azure(serving.model, serving.code, [*variables.values(), *_command(serving)], always=always)
    mounted = set(serving.links.values())
    return {path: target for path, target in links.items() if target not in mounted} | serving.links


def _command(serving: Serving) -> tuple[str, ...]:
    return serving.server.command or ()


def _variables(serving: Serving) -> dict[str, str]:
    """Give what Azure tells the scoring script of a model of MLflow's."""
    model = serving.model
    return {"MLFLOW_MODEL_FOLDER": model.source.path.name} if model and model.is_mlflow and model.source else {}


def lock_beside(path: Path, sources: Iterable[Path]) -> Path:
    """Give where the lock of a file lies: beside it, or beside the folder that is packaged with the file in it."""
    held = [source for source in sources if path.is_relative_to(source)]
    top = min(held, key=lambda source: len(source.parts), default=None)
    return (
        path.with_name(f"{path.stem}.lock.json") if top is None else top.with_name(f"{top.name}.{path.stem}.lock.json")
    )


def _sources(serving: Serving) -> list[Path]:
    sources = [*serving.inputs.values()]
    sources += [serving.code.source] if serving.code else []
    sources += [serving.model.source] if serving.model and serving.model.source else []
    return [source.path for source in sources]


def _name(serving: Serving, context: Context) -> str:
    model = serving.model
    said = context.options.name or serving.name or (model and model.name) or context.document.path.stem
    name = re.sub(r"[._-]*[^a-z0-9._-]+[._-]*", "-", said.lower())
    name = re.sub(r"([._-])[._-]+", r"\1", name).strip("._-")[:100] or "model"
    if name != said:
        context.findings.note(context.document.start, f"the package's name is {name}, since images have such names")
    return name


def _version(serving: Serving, context: Context) -> str:
    said = serving.version or (serving.model and serving.model.version) or "1"
    version = re.sub(r"[^A-Za-z0-9._-]+", "-", said).lstrip("._-")[:128] or "1"
    if version != said:
        context.findings.note(
            context.document.start, f"the package's version is {version}, since images have such tags"
        )
    return version


def _check(serving: Serving, entry: ServerEntry, context: Context) -> Check | None:
    found = sample(serving, context)
    if found is None and entry.job:
        say_unchecked(context)
        return None
    if found is None:
        hint = f"put {SAMPLE_REQUEST} beside this file, or name a sample with --request FILE"
        message = "there is no sample request: the check only waits until the server is ready"
        context.findings.warn(context.document.start, message, hint)
        return Check(requests=())
    return read_samples(*found, entry, context.document.folder, context.findings)


def say_unchecked(context: Context) -> None:
    """Say that a job without sample inputs is not checked."""
    hint = f"put a folder {SAMPLE_INPUTS} beside this file, or name one with --request FOLDER"
    context.findings.warn(context.document.start, "there are no sample inputs: nothing is checked", hint)


def _is_job(serving: Serving) -> bool:
    return serving.server.name in (BATCH, MLFLOW_BATCH)


def sample(serving: Serving, context: Context) -> tuple[Path, Path | None] | None:
    """Give a sample request, and the answer beside it when there is one; None when there is no sample."""
    request = context.options.request or _beside(serving, context)
    if request is None:
        return None
    response = request.parent / (EXPECTED_OUTPUTS if _is_job(serving) else EXPECTED_RESPONSE)
    return request.absolute(), response.absolute() if response.exists() else None


def _beside(serving: Serving, context: Context) -> Path | None:
    """Look for a sample request beside the file, then beside the code and the model that it names."""
    folders = [context.document.path.parent]
    folders += [serving.code.source.path.parent] if serving.code else []
    folders += [serving.model.source.path.parent] if serving.model and serving.model.source else []
    for folder in folders:
        for name in (SAMPLE_INPUTS,) if _is_job(serving) else _SAMPLES:
            if (folder / name).is_dir() if name == SAMPLE_INPUTS else (folder / name).is_file():
                shown = context.document.folder.show(folder / name)
                context.findings.note(context.document.start, f"the check sends the sample request {shown}")
                return folder / name
    return None
