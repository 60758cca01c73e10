"""Repositories of models as Triton lays them out, served without code where their models are ONNX.

NVIDIA's server is in no package index; ONNX Runtime speaks the same protocol at the same routes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from modelpack.loading.azure.context import Context
from modelpack.loading.azure.environment import NOT_READ, no_environment
from modelpack.loading.azure.model import Model
from modelpack.loading.azure.serving import Serving, to_spec
from modelpack.spec import Check, Source, Spec
from modelpack.weights import prototext
from modelpack.weights.content import Damaged
from modelpack.weights.folders import backend_of

_CONFIGURATION = "config.pbtxt"
_SERVED = ("onnxruntime", "onnxruntime_onnx")
_SAID_BY_ONNX = frozenset(
    ("name", "platform", "backend", "input", "output", "max_batch_size", "default_model_filename", "runtime")
)
"""Fields of a configuration that say what the model itself says too, or where it lies."""
_HINT = (
    "deploy on an image that has tritonserver, with environment: {image: ..., inference_config: ...}, "
    "or bring the program: server: triton in a native spec"
)
_LAYOUT = "a repository has models as NAME/VERSION/model.onnx"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Model:
    name: str
    folder: Path
    backend: str
    """As the configuration says, else as the files tell; empty when neither does."""
    unapplied: tuple[str, ...]
    """Fields of the configuration that ONNX Runtime's server does not know."""


def to_triton_spec(serving: Serving, context: Context) -> Spec:
    """Make the spec of a repository; what cannot be served is found."""
    environment = serving.environment
    if environment.image or environment.found.requirements or environment.found.conda:
        context.warn(environment.value, NOT_READ)
        serving = replace(serving, environment=no_environment(context))
    spec = to_spec(serving, context)
    model = serving.model
    if model is None or model.source is None:
        return spec
    models = list(_models(model, context))
    if not models:
        if not len(context.findings):
            context.find(model.value, f"no repository of Triton's: {_LAYOUT}", _HINT)
        return spec
    _say(models, model, context)
    sources = {item.name: Source(path=item.folder, key=model.source.key) for item in models}
    links = _links(spec.links, f"@model@/{model.source.path.name}", sources)
    check = _asked(spec.check, models[0].name) if spec.check else None
    return replace(spec, models=sources, links=links, check=check, notices=context.findings.notices)


def _models(model: Model, context: Context) -> Iterator[_Model]:
    """Give the models that can be served; the others are found."""
    assert model.source is not None  # noqa: S101 - the caller asked
    for folder in _folders(model.source.path):
        try:
            config = _configuration(folder)
        except Damaged as error:
            shown = context.document.folder.show(folder / _CONFIGURATION)
            context.find(model.value, f"{shown}: {error}")
            continue
        backend = backend_of(config, [name for version in _versions(folder) for name in _names(version)])
        if backend not in _SERVED:
            what = f"the backend {backend}" if backend else "a backend that nothing names"
            message = f"the model {folder.name} needs {what} of NVIDIA's server, which no package index has"
            context.find(model.value, message, _HINT)
        elif not any(path.suffix == ".onnx" for version in _versions(folder) for path in version.iterdir()):
            context.find(model.value, f"the model {folder.name} has no version with an ONNX model: {_LAYOUT}")
        else:
            yield _Model(name=folder.name, folder=folder, backend=backend, unapplied=tuple(_unapplied(config)))


def _folders(path: Path) -> list[Path]:
    """Give the folders of models: those of a repository, or the only one, which was named itself."""
    if not path.is_dir():
        return []
    if (path / _CONFIGURATION).is_file() or _versions(path):
        return [path]
    inside = sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))
    return [item for item in inside if (item / _CONFIGURATION).is_file() or _versions(item)]


def _versions(folder: Path) -> list[Path]:
    return sorted(item for item in folder.iterdir() if item.name.isdigit() and item.is_dir())


def _names(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir()]


def _configuration(folder: Path) -> prototext.Message:
    path = folder / _CONFIGURATION
    if not path.is_file():
        return {}
    try:
        return prototext.parse(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged("cannot be read as text") from error


def _unapplied(config: prototext.Message) -> Iterator[str]:
    yield from (name for name in config if name not in _SAID_BY_ONNX)
    tensors = [item for key in ("input", "output") for item in config.get(key, ()) if isinstance(item, Mapping)]
    yield from sorted({name for item in tensors for name in ("reshape", "label_filename") if name in item})


def _say(models: list[_Model], model: Model, context: Context) -> None:
    routes = ", ".join(f"/v2/models/{item.name}/infer" for item in models)
    context.note(
        model.value, f"served by ONNX Runtime in place of Triton, in the same protocol (V2, as JSON): {routes}"
    )
    for item in models:
        if item.unapplied:
            message = f"of {item.name}/{_CONFIGURATION} is not applied: {', '.join(item.unapplied)}"
            context.warn(
                model.value, message, "they are Triton's own: server: triton in a native spec, with its program"
            )


def _links(links: Mapping[str, str], repository: str, sources: Mapping[str, Source]) -> dict[str, str]:
    """Give the links, with one to each model where one to the repository was."""
    if list(sources) == [repository.rpartition("/")[2]]:
        return dict(links)
    kept = {path: target for path, target in links.items() if target != repository}
    whole = [path for path in links if path not in kept]
    return kept | {f"{path}/{name}": f"@model@/{name}" for path in whole for name in sources}


def _asked(check: Check, name: str) -> Check:
    """Give the check that asks the first model, where a request names no route."""
    route = f"/v2/models/{name}/infer"
    return replace(check, requests=tuple(replace(item, route=item.route or route) for item in check.requests))
