"""The locked wheels as a folder that every installer understands: ``pylock.toml`` (PEP 751) and the files beside it.

PEP 751 wants an address or a path for each file. A lock names no hosts, so the wheels lie in the folder themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from modelpack.delivery import atomic
from modelpack.errors import ExportError
from modelpack.lock import Lock, Wheel
from modelpack.progress import Progress
from modelpack.store.files import is_small
from modelpack.store.storepath import flat_path, recursive_path, store_name

FILENAME = "pylock.toml"
FOLDER = "wheels"
_CHUNK = 1 << 20
_TASK = "copying wheels"
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


class Store(Protocol):
    """The Nix store, as far as it matters here."""

    def physical(self, path: str) -> Path:
        """Give where a store path lies on this machine."""


def export_pylock(
    lock: Lock, store: Store, target: Path, *, built: Mapping[str, Path] | None = None, force: bool, progress: Progress
) -> int:
    """Write the folder, and give the bytes written.

    Args:
        lock: whose wheels, all of which are in the store.
        store: where they are.
        target: the folder to make.
        built: what has been built from source: folders by distribution, as nix/lib/built.nix makes them.
        force: replace a folder that an earlier call wrote; no other one is ever replaced.
        progress: hears of the bytes.

    Raises:
        ExportError: it cannot be written, or a wheel in the store is not what the lock says.
    """
    if not atomic.is_free(target) and not (force and (target / FILENAME).is_file()):
        raise ExportError(
            f"{target} exists and is not an empty folder",
            hint="choose another place; --force replaces a folder that an earlier export made",
        )
    places = dict(_places(lock, store, built or {}))
    wheels = tuple(places)
    total = sum(wheel.size for wheel in wheels)
    atomic.require_space(target.absolute().parent, total)
    progress.start(_TASK, total=total)
    try:
        with atomic.new_folder(target) as folder:
            (folder / FOLDER).mkdir()
            for wheel in wheels:
                _copy(wheel, places[wheel], folder / FOLDER / wheel.filename, progress)
            text = pylock_text(wheels, python=lock.python.version, platform=lock.platform)
            (folder / FILENAME).write_text(text, encoding="utf-8")
    finally:
        progress.finish(_TASK)
    return total + len(text.encode())


def _places(lock: Lock, store: Store, built: Mapping[str, Path]) -> Iterator[tuple[Wheel, Path]]:
    """Give every wheel, as the file that it is, and where that lies."""
    for wheel in lock.python.wheels:
        if wheel.build:
            file = built[wheel.name] / "wheel"
            filename = (built[wheel.name] / "filename").read_text(encoding="utf-8")
        else:
            file = store.physical(_store_path(wheel, lock))
            filename = wheel.filename
        if wheel.build or wheel.tree:
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            wheel = replace(wheel, filename=filename, sha256=sha256, size=file.stat().st_size)  # noqa: PLW2901
        yield wheel, file


def _store_path(wheel: Wheel, lock: Lock) -> str:
    """Give where a wheel's file is in the store; the user's own is a file of its tree."""
    if wheel.tree is None:
        return flat_path(store_name(wheel.filename), wheel.sha256)
    tree = lock.trees[wheel.tree]
    (entry,) = tree.files
    if is_small(entry):
        return f"{recursive_path(wheel.tree, tree.nar_sha256)}/{wheel.filename}"
    return flat_path(store_name(wheel.filename), entry.sha256 or "")


def _copy(wheel: Wheel, source: Path, target: Path, progress: Progress) -> None:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
            progress.advance(_TASK, len(chunk))
    if digest.hexdigest() != wheel.sha256:
        raise ExportError(f"{wheel.filename} in the store is not what the lock says", hint="run: nix-store --verify")


def pylock_text(wheels: Sequence[Wheel], *, python: str, platform: str) -> str:
    """Give the text of a pylock.toml for wheels in the folder beside it.

    Args:
        wheels: one of each distribution.
        python: ``3.11``.
        platform: ``linux/amd64`` or ``linux/arm64``.
    """
    major, minor = python.split(".")
    marker = f"sys_platform == 'linux' and platform_machine == '{_MACHINES[platform]}'"
    head = (
        'lock-version = "1.0"',
        'created-by = "modelpack"',
        f'requires-python = ">={python},<{major}.{int(minor) + 1}"',
        f"environments = [\"{marker} and implementation_name == 'cpython'\"]",
    )
    return "\n".join([*head, *(line for wheel in wheels for line in _package(wheel))]) + "\n"


def _package(wheel: Wheel) -> Iterator[str]:
    yield ""
    yield "[[packages]]"
    yield f'name = "{wheel.name}"'
    yield f'version = "{wheel.version}"'
    yield "[[packages.wheels]]"
    yield f'name = "{wheel.filename}"'
    yield f'path = "{FOLDER}/{wheel.filename}"'
    yield f"size = {wheel.size}"
    yield f'hashes = {{sha256 = "{wheel.sha256}"}}'
