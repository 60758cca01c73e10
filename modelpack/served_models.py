"""Models as inference servers with versions see them: ``NAME/VERSION/files``, one model or a repository of several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelpack import places
from modelpack.errors import Problem, SpecError
from modelpack.spec import Source, Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """A model with its versions."""

    name: str
    path: str
    """Its folder, below the model folder of the package."""
    versions: tuple[int, ...]
    """Names of its folders that are numbers, ascending."""
    files: tuple[str, ...]
    """Names of what the highest version holds."""
    config: bool
    """Whether the user's own ``config.pbtxt`` lies in it."""


def served_models(spec: Spec) -> tuple[ServedModel, ...]:
    """Give the models of a spec.

    Raises:
        SpecError: a model has no versions, is not here to look into, or two have one name.
    """
    found = [model for name, source in spec.models.items() for model in _models(name, source, spec)]
    names = [model.name for model in found]
    for name in names:
        if names.count(name) > 1:
            raise SpecError((Problem(where=f"{spec.path.name}: model", message=f"two models have the name {name}"),))
    return tuple(found)


def onnx_model(spec: Spec) -> str:
    """Give the name of the first model as the server onnxruntime finds it: of its file, or of what has its versions."""
    name, source = next(iter(spec.models.items()))
    files = [] if source.remote else sorted(path for path in source.path.rglob("*.onnx") if path.is_file())
    if not files:
        return PurePosixPath(source.path.name).stem
    *above, file = PurePosixPath(places.model_path(name, source), files[0].relative_to(source.path)).parts
    folders = [part for part in above if part != "model.onnx"]
    return folders[-2] if len(folders) > 1 and folders[-1].isdigit() else PurePosixPath(file).stem


def _models(name: str, source: Source, spec: Spec) -> Iterator[ServedModel]:
    where = f"{spec.path.name}: {source.key}"
    if source.remote:
        message = f"{spec.server.name} wants to know the versions in it when the package is locked"
        raise SpecError((Problem(where=where, message=message, hint="download it, and name the folder"),))
    path, folder = places.model_path(name, source), source.path
    if _versions(folder):
        yield _model(name, path, folder)
        return
    inner = sorted(item for item in folder.iterdir() if _versions(item)) if folder.is_dir() else []
    if not inner:
        message = f"{spec.server.name} wants a folder for each version, such as {folder.name}/1/"
        raise SpecError((Problem(where=where, message=message, hint="move what is in the folder into one named 1"),))
    yield from (_model(item.name, f"{path}/{item.name}", item) for item in inner)


def _model(name: str, path: str, folder: Path) -> ServedModel:
    versions = _versions(folder)
    newest = folder / next(
        item.name for item in folder.iterdir() if item.name.isdigit() and int(item.name) == versions[-1]
    )
    return ServedModel(
        name=name,
        path=path,
        versions=versions,
        files=tuple(sorted(item.name for item in newest.iterdir())),
        config=(folder / "config.pbtxt").is_file(),
    )


def _versions(folder: Path) -> tuple[int, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(int(item.name) for item in folder.iterdir() if item.is_dir() and item.name.isdigit()))
