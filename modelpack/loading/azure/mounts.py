"""Where parts of a package lie in the image, beside the places that modelpack itself gives them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from modelpack import places
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.model import Model
from modelpack.loading.shape_reader import Value
from modelpack.spec import Code, Server

_APP = "/var/azureml-app"
"""Folder of an Azure container that holds models and code."""


def mount(value: Value | None, target: str, context: Context, *, below: str = "") -> dict[str, str]:
    """Link a path of the image, which begins at its root, to a part of the package.

    Args:
        value: the path; nothing is linked when there is none.
        target: the part, such as ``@model@``.
        context: takes what is wrong with the path.
        below: what the path is followed by.
    """
    if value is None:
        return {}
    path = posixpath.normpath(f"/{value.text.lstrip('/')}/{below}")
    if fault := places.judge(path, image=False):
        context.find(value, fault)
    return {path: target}


def mount_as_azure(
    model: Model | None, code: Code | None, server: Server, variables: Mapping[str, str]
) -> dict[str, str]:
    """Link the places where Azure puts model and code, when a variable, the command or the script names them.

    A model in its folder of models keeps its own name, as below ``AZUREML_MODEL_DIR``.
    """
    texts = [*variables.values(), *(server.command or ())]
    if code and code.scoring_script:
        script = code.source.path / code.scoring_script
        texts.append(script.read_text(encoding="utf-8", errors="replace"))
    links = {}
    if model and model.name and model.source and any(f"{_APP}/azureml-models" in text for text in texts):
        name = model.source.path.name
        links[f"{_APP}/azureml-models/{model.name}/{model.version or '1'}/{name}"] = f"@model@/{name}"
    if code and any(f"{_APP}/{code.source.path.name}" in text for text in texts):
        links[f"{_APP}/{code.source.path.name}"] = "@code@"
    return links
