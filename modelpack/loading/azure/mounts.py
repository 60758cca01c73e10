"""Where parts of a package lie in the image, beside the places that modelpack itself gives them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from modelpack import places
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.model import Model
from modelpack.loading.shape_reader import Value
from modelpack.spec import Code

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


def code_place(code: Code) -> str:
    """Give the folder of an Azure container that code lies in."""
    return f"{_APP}/{code.source.path.name}"


def mount_as_azure(model: Model | None, code: Code | None, texts: Iterable[str], *, always: bool) -> dict[str, str]:
    """Link the places where Azure puts model and code, as far as something names them.

    A model in its folder of models keeps its own name, as below ``AZUREML_MODEL_DIR``.

    Args:
        model: lies below a folder of its name and one of its version.
        code: lies in a folder of its own name.
        texts: what may name the places, beside the scoring script.
        always: a server that is not known may look there, whatever is named.
    """
    texts = [*texts]
    if code and code.scoring_script:
        script = code.source.path / code.scoring_script
        texts.append(script.read_text(encoding="utf-8", errors="replace"))
    links = {}
    if model and model.name and model.source and (always or any(f"{_APP}/azureml-models" in text for text in texts)):
        name = model.source.path.name
        links[f"{_APP}/azureml-models/{model.name}/{model.version or '1'}/{name}"] = f"@model@/{name}"
    if code and (always or any(code_place(code) in text for text in texts)):
        links[code_place(code)] = "@code@"
    return links
