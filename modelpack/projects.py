"""The user's own distributions: project folders, source archives and wheels, each a tree of the lock."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack.errors import ResolveError
from modelpack.spec import Requirement, Source, Spec
from modelpack.store import files, remote

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


def addressed(spec: Spec) -> dict[str, dict[str, Source]]:
    """Give the trees of distributions that are required by address: by tree, by path in it."""
    sources = ((PREFIX + name_of(item), item.source) for item in spec.requirements)
    return {tree: {source.path.name: source} for tree, source in sources if source and source.remote}


def layouts(spec: Spec, cache: Path) -> dict[str, files.Layout]:
    """Give what the trees of the user's own distributions are made of.

    Args:
        spec: requires them.
        cache: modelpack's, where what was downloaded lies.

    Raises:
        ResolveError: two of one name.
    """
    found: dict[str, files.Layout] = {}
    places: dict[str, Path] = {}
    for item in spec.requirements:
        if item.source is None:
            continue
        tree, path = PREFIX + name_of(item), remote.place(item.source, cache)
        if places.setdefault(tree, path) != path:
            raise ResolveError(f"{item.origin}: {name_of(item)} is required from two places: {places[tree]} and {path}")
        found[tree] = dict(_project(path, spec)) if path.is_dir() else {item.source.path.name: path}
    return found


def own(spec: Spec, trees: Mapping[str, Tree], cache: Path) -> tuple[Own, ...]:
    """Give the user's own distributions, as the resolver takes them; what has an address has to be here."""
    from modelpack.python.from_source import Own  # noqa: PLC0415 - packaging, which most runs do not need

    found = {}
    for item in spec.requirements:
        if item.source is None:
            continue
        tree = trees[PREFIX + name_of(item)]
        found[name_of(item)] = Own(
            name=name_of(item),
            origin=item.origin,
            path=remote.place(item.source, cache),
            filename=item.source.path.name,
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
    other |= {item.source.path for item in spec.requirements if item.source and not item.source.remote}
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
