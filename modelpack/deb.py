"""Read a file out of a Debian binary package, without dpkg (deb(5))."""

from __future__ import annotations

import gzip
import importlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from modelpack.errors import FetchError, ToolError

LIMIT = 256 << 20
"""Bytes that a file may have to be read into memory."""
_MAGIC = b"!<arch>\n"
_HEADER = 60


def read_member(deb: Path, *paths: str) -> bytes:
    """Give the content of a regular file of a package, the first of ``paths`` that it has.

    Args:
        deb: the package.
        paths: names from the root, such as ``bin/busybox`` and ``usr/bin/busybox``.

    Raises:
        FetchError: not a Debian package, damaged, or without such a file.
        ToolError: its compression is not known here.
    """
    try:
        with deb.open("rb") as file, _open_data(file, deb) as data:
            found = _find(data, paths, deb)
            # What follows the archive's last entry may still tell that the member is damaged.
            while data.read(1 << 20):
                pass
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise FetchError(f"{deb.name} cannot be read: {error}") from error
    for path in paths:
        if path in found:
            return found[path]
    raise FetchError(f"{deb.name} has no regular file {' or '.join(paths)}")


def _open_data(file: BinaryIO, deb: Path) -> BinaryIO:
    """Find the member data.tar by the headers of the ar archive, and unpack it."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise FetchError(f"{deb.name} is not a Debian package")
    while header := file.read(_HEADER):
        name, length = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
        if len(header) < _HEADER or header[58:] != b"`\n" or not length.isdigit():
            raise FetchError(f"{deb.name} is damaged: no header where a member of the archive begins")
        content = file.read(int(length))
        if len(content) < int(length):
            raise FetchError(f"{deb.name} is damaged: it ends within {name}")
        if name.startswith("data.tar"):
            return _unpack(io.BytesIO(content), name.removeprefix("data.tar"), deb)
        file.read(int(length) % 2)
    raise FetchError(f"{deb.name} is damaged: it has no data.tar")


def _unpack(file: BinaryIO, suffix: str, deb: Path) -> BinaryIO:
    match suffix:
        case ".xz":
            return cast("BinaryIO", lzma.open(file))
        case ".gz":
            return cast("BinaryIO", gzip.open(file))
        case "":
            return file
        case ".zst":
            try:
                zstd = importlib.import_module("compression.zstd")
            except ImportError as error:
                raise ToolError(
                    f"{deb.name} is compressed with zstd, which this Python cannot unpack",
                    hint="run modelpack with Python 3.14 or later",
                ) from error
            return cast("BinaryIO", zstd.open(file))
        case _:
            raise ToolError(f"{deb.name} has a compression that is not known: data.tar{suffix}")


def _find(data: BinaryIO, paths: Sequence[str], deb: Path) -> dict[str, bytes]:
    """Read regular files; a name that is there twice is refused, as readers do not agree which one counts."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=data, mode="r|") as archive:
        for entry in archive:
            name = entry.name.removeprefix("./").lstrip("/")
            if name not in paths or not entry.isreg():
                continue
            if name in found:
                raise FetchError(f"{deb.name} has {name} twice")
            if entry.size > LIMIT:
                raise FetchError(f"{deb.name}: {name} is too large: {entry.size} bytes")
            content = archive.extractfile(entry)
            found[name] = content.read() if content else b""
    return found
