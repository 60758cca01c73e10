"""Models: inline, by reference, or by the command line; a file or folder either way."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from modelpack.loading.azure.context import Context
from modelpack.loading.azure.references import parse_reference
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import Folder, exists, is_file
from modelpack.loading.yamlfile import Place
from modelpack.spec import Source

MLFLOW = "mlflow_model"
TRITON = "triton_model"
BESIDE = "model"
"""Folder that is taken for the model when nothing names one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model, and what it was registered as."""

    value: Value
    """Where it was written."""
    source: Source | None
    """None when it is wrong."""
    kind: str = "custom_model"
    name: str | None = None
    version: str | None = None
    description: str | None = None

    @property
    def is_mlflow(self) -> bool:
        """Whether MLflow saved it, so that it says itself what it needs."""
        return self.kind == MLFLOW


def read_model(value: Value, folder: Folder, context: Context) -> Model:
    """Read a model that was written in a file.

    Args:
        value: the mapping.
        folder: where its path begins.
        context: takes what is wrong.
    """
    path = value.fields.get("path")
    if path is None and "path" not in value.wrong:
        context.find(value, "missing", "write path: ./model", key="path")
    source = context.source(path, folder) if path else None
    kind = value.get_text("type") or "custom_model"
    if path and source and kind == MLFLOW and not is_file(source.path / "MLmodel"):
        context.find(path, f"no MLflow model: there is no file {path.text.rstrip('/')}/MLmodel")
    return Model(
        value=value,
        source=source,
        kind=kind,
        name=value.get_text("name"),
        version=value.get_text("version"),
        description=value.get_text("description"),
    )


def unnamed_model(context: Context) -> Model | None:
    """Give the model of the command line, for a file that may name one and does not; None when it does not either."""
    return _of_command_line(context.options.model, context) if context.options.model else None


def refer_to_model(value: Value, context: Context) -> Model:
    """Read the model that a reference names, or the one of the command line in its place."""
    if context.options.model is None:
        return _registered(value, context)
    model = _of_command_line(context.options.model, context)
    reference = parse_reference(value.text, "model")
    if isinstance(reference, tuple):
        context.find(value, *reference)
        return model
    return replace(model, name=model.name or reference.name, version=model.version or reference.version)


def model_of_package(context: Context) -> Model | None:
    """Give the model of a file that names none, as Azure's command line does: by option, else the folder beside it."""
    if context.options.model:
        return _of_command_line(context.options.model, context)
    document = context.document
    path = document.path.parent / BESIDE
    if not exists(path):
        hint = "name it: --model PATH or --model azureml:NAME:VERSION"
        context.find(document.value, "a model package names no model, and there is no folder model beside it", hint)
        return None
    context.findings.note(document.start, f"the model is the folder beside this file: {document.folder.show(path)}")
    return _at(path, "model", document.start)


def _registered(value: Value, context: Context) -> Model:
    document = context.resolve(value, "model")
    return read_model(document.value, document.folder, context) if document else Model(value=value, source=None)


def _of_command_line(text: str, context: Context) -> Model:
    place = Place(file="--model", line=1, column=1)
    value = Value(place=place, path="", data=text)
    if re.match(r"azureml:|/subscriptions/", text):
        return _registered(value, context)
    here = Folder(path=Path.cwd(), shown="", bound=False)
    source = context.source(value, here)
    return _at(source.path, "--model", place) if source else Model(value=value, source=None)


def _at(path: Path, key: str, place: Place) -> Model:
    return Model(
        value=Value(place=place, path="", data=str(path)),
        source=Source(path=path, key=key),
        kind=MLFLOW if is_file(path / "MLmodel") else "custom_model",
    )
