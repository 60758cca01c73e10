"""The locked wheels as a folder that every installer understands: ``pylock.toml`` (PEP 751) and the files beside it.

PEP 751 wants an address or a path for each file. A lock names no hosts, so the wheels lie in the folder themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from modelpack.delivery import atomic
from modelpack.errors import ExportError
from modelpack.lock import Lock, Wheel
from modelpack.progress import Progress
from modelpack.store.storepath import flat_path, store_name

FILENAME = "pylock.toml"
FOLDER = "wheels"
_CHUNK = 1 << 20
_TASK = "copying wheels"
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


class Store(Protocol):
    """The Nix store, as far as it matters here."""

    def physical(self, path: str) -> Path:
        """Give where a store path lies on this machine."""


def export_pylock(lock: Lock, store: Store, target: Path, *, force: bool, progress: Progress) -> int:
    """Write the folder, and give the bytes written.

    Args:
        lock: whose wheels, all of which are in the store.
        store: where they are.
        target: the folder to make.
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
    wheels = lock.python.wheels
    total = sum(wheel.size for wheel in wheels)
    atomic.require_space(target.absolute().parent, total)
    progress.start(_TASK, total=total)
    try:
        with atomic.new_folder(target) as folder:
            (folder / FOLDER).mkdir()
            for wheel in wheels:
                source = store.physical(flat_path(store_name(wheel.filename), wheel.sha256))
                _copy(wheel, source, folder / FOLDER / wheel.filename, progress)
            text = pylock_text(wheels, python=lock.python.version, platform=lock.platform)
            (folder / FILENAME).write_text(text, encoding="utf-8")
    finally:
        progress.finish(_TASK)
    return total + len(text.encode())


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
