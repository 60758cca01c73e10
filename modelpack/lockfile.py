"""The lock's file: JSON of the lock's values, in a stable form."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from modelpack.codec import CodecError, from_json, to_json
from modelpack.errors import LockError
from modelpack.lock import Lock

VERSION = 1
FILENAME = "modelpack.lock.json"


_last: tuple[Lock, str] | None = None
"""One lock is compared, written and identified in a run; its text is made once."""


def to_text(lock: Lock) -> str:
    """Give the file's text: stable, one value a line, with a final newline."""
    global _last  # noqa: PLW0603
    if _last is None or _last[0] is not lock:
        _last = (lock, json.dumps(to_json(lock), indent=2, ensure_ascii=False) + "\n")
    return _last[1]


def digest(lock: Lock) -> str:
    """Give ``sha256:HEX`` of the file's text."""
    return "sha256:" + hashlib.sha256(to_text(lock).encode()).hexdigest()


def parse(text: str, name: str = FILENAME) -> Lock:
    """Read a lock.

    Raises:
        LockError: it is not JSON, of another version, or not whole.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise LockError(f"{name} is not JSON: {error}", hint="run: modelpack lock") from error
    found = data.get("version") if isinstance(data, dict) else None
    if found != VERSION:
        raise LockError(
            f"{name} has version {found}, this modelpack reads version {VERSION}",
            hint="run: modelpack lock, or use the modelpack that wrote it",
        )
    try:
        return from_json(Lock, data)
    except CodecError as error:
        raise LockError(f"{name}: {error}", hint="run: modelpack lock") from error


def read(path: Path) -> Lock | None:
    """Read the lock at ``path``; None when there is none.

    Raises:
        LockError: as ``parse``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path.name} cannot be read: {error}") from error
    return parse(text, path.name)


def write(lock: Lock, path: Path) -> bool:
    """Write the lock whole or not at all; False when the file had these bytes already."""
    data = to_text(lock).encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise LockError(f"{path.name} cannot be written: {error.strerror}") from error
    return True
