"""One YAML file of Azure ML's: its values, with what nobody filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from modelpack.loading.azure.batch_keys import BATCH_DEPLOYMENT
from modelpack.loading.azure.deployment_keys import CLOUD_ONLY, DEPLOYMENT
from modelpack.loading.azure.keys import DATA, ENVIRONMENT, MODEL, PACKAGE
from modelpack.loading.azure.kinds import (
    BATCH_KIND,
    DATA_KIND,
    DEPLOYMENT_KIND,
    ENVIRONMENT_KIND,
    MODEL_KIND,
    PACKAGE_KIND,
)
from modelpack.loading.shape import Table
from modelpack.loading.shape_reader import Value, read
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import (
    Findings,
    ListNode,
    MapNode,
    Node,
    Place,
    Scalar,
    join_path,
    python_text,
    read_yaml,
)

_TABLES: dict[str, Table] = {
    PACKAGE_KIND: PACKAGE,
    DEPLOYMENT_KIND: DEPLOYMENT,
    BATCH_KIND: BATCH_DEPLOYMENT,
    ENVIRONMENT_KIND: ENVIRONMENT,
    MODEL_KIND: MODEL,
    DATA_KIND: DATA,
}

_BRACES = re.compile(r"\{\{(\s*[\w.-]+\s*)\}\}")
_STAND_IN = re.compile(r"<<(\s*[\w.-]+\s*)>>")
_ANGLES = re.compile(r"<[A-Za-z][A-Za-z0-9_-]*>")
_SHELL = re.compile(r"\$\{\w+\}|\$[A-Za-z_]\w*")
_VARIABLES = "environment_variables"
_FREE = (_VARIABLES, "description", "tags", "properties")
"""Keys whose texts may hold anything but ``{{NAME}}``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A file of Azure ML's that has been read."""

    kind: str
    path: Path
    """Absolute."""
    folder: Folder
    value: Value
    shown: str
    """What messages call it."""

    @property
    def start(self) -> Place:
        """Where the file begins."""
        return Place(file=self.shown, line=1, column=1)


def given(value: Value, key: str) -> Value | None:
    """Give what was written at a key of a table; not the empty table that stands for an absent one."""
    found = value.fields.get(key)
    return found if found and found.place != value.place else None


def read_document(path: Path, kind: str, shown: str, findings: Findings) -> Document | None:
    """Read a file of a kind; None when there is nothing to go on with.

    Args:
        path: the file.
        kind: one of the kinds that have a table.
        shown: what messages call it.
        findings: takes what is wrong, with placeholders that nobody filled in.
    """
    node = read_yaml(path, shown, findings, prepare=lambda text: _BRACES.sub(r"<<\1>>", text))
    if node is None:
        return None
    for scalar, where, text in _unfilled(node, "", kind):
        message = f"a placeholder that was not filled in: {text}"
        findings.add(scalar.place, message, "the file is a template; write the value", path=where)
        findings.settle(scalar.place)
    value = read(_TABLES[kind], _stringified(node, findings), "", findings)
    if value is None:
        return None
    prefix = shown.removesuffix(path.name)
    folder = Folder(path=path.parent.resolve(), shown=prefix, noun=f"the folder of {path.name}", bound=False)
    return Document(kind=kind, path=path.absolute(), folder=folder, value=value, shown=shown)


def _unfilled(node: Node, path: str, kind: str, top: str = "") -> Iterator[tuple[Scalar, str, str]]:
    """Give the texts with placeholders, where they stand, and the placeholders."""
    if isinstance(node, Scalar):
        if match := _STAND_IN.search(node.text):
            yield node, path, f"{{{{{match[1]}}}}}"
        elif top not in _FREE and "entry_script" not in path:
            match = _ANGLES.search(node.text) or _SHELL.search(node.text)
            if match:
                yield node, path, match[0]
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _unfilled(item, f"{path}[{index}]", kind, top)
    else:
        for entry in node.entries:
            if path or kind != DEPLOYMENT_KIND or entry.key not in CLOUD_ONLY:
                inner = entry.key if entry.key == _VARIABLES else top or entry.key
                yield from _unfilled(entry.value, join_path(path, entry.key), kind, inner)


def _stringified(node: Node, findings: Findings, path: str = "") -> Node:
    """Make the values of variables texts, as Azure ML does; a batch deployment has them in its settings."""
    if not isinstance(node, MapNode):
        return node
    entries = []
    for entry in node.entries:
        value = entry.value
        if entry.key == _VARIABLES:
            value = _texts(value, findings, join_path(path, _VARIABLES))
        elif entry.key == "settings":
            value = _stringified(value, findings, "settings")
        entries.append(replace(entry, value=value))
    return MapNode(place=node.place, entries=tuple(entries))


def _texts(node: Node, findings: Findings, path: str) -> Node:
    if not isinstance(node, MapNode):
        return node
    entries = []
    for entry in node.entries:
        value = entry.value
        if isinstance(value, Scalar) and value.kind != "null":
            text = python_text(value)
            if text != value.text:
                said = f"{value.text} is passed as Azure ML passes it: {text}"
                findings.note(value.place, said, path=join_path(path, entry.key))
            value = Scalar(place=value.place, text=text, plain=False)
        entries.append(replace(entry, value=value))
    return MapNode(place=node.place, entries=tuple(entries))
