"""The user's own distributions: project folders, source archives and wheels, each a tree of the lock."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack.errors import ResolveError
from modelpack.spec import Requirement, Spec
from modelpack.store import files

if TYPE_CHECKING:
    from modelpack.lock import Tree
    from modelpack.python.from_source import Own

PREFIX = "project-"
"""Begins the names of their trees; nix/lib/packed.nix has the same."""
LEFT_OUT = (
    *("build", "dist", "*.egg-info", ".eggs", "result", "result-*", "node_modules"),
    *(".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".idea", ".vscode"),
    *files.IGNORED,
)
"""Names (shell patterns) at the top of a project, or one folder below, of what tools make and no build wants."""
_ALL_LEVELS = ("*.egg-info", *files.IGNORED)


def layouts(spec: Spec) -> dict[str, files.Layout]:
    """Give what the trees of the user's own distributions are made of.

    Raises:
        ResolveError: two of one name.
    """
    found: dict[str, files.Layout] = {}
    places: dict[str, Path] = {}
    for item in spec.requirements:
        if item.source is None:
            continue
        tree, path = PREFIX + name_of(item), item.source.path
        if places.setdefault(tree, path) != path:
            raise ResolveError(f"{item.origin}: {name_of(item)} is required from two places: {places[tree]} and {path}")
        found[tree] = dict(_project(path, spec)) if path.is_dir() else {path.name: path}
    return found


def own(spec: Spec, trees: Mapping[str, Tree]) -> tuple[Own, ...]:
    """Give the user's own distributions, as the resolver takes them."""
    from modelpack.python.from_source import Own  # noqa: PLC0415 - packaging, which most runs do not need

    found = {}
    for item in spec.requirements:
        if item.source is None:
            continue
        tree = trees[PREFIX + name_of(item)]
        found[name_of(item)] = Own(
            name=name_of(item),
            origin=item.origin,
            path=item.source.path,
            tree=PREFIX + name_of(item),
            sha256=files.digest(tree),
            size=sum(entry.size for entry in tree.files),
            files=tuple(entry.path for entry in tree.files) if item.source.path.is_dir() else (),
        )
    return tuple(found.values())


def name_of(item: Requirement) -> str:
    """Give the normalized name of what a requirement asks for (PEP 503)."""
    match = re.match(r"[A-Za-z0-9._-]+", item.text)
    return re.sub(r"[-_.]+", "-", match[0] if match else item.text).lower()


def _project(folder: Path, spec: Spec) -> Iterator[tuple[str, Path]]:
    """Give the parts of a project: without what tools leave there, and without the package's other files."""
    other = {spec.path, spec.lock_path}
    other |= {source.path for source in (*spec.models.values(), *spec.inputs.values())}
    other |= {item.source.path for item in spec.requirements if item.source}
    for request in spec.check.requests if spec.check else ():
        other |= {source.path for source in (request.request, request.response) if source}
    yield from _parts(folder, "", LEFT_OUT, {path.resolve() for path in other})


def _parts(folder: Path, prefix: str, left_out: tuple[str, ...], other: set[Path]) -> Iterator[tuple[str, Path]]:
    for item in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(item.name, pattern) for pattern in left_out) or item.resolve() in other:
            continue
        if item.is_symlink() or not item.is_dir():
            yield prefix + item.name, item
        elif (item / "pyvenv.cfg").exists():
            continue
        elif not prefix or any(path.is_relative_to(item.resolve()) for path in other):
            yield from _parts(item, f"{prefix}{item.name}/", _ALL_LEVELS, other)
        elif any(names for _, _, names in os.walk(item)):
            yield prefix + item.name, item
