"""TOML and JSON files with places: parsed by the standard library, and where what they say stands in the text."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelpack.loading import positions
from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.pip_file import decode
from modelpack.loading.shape_reader import near
from modelpack.loading.yamlfile import Place, quote, show

Shape = object
"""``str``, ``dict``, ``list``; a list with the shape of its items; a table of shapes by key, ``*`` for all others."""
_WORDS: Mapping[type, str] = {str: "text", dict: "a table", list: "a list"}
_ABSENT = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class TomlFile:
    """A TOML or JSON file and what it says."""

    path: Path
    data: Mapping[str, Any]
    found: Dependencies
    paths: Mapping[int, positions.Path]
    """Key path of each table and list, by ``id``."""
    offsets: Mapping[positions.Path, int]
    """Where each key and item begins."""
    breaks: Sequence[int]
    """Offsets of the ends of lines."""

    def table(self, *keys: str) -> Mapping[str, Any]:
        """Give the table at a key path; an empty one when there is none."""
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def line(self, text: str, within: object, *keys: str | int) -> Line:
        """Give what stands in the file, for messages and origins.

        Args:
            text: what is said there.
            within: a table or list of the file.
            keys: the way on from there; what does not exist is where it would be.
        """
        path = (*self.paths.get(id(within), ()), *keys)
        there = path
        while there not in self.offsets:
            there = there[:-1]
        offset = self.offsets[there]
        number = bisect_left(self.breaks, offset)
        place = self.found.place(self.path, number + 1, offset - (self.breaks[number - 1] if number else -1))
        return Line(text, place, positions.in_words(path))

    def add(self, within: object, message: str, hint: str | None = None) -> None:
        """Keep one problem of a table or list of the file."""
        self.found.add(self.line("", within), message, hint)

    def choose(self, kind: str, wanted: Iterable[str], known: Iterable[str], place: Place | None = None) -> list[str]:
        """Give the keys of what was asked for by name, at a place; those that do not exist are found wrong."""
        by_name = {normal(name): name for name in known}
        chosen = []
        for name in wanted:
            if normal(name) in by_name:
                chosen.append(by_name[normal(name)])
            else:
                hint = near(name, by_name.values()) or (f"it has: {', '.join(by_name.values())}" if by_name else None)
                where = place or self.found.place(self.path)
                self.found.findings.add(where, f"{self.path.name} has no {kind} named {show(name)}", hint)
        return chosen


def describe(value: object) -> str:
    """Say in words what a value is: ``a list``, ``the number 5``, ``the text "x"``."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {quote(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 1000:
        return "a number of hundreds of digits"
    return f"{'the number ' if isinstance(value, int | float) and not isinstance(value, bool) else ''}{value!s}".lower()


def normal(name: str) -> str:
    """Give the form in which names of distributions, extras and groups are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_toml(path: Path, found: Dependencies, shape: Shape) -> TomlFile | None:
    """Read a TOML file; None when there is nothing to go on with, which is then found.

    Args:
        path: the file.
        found: takes what is wrong.
        shape: how it is laid out; what is not so is found wrong and left out.
    """
    text = decode(path, found)
    if text is None:
        return None
    try:
        data = tomllib.loads(text)
    except RecursionError:
        found.findings.add(found.place(path), "not TOML that is read: nested too deep")
        return None
    except ValueError as error:  # a TOMLDecodeError, or a number of thousands of digits
        match = re.search(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
        place = found.place(path, int(match[2]), int(match[3])) if match else found.place(path)
        message = match[1] if match else str(error)
        found.findings.add(place, f"not TOML: {message[:1].lower()}{message[1:]}")
        return None
    return with_places(path, data, positions.of_toml(text), text, found, shape)


def with_places(
    path: Path,
    data: Mapping[str, Any],
    offsets: Mapping[positions.Path, int],
    text: str,
    found: Dependencies,
    shape: Shape,
) -> TomlFile:
    """Give what a parsed text says, with the places of all of it; what is not laid out as it should be is left out."""
    breaks = [match.start() for match in re.finditer("\n", text)]
    paths: dict[int, positions.Path] = {}
    file = TomlFile(path=path, data={}, found=found, paths=paths, offsets=offsets, breaks=breaks)
    kept = _Sieve(file, paths).kept(data, shape, ())
    return replace(file, data=kept if isinstance(kept, dict) else {})


class _Sieve:
    """Copies values that have a shape, and finds those that do not wrong."""

    def __init__(self, file: TomlFile, paths: dict[int, positions.Path]) -> None:
        self.file = file
        self.paths = paths
        """Takes the key path of each table and list that is kept."""

    def kept(self, value: object, shape: Shape, path: positions.Path) -> object:
        kind: type = object if shape is None else shape if isinstance(shape, type) else type(shape)
        if not isinstance(value, kind):
            message = f"expected {_WORDS[kind]}, found {describe(value)}"
            self.file.found.add(self.file.line("", None, *path), message)
            return _ABSENT
        if isinstance(value, list):
            inner = shape[0] if isinstance(shape, list) else None
            items = (self.kept(item, inner, (*path, index)) for index, item in enumerate(value))
            copy: object = [item for item in items if item is not _ABSENT]
        elif isinstance(value, dict):
            shapes = shape if isinstance(shape, dict) else {}
            pairs = (
                (key, self.kept(item, shapes.get(key, shapes.get("*")), (*path, key))) for key, item in value.items()
            )
            copy = {key: item for key, item in pairs if item is not _ABSENT}
        else:
            return value
        self.paths[id(copy)] = path
        return copy
