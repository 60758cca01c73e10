"""Reads Debian binary packages (deb(5): an ar archive of a version, a control archive and a data archive)."""

from __future__ import annotations

import gzip
import importlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

_MAGIC = b"!<arch>\n"
_HEADER = 60


class FormatError(ValueError):
    """The file is not a .deb that can be read; the text goes on from its name: ``is not a Debian package``."""


class CodecMissingError(FormatError):
    """The archive is in a compression that this Python cannot unpack."""


@contextmanager
def open_member(path: str, stem: str) -> Iterator[tarfile.TarFile]:
    """Open the tar archive called ``stem`` (``data.tar``), in whatever compression, to be read from front to back.

    When everything in it was wanted, its end is read too, which tells whether it is whole.

    Raises:
        FormatError: not a .deb, damaged, or without such a member.
        CodecMissingError: a compression that this Python does not know.
    """
    try:
        with open(path, "rb") as file, _find(file, stem) as data:
            with tarfile.open(fileobj=data, mode="r|") as archive:
                yield archive
            while data.read(1 << 20):
                pass
    except (EOFError, tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"cannot be read: {error}") from error


class _Member(io.RawIOBase):
    """The bytes of one member."""

    def __init__(self, file: BinaryIO, name: str, size: int) -> None:
        self._file, self._name, self._left = file, name, size

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        if not data and wanted:
            raise FormatError(f"is damaged: it ends within {self._name}")
        self._left -= len(data)
        return data


def _find(file: BinaryIO, stem: str) -> BinaryIO:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise FormatError("is not a Debian package")
    while header := file.read(_HEADER):
        name, length = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
        if len(header) < _HEADER or header[58:] != b"`\n" or not length.isdigit():
            raise FormatError("is damaged: no header where a member of the archive begins")
        if name.startswith(stem):
            member = _Member(file, name, int(length))
            return _unpack(cast("BinaryIO", member), name, name.removeprefix(stem))
        file.seek(int(length) + int(length) % 2, io.SEEK_CUR)
    raise FormatError(f"is damaged: it has no {stem}")


def _unpack(member: BinaryIO, name: str, suffix: str) -> BinaryIO:
    match suffix:
        case ".xz":
            return cast("BinaryIO", lzma.open(member))
        case ".gz":
            return cast("BinaryIO", gzip.open(member))
        case "":
            return member
        case ".zst":
            try:
                zstd = importlib.import_module("compression.zstd")
            except ImportError as error:
                raise CodecMissingError("is compressed with zstd, which Python unpacks from 3.14 on") from error
            return cast("BinaryIO", zstd.open(member))
        case _:
            raise CodecMissingError(f"has a compression that is not known: {name}")
