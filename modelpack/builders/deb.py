"""Reads Debian binary packages (deb(5): an ar archive of a version, a control archive and a data archive)."""

from __future__ import annotations

import io
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 60
_MODES = {"": "r|", ".gz": "r|gz", ".xz": "r|xz", ".bz2": "r|bz2"}


class FormatError(ValueError):
    """The file is not a .deb that can be read."""


class _Slice(io.RawIOBase):
    """One member of the ar archive."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted)
        self._left -= len(data)
        return data


@contextmanager
def open_member(path: str, stem: str) -> Iterator[tarfile.TarFile]:
    """Open the tar archive whose name begins with ``stem`` (``data.tar``) for reading from front to back.

    Raises:
        FormatError: not a .deb, no such member, or a compression that this Python has no codec for.
    """
    with open(path, "rb") as stream:
        if stream.read(8) != b"!<arch>\n":
            raise FormatError("not an ar archive")
        while header := stream.read(_HEADER):
            if len(header) < _HEADER or not header[48:58].strip().isdigit():
                raise FormatError("damaged ar archive")
            name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), int(header[48:58])
            if name.startswith(stem):
                suffix = name.removeprefix(stem)
                if suffix not in _MODES:
                    raise FormatError(f"{name} is in a compression that is not supported")
                with tarfile.open(fileobj=_Slice(stream, size), mode=_MODES[suffix]) as archive:  # type: ignore[call-overload]
                    yield archive
                return
            stream.seek(size + size % 2, 1)
    raise FormatError(f"no {stem} in it")
