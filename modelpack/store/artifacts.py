"""What must be in the store before a lock's package can be built, and at which paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelpack.lock import CondaPackage, Deb, FileEntry, ImageBlob, InterpreterTarball, Lock, Wheel
from modelpack.store import seed
from modelpack.store.files import is_small
from modelpack.store.storepath import flat_path, recursive_path, store_name


class Store(Protocol):
    """The Nix store, as far as it matters here; ``modelpack.store.nix.Nix`` is one."""

    def missing(self, paths: Sequence[str]) -> set[str]:
        """Give which of these store paths are not there."""

    def add_flat(self, files: Sequence[tuple[str, Path]]) -> tuple[str, ...]:
        """Add files, each under a store name, by the sha256 of their bytes, and give their store paths."""

    def add_tree(self, folder: Path) -> str:
        """Add a folder under its own name, by the sha256 of its NAR, and give its store path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeFile:
    """A file of the user's with a store path of its own."""

    tree: str
    entry: FileEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallFiles:
    """The folder of a tree's small files and symlinks."""

    tree: str
    entries: tuple[FileEntry, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed:
    """The seed, out of its Debian package."""

    deb: Deb


Origin = Wheel | Deb | ImageBlob | InterpreterTarball | CondaPackage | LargeFile | SmallFiles | Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """One fixed-output store path, and what it is made of."""

    store_path: str
    name: str
    """The path's part after the hash."""
    label: str
    """What messages call it."""
    size: int
    """Bytes to download or to read."""
    sha256: str
    """Of the file to have, hexadecimal; of ``SmallFiles``, of their NAR."""
    origin: Origin


def artifacts(lock: Lock) -> tuple[Artifact, ...]:
    """Give all artifacts of a lock; what two of its parts share is there once."""
    return tuple({artifact.store_path: artifact for artifact in _all(lock)}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The artifacts of a lock."""

    all: tuple[Artifact, ...]
    absent: tuple[Artifact, ...]
    """Those that the store lacked when it was asked."""

    @classmethod
    def of(cls, lock: Lock, store: Store) -> Wanted:
        """Ask the store, once for all of them."""
        found = artifacts(lock)
        missing = store.missing([artifact.store_path for artifact in found])
        return cls(all=found, absent=tuple(artifact for artifact in found if artifact.store_path in missing))


def seed_artifact(deb: Deb, nar_sha256: str) -> Artifact:
    """Give the artifact of the seed out of a package."""
    return Artifact(
        store_path=recursive_path(seed.NAME, nar_sha256),
        name=seed.NAME,
        label=deb.filename,
        size=deb.size,
        sha256=deb.sha256,
        origin=Seed(deb=deb),
    )


def _all(lock: Lock) -> Iterator[Artifact]:
    for key, tree in lock.trees.items():
        small = tuple(entry for entry in tree.files if is_small(entry))
        yield _small(key, small, tree.nar_sha256)
        for entry in tree.files:
            if not is_small(entry):
                yield _large(key, entry)
    tools = lock.python.build
    yield from (_package(wheel) for wheel in lock.python.wheels if wheel.tree is None)
    yield from map(_package, tools.wheels if tools else ())
    yield from map(_package, tools.compilers.packages if tools and tools.compilers else ())
    if lock.python.interpreter:
        if lock.python.interpreter.tarball:
            yield _package(lock.python.interpreter.tarball)
        yield from map(_package, lock.python.interpreter.conda)
    yield from map(_package, lock.base.target.packages)
    yield from map(_package, lock.base.tools.packages)
    if lock.image_base:
        yield from map(_package, (lock.image_base.config, *lock.image_base.layers))
    yield seed_artifact(lock.base.seed, lock.base.seed_nar_sha256)


def conda_artifact(package: CondaPackage) -> Artifact:
    """Give the artifact of a package of conda's."""
    return _package(package)


def _package(package: Wheel | Deb | ImageBlob | InterpreterTarball | CondaPackage) -> Artifact:
    name = store_name(package.filename)
    return Artifact(
        store_path=flat_path(name, package.sha256),
        name=name,
        label=package.filename,
        size=package.size,
        sha256=package.sha256,
        origin=package,
    )


def _large(tree: str, entry: FileEntry) -> Artifact:
    name, sha256 = store_name(entry.path.rpartition("/")[2]), entry.sha256 or ""
    return Artifact(
        store_path=flat_path(name, sha256),
        name=name,
        label=f"{tree}: {entry.path}",
        size=entry.size,
        sha256=sha256,
        origin=LargeFile(tree=tree, entry=entry),
    )


def _small(tree: str, entries: tuple[FileEntry, ...], nar_sha256: str) -> Artifact:
    return Artifact(
        store_path=recursive_path(tree, nar_sha256),
        name=tree,
        label=f"{tree}: the files below 4 MiB",
        size=sum(entry.size for entry in entries),
        sha256=nar_sha256,
        origin=SmallFiles(tree=tree, entries=entries),
    )
