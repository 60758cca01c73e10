"""Where findings are: files as programs want them, and keys of a spec as lines of its file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from modelpack.loading.yamlfile import Findings, ListNode, MapNode, Node, Place, join_path, read_yaml

_WHERE = re.compile(r"(?P<file>[^:]+)(?::(?P<line>\d+))?(?::(?P<column>\d+))?(?:: (?P<key>.*))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """A place, taken apart."""

    file: str | None
    line: int | None = None
    column: int | None = None
    key: str | None = None
    """Path of a key, or what stands in place of a file: ``model: weights.pkl``."""


def parse(where: str) -> Where:
    """Take apart what a problem says of its place."""
    match = _WHERE.fullmatch(where)
    if match is None:
        return Where(file=None, key=where or None)
    if match["line"] is None and ("." not in match["file"] or " " in match["file"]):
        return Where(file=None, key=where)
    column = int(match["column"]) if match["column"] else None
    return Where(file=match["file"], line=int(match["line"] or 1), column=column, key=match["key"])


class SpecPlaces:
    """Finds keys in the file of a spec.

    Args:
        path: of the spec.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.folder = shown_folder(path.parent)

    def show(self, name: str) -> str:
        """Name a file of the spec's folder as seen from where the user is."""
        return f"{self.folder}{name}"

    def of(self, *keys: str) -> str:
        """Give the place of a key, or of the nearest one above it that the file has."""
        path = ""
        for key in keys:
            path = join_path(path, key)
        found = next((self._found[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in self._found), None)
        return f"{found}: {path}" if found else f"{self.show(self._path.name)}: {path}"

    @cached_property
    def _found(self) -> Mapping[tuple[str, ...], Place]:
        # MLmodel is YAML too, and of other forms the names of their keys are their own.
        node = read_yaml(self._path, self.show(self._path.name), Findings())
        found: dict[tuple[str, ...], Place] = {}
        if node:
            _collect(node, (), node.place, found)
        return found


def _collect(node: Node, keys: tuple[str, ...], place: Place, found: dict[tuple[str, ...], Place]) -> None:
    found[keys] = place
    if isinstance(node, MapNode):
        for entry in node.entries:
            _collect(entry.value, (*keys, entry.key), entry.place, found)
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            _collect(item, (*keys, str(index)), item.place, found)


def shown_folder(folder: Path) -> str:
    """Name a folder as seen from where the user is, with a slash at its end; empty for that place itself."""
    relative = os.path.relpath(folder)
    if relative == ".":
        return ""
    return f"{folder if relative.startswith('..') else relative}/"
