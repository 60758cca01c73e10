"""What the indexes know of the releases of a distribution: when they came, for whom, and which were withdrawn."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from modelpack.errors import FetchError
from modelpack.parallel import Stop, run
from modelpack.python import index as python_index
from modelpack.python.index import IndexFile
from modelpack.python.scope import Scope

_WORKERS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """The files of one version."""

    version: Version
    files: tuple[IndexFile, ...]

    @property
    def day(self) -> str:
        """When the first of its files came, ``2024-02-05``; empty when no index says."""
        return min((file.uploaded for file in self.files if file.uploaded), default="")[:10]

    @property
    def yanked(self) -> bool:
        """All of its files were withdrawn."""
        return all(file.yanked is not None for file in self.files)

    @property
    def has_source(self) -> bool:
        """It can be built."""
        return any(file.filename.endswith((".tar.gz", ".zip")) for file in self.files)

    def for_python(self, version: str) -> bool:
        """Say whether some file of it is for that version of Python."""
        return any(_allows(file.requires_python, version) for file in self.files)

    def has_wheel(self, tags: Iterable[Tag]) -> bool:
        """Say whether it has a wheel with one of the tags."""
        wanted = frozenset(tags)
        return any(not wanted.isdisjoint(_tags(file.filename)) for file in self.files)


def _tags(filename: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return frozenset()


def offered(names: Sequence[str], scope: Scope) -> tuple[Mapping[str, Sequence[IndexFile]], bool]:
    """Read what all indexes have of some distributions; also whether every index answered."""
    try:
        indexes = python_index.indexes(scope)
    except FetchError:
        return {}, False

    def ask(name: str) -> tuple[str, list[IndexFile] | None]:
        try:
            return name, [file for index in indexes for file in python_index.files(name, index, scope.cache)]
        except FetchError:
            return name, None

    first, *others = names
    found = dict([ask(first)])
    if found[first] is None:
        # Where one is not answered, behind an air gap, the rest would only wait for as long each.
        return {}, False
    found |= dict(run(ask, others, workers=_WORKERS, stop=Stop()))
    return {name: files for name, files in found.items() if files}, None not in found.values()


def releases(name: str, files: Iterable[IndexFile]) -> dict[Version, Release]:
    """Put the files of a distribution together by their versions."""
    grouped: dict[Version, list[IndexFile]] = {}
    for file in files:
        if (version := _version(name, file.filename)) is not None:
            grouped.setdefault(version, []).append(file)
    return {version: Release(version=version, files=tuple(of_it)) for version, of_it in grouped.items()}


def _version(name: str, filename: str) -> Version | None:
    """Give the version of a file; None when it is of something else, or of a kind that nobody installs."""
    if filename.endswith(".whl"):
        found, _, rest = filename.partition("-")
        version = rest.partition("-")[0]
    elif filename.endswith((".tar.gz", ".zip")):
        found, _, version = filename.removesuffix(".zip").removesuffix(".tar.gz").rpartition("-")
    else:
        return None
    return _parsed(version) if canonicalize_name(found) == name else None


@functools.cache
def _parsed(version: str) -> Version | None:
    try:
        return Version(version.replace("_", "+"))
    except InvalidVersion:
        return None


def _allows(requires_python: str, version: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True
