"""Remembers the hashes of files by what ``stat`` says of them, so that an unchanged file is not read again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

RACY = 2_000_000_000
"""Nanoseconds: a file changed less than this before it was read may change again without ``stat`` showing it."""

_HEADER = "modelpack-files-1"


class StatCache:
    """The remembered hashes of one tree, in one file.

    A damaged or foreign file is as good as none, and a place that cannot be written only costs time.

    Args:
        path: of the file, which need not exist; None remembers nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._old = _load(path) if path else {}
        self._new: dict[str, Any] = {}

    def sha256(self, name: str, status: os.stat_result) -> str | None:
        """Give the hash of a file that is unchanged; None when it has to be read."""
        known = self._old.get(name)
        if known is None or known[:-1] != _identity(status):
            return None
        self._new[name] = known
        return str(known[-1])

    def keep(self, name: str, status: os.stat_result, sha256: str, *, read_at: int) -> None:
        """Remember the hash of a file, unless its last change is too near to ``read_at`` (ns of the epoch)."""
        if read_at - max(status.st_mtime_ns, status.st_ctime_ns) >= RACY:
            self._new[name] = [*_identity(status), sha256]

    def derived(self, key: str) -> str | None:
        """Give what was remembered for ``key``, a digest of all it depends on."""
        known = self._old.get("/")
        if known is None or known[0] != key:
            return None
        self._new["/"] = known
        return str(known[1])

    def keep_derived(self, key: str, value: str) -> None:
        """Remember a value for ``key`` in place of the one before."""
        # No file of a tree has the name "/".
        self._new["/"] = [key, value]

    def save(self, *, whole: bool) -> None:
        """Write what was asked for or kept, unless it is there already.

        Args:
            whole: everything was asked for, so that what was not is of no use any more.
        """
        content = self._new if whole else self._old | self._new
        if self._path is None or content == self._old:
            return
        body = json.dumps(content).encode()
        import tempfile  # noqa: PLC0415 - not for files that did not change

        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(f"{_HEADER} {hashlib.sha256(body).hexdigest()}\n".encode() + body)
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def _identity(status: os.stat_result) -> list[int]:
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _load(path: Path) -> dict[str, Any]:
    try:
        header, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if header != f"{_HEADER} {hashlib.sha256(body).hexdigest()}".encode():
        return {}
    data: dict[str, Any] = json.loads(body)
    return data
