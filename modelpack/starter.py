"""Starter projects: complete, small projects that ``init`` copies and makes the user's own.

A starter is valid as it lies here, so that it is also our example and a Nix flake template. A line that ends in
``# init: TEMPLATE`` becomes ``TEMPLATE`` in the user's copy, rendered by Jinja2 with ``name`` (the project's) and
``modelpack_url`` (the flake reference of modelpack).
"""

from __future__ import annotations

import difflib
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from modelpack.errors import ModelpackError
from modelpack.lockfile import FILENAME as LOCK
from modelpack.resources import root

_INIT = re.compile(r"^([ \t]*)\S.*# init: (.*)$", re.MULTILINE)
_LONGEST_NAME = 63  # characters: a label of a host name, which names of deployments become


@dataclass(frozen=True, kw_only=True, slots=True)
class Starter:
    """A project that ``init`` can begin with."""

    name: str
    description: str
    """One line, the title of its README."""
    path: Path
    """Its folder, absolute."""


def starters() -> tuple[Starter, ...]:
    """Give all starters, by name."""
    specs = sorted(root("templates").glob("*/modelpack.yaml"))
    return tuple(Starter(name=s.parent.name, description=_title(s.parent), path=s.parent) for s in specs)


def create(name: str, destination: Path, *, modelpack_url: str) -> tuple[Path, ...]:
    """Copy the starter ``name`` into the folder ``destination``, and give the files written, in order.

    Raises:
        ModelpackError: there is no such starter, files would be overwritten, or the folder cannot be written.
    """
    starter = _find(name)
    destination = destination.resolve()
    values = {"name": project_name(destination), "modelpack_url": modelpack_url}
    below = tuple(path.relative_to(starter.path) for path in _own_files(starter.path))
    _refuse_clashes(below, destination)
    contents = {destination / path: _render(starter.path / path, values) for path in below}
    try:
        _write(contents)
    except OSError as error:
        raise ModelpackError(f"cannot write the project: {error.filename or destination}: {error.strerror}") from error
    return tuple(contents)


def project_name(folder: Path) -> str:
    """Make a package name of a folder's name: lower-case letters, digits and single hyphens, a letter first."""
    letters = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    name = words if words[:1].isalpha() else f"model-{words}"
    return name[:_LONGEST_NAME].strip("-")


def _title(folder: Path) -> str:
    with (folder / "README.md").open(encoding="utf-8") as stream:
        return stream.readline().removeprefix("# ").strip()


def _find(name: str) -> Starter:
    known = {starter.name: starter for starter in starters()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    raise ModelpackError(f"unknown starter: {name}", hint=hint)


def _own_files(folder: Path) -> Iterator[Path]:
    """Give the files that belong to a starter: neither what its .gitignore names, nor a lock made for its old name."""
    patterns = (folder / ".gitignore").read_text(encoding="utf-8").split()
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.is_file() and below.name != LOCK and not any(_ignored(below, pattern) for pattern in patterns):
            yield path


def _ignored(path: Path, pattern: str) -> bool:
    """Say whether a pattern of .gitignore without inner slashes covers a path or a folder above it."""
    parts = path.parts[:1] if pattern.startswith("/") else path.parts
    return any(fnmatchcase(part, pattern.strip("/")) for part in parts)


def _refuse_clashes(below: tuple[Path, ...], destination: Path) -> None:
    clashes = tuple(str(path) for path in below if os.path.lexists(destination / path))
    if clashes:
        raise ModelpackError(
            f"files exist already and are not overwritten: {destination}",
            hint="name another folder, or move them away",
            details=clashes,
        )


def _render(source: Path, values: Mapping[str, str]) -> bytes:
    content = source.read_bytes()
    if b"# init: " not in content:
        return content
    import jinja2  # noqa: PLC0415 - only this command needs it

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - not HTML
    environment.filters["nix_string"] = _nix_string
    text = _INIT.sub(lambda line: line[1] + environment.from_string(line[2]).render(values), content.decode("utf-8"))
    return text.encode("utf-8")


def _nix_string(value: str) -> str:
    """Quote for Nix: JSON's escapes, and ``${`` that would begin an expression."""
    return json.dumps(value, ensure_ascii=False).replace("${", "\\${")


def _write(contents: Mapping[Path, bytes]) -> None:
    """Write all files or, where that fails or is interrupted, none."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                written.append(path)
                stream.write(content)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
