"""Where a model lies in the folders that MLflow and its registries keep around it.

https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store: a run has its models below ``artifacts``; from
MLflow 3 on a model has a folder of its own, ``models/m-ID/artifacts``, and a run's ``outputs`` names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelpack.errors import Problem, SpecError
from modelpack.loading.mlflow.mlmodel import FILENAME
from modelpack.loading.yamlfile import Findings, MapNode, Scalar, read_yaml

META = "meta.yaml"
_REFERENCE = re.compile(r"(models|runs|mlflow-artifacts|m-[0-9a-f]{32}):?/")


def model_below(folder: Path) -> Path | None:
    """Give the folder of the one model that a folder around models has; None where it has none.

    Args:
        folder: of a run, of a logged model, or any other that has MLmodel a level below.

    Raises:
        SpecError: it has several, or names a model that lies elsewhere.
    """
    if _REFERENCE.match(folder.as_posix()):
        hint = f"download it first: mlflow artifacts download --artifact-uri {folder.as_posix()} --dst-path model"
        raise SpecError((Problem(where=folder.as_posix(), message="names a model of a tracking server", hint=hint),))
    if not folder.is_dir():
        return None
    found = sorted(set(_candidates(folder)))
    if len(found) > 1:
        names = ", ".join(path.as_posix() for path in found[:8]) + (f" and {len(found) - 8} more" if found[8:] else "")
        raise SpecError((Problem(where=str(folder), message="has several MLflow models", hint=f"give one: {names}"),))
    if not found:
        _refuse_registered(folder)
    return found[0] if found else None


def logged_name(folder: Path) -> str | None:
    """Give the name that a model was logged with, which MLflow 3 keeps above its ``artifacts``."""
    return meta(folder.parent / META).get("name") if folder.name == "artifacts" else None


def meta(path: Path) -> dict[str, str]:
    """Give the texts of a file that describes a run, a logged model or a version; none for what is no such file."""
    node = read_yaml(path, path.name, Findings()) if path.is_file() else None
    entries = node.entries if isinstance(node, MapNode) else ()
    return {entry.key: entry.value.text for entry in entries if isinstance(entry.value, Scalar)}


def _candidates(folder: Path) -> Iterator[Path]:
    for pattern in (f"*/{FILENAME}", f"artifacts/*/{FILENAME}"):
        yield from (path.parent for path in _glob(folder, pattern))
    for output in _glob(folder, f"outputs/m-*/{META}"):
        model = folder.parent / "models" / output.parent.name / "artifacts"
        if (model / FILENAME).is_file():
            yield model


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def _refuse_registered(folder: Path) -> None:
    """Refuse a version of a registered model, which a registry keeps as the name of the model's place."""
    below = sorted(_glob(folder, f"version-*/{META}"), key=lambda path: (len(path.parent.name), path))
    versions = [(path, meta(path)) for path in (folder / META, *below)]
    named = [(path, said) for path, said in versions if said.get("source") and said.get("version")]
    if named:
        path, said = named[-1]
        place = said.get("storage_location") or said["source"]
        local = Path(unquote(urlsplit(place).path))
        uri = f"models:/{said.get('name', '')}/{said['version']}"
        hint = f"download it: mlflow artifacts download --artifact-uri '{uri}' --dst-path model"
        if (local / FILENAME).is_file():
            hint = f"modelpack build '{local}'"
        message = f"a version of a registered model, which lies elsewhere: {place}"
        raise SpecError((Problem(where=str(path), message=message, hint=hint),))
