"""Finds what could be packaged below a folder of published examples, and says of everything else why it could not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_SUFFIXES = {".yml", ".yaml"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """A file or folder that somebody published."""

    path: str
    """Below the folder of all examples."""
    kind: str
    why_not: str | None = None
    """Why it is nothing to package; None when it is tried."""


def find(root: Path) -> list[Example]:
    """Give all examples below a folder, sorted by path; files of an MLflow model folder are parts of that folder."""
    models = {file.parent for file in root.rglob("MLmodel")}
    found = [Example(path=str(folder.relative_to(root)), kind="MLflow model") for folder in models]
    for file in root.rglob("*"):
        if file.suffix.lower() in _SUFFIXES and not models & set(file.parents):
            found += _classify(file, str(file.relative_to(root)))
    return sorted(found, key=lambda example: example.path)


def _classify(file: Path, path: str) -> Iterator[Example]:
    try:
        documents = list(yaml.load_all(file.read_text(encoding="utf-8"), yaml.BaseLoader))
    except yaml.YAMLError:
        return
    if len(documents) == 1 and isinstance(documents[0], dict) and (kind := _kind(documents[0])):
        yield Example(path=path, kind=kind, why_not=_NOTHING_TO_PACKAGE.get(kind))


_NOTHING_TO_PACKAGE = {
    "endpoint": "names an endpoint and how it is asked; the deployments behind it have the models",
    "environment": "an environment without a model; used by the packages and deployments that name it",
}


def _kind(content: dict[str, Any]) -> str | None:
    """Say what kind of Azure ML file has such keys; None for files of no interest here, such as data assets."""
    keys, schema = content.keys(), str(content.get("$schema", "")).lower()
    if "inferencing_server" in keys:
        return "model package"
    if "batchdeployment" in schema:
        return "batch deployment"
    if "onlinedeployment" in schema or ("instance_type" in keys and keys & {"model", "environment", "endpoint_name"}):
        return "online deployment"
    if "endpoint" in schema or "auth_mode" in keys:
        return "endpoint"
    if "model.schema" in schema:
        return "model"
    if "environment.schema" in schema or (keys & {"dependencies", "channels"} and "dependencies" in keys):
        return "environment"
    return None
