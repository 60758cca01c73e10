"""What lies where the server of a package looks for files: models, inputs, code; without building it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from modelpack import injection, places
from modelpack.findings.folding import CODE, INPUT, MODEL
from modelpack.spec import Source, Spec

_MANY = 2000
"""Files of a folder beyond which no better path is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What is at a path of the package."""

    kind: str
    """``file``, ``folder``, ``nothing``, or empty where that cannot be known."""
    near: str = ""
    """Another path below the same root, which is probably meant."""


class Contents:
    """The files of a package.

    Args:
        spec: what the user wrote.
    """

    def __init__(self, spec: Spec) -> None:
        self._roots: dict[str, dict[str, Source]] = {
            MODEL: {places.model_path(name, source): source for name, source in spec.models.items()}
        }
        for name, source in spec.inputs.items():
            self._roots[f"{INPUT}{name}"] = {source.path.name: source}
        if spec.code:
            self._roots[CODE] = {"": spec.code.source}
        self._links = {place: _rooted(target) for place, target in spec.links.items()}
        self.has_image = spec.base.image is not None
        """Whether there are files at other places too, which nobody knows here."""

    def linked(self, path: str) -> str:
        """Give a path that lies at one of the places that the package makes with the root that it leads to."""
        for place, target in self._links.items():
            if path == place or path.startswith(f"{place}/"):
                return target + path.removeprefix(place)
        return path

    def at(self, path: str) -> Found:
        """Say what is at a path that begins with a root of ``folding``."""
        root, _, below = path.partition("/")
        if root not in self._roots:
            return Found(kind="")
        below = "" if below == "." else below
        if below.startswith("..") or any(char in below for char in "*?["):
            return Found(kind="")
        sources = self._roots[root]
        for place, source in sources.items():
            if place and (not below or place.startswith(f"{below}/")):
                return Found(kind="folder")
            if below == place or not place or below.startswith(f"{place}/"):
                kind = _kind(source, posixpath.relpath(below or ".", place or "."))
                return Found(kind=kind, near="" if kind != "nothing" else self.near(root, below))
        unknown = any(source.remote and source.remote.unpack for source in sources.values())
        return Found(kind="") if unknown else Found(kind="nothing", near=self.near(root, below))

    def near(self, root: str, below: str) -> str:
        """Give the path that is probably meant: of a file of the same name, or of nearly the same; empty for none."""
        files = self.files(root)
        name = PurePosixPath(below.replace("\\", "/")).name
        same = [path for path in files if PurePosixPath(path).name.lower() == name.lower()]
        close = get_close_matches(below, files, 1, 0.8)
        return min(same, key=len) if same else close[0] if close else ""

    def files(self, root: str) -> list[str]:
        """Give the files below a root, as far as they lie here."""
        found: list[str] = []
        for place, source in self._roots.get(root, {}).items():
            if source.path.is_dir():
                inside = (path.relative_to(source.path) for path in source.path.rglob("*") if path.is_file())
                for path, _ in zip(inside, range(_MANY), strict=False):
                    found.append(posixpath.join(place, path.as_posix()))
            else:
                found.append(place)
        return sorted(found)


def _kind(source: Source, below: str) -> str:
    if source.remote:
        return "" if source.remote.unpack else "file" if below == "." else "nothing"
    path: Path = source.path / below
    return "folder" if path.is_dir() else "file" if path.is_file() else "nothing"


def variables(spec: Spec) -> Mapping[str, str]:
    """Give the environment variables of a package, with the roots of ``folding`` for what its build knows."""
    found = dict(injection.resolve_server(spec).environment) | dict(spec.environment_variables)
    return {name: _rooted(value) for name, value in found.items()}


def _rooted(value: str) -> str:
    for placeholder, root in (("@model@", MODEL), ("@code@", CODE), ("@input-", INPUT)):
        if value.startswith(placeholder):
            rest = value.removeprefix(placeholder)
            return root + (rest.replace("@", "", 1) if root == INPUT else rest)
    return value
