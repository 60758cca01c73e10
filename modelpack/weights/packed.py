"""What is packed in other files: compressed streams, zip and tar archives."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, cast

from modelpack.weights.content import Damaged, Stream

Opener = Callable[[], Stream]
"""Gives a stream over the same content, from its beginning, each time."""

ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
"""What the standard library raises for damaged archives."""
_MEMORY = 16 << 20
_MEMBERS = 200_000
_READ = 1 << 16
_LARGEST = 64 << 30
"""Bytes of one packed archive that are unpacked to look into it."""


def compression(head: bytes) -> str | None:
    """Tell the compression by the first bytes; None for what is not compressed in a way that can be undone here."""
    for name, magic in (("gzip", b"\x1f\x8b\x08"), ("bzip2", b"BZh"), ("xz", b"\xfd7zXZ\0"), ("lzma", b"\x5d\0\0")):
        if head.startswith(magic):
            return name
    if len(head) > 2 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0:
        return "zlib"
    return None


def unpacked(opener: Opener, name: str) -> Opener:
    """Give an opener of what a compressed stream holds."""

    def open_() -> Stream:
        stream = opener()
        file = cast("BinaryIO", _Rest(stream))
        made = _UNPACKERS[name](file)
        return Stream(cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", made), _READ)), packed=file)

    return open_


@contextmanager
def seekable(opener: Opener) -> Iterator[BinaryIO]:
    """Give the content as a file that can be read in any order, unpacked to the disk when it has to be."""
    stream = opener()
    if stream.packed is None and stream.file.seekable() and stream.size is not None:
        yield stream.file
        return
    with tempfile.SpooledTemporaryFile(_MEMORY) as file:
        shutil.copyfileobj(cast("BinaryIO", _Rest(stream, _LARGEST)), file, _READ)
        file.seek(0)
        yield cast("BinaryIO", file)


def zip_members(file: BinaryIO) -> Iterator[tuple[str, Opener]]:
    """Give the files of a zip archive.

    Raises:
        Damaged: it cannot be read as every reader would.
    """
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if len(infos) > _MEMBERS:
            raise Damaged(f"an archive of {len(infos)} files")
        names: set[str] = set()
        for info in infos:
            if info.filename in names:
                raise Damaged(f"an archive with two files of the same name: {info.filename}")
            names.add(info.filename)
            if info.flag_bits & 1:
                raise Damaged(f"an archive with a file that is encrypted: {info.filename}")
            if not info.is_dir():
                yield info.filename, _zip_opener(archive, info)


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Opener:
    def open_() -> Stream:
        file = io.BufferedReader(cast("io.RawIOBase", archive.open(info)), _READ)
        # Seeking goes through the checksum's bytes all the same, so what is compressed says how much it took.
        packed = None if info.compress_type == zipfile.ZIP_STORED else _Constant(info.compress_size)
        return Stream(cast("BinaryIO", file), info.file_size, packed=cast("BinaryIO", packed) if packed else None)

    return open_


def tar_members(file: BinaryIO) -> Iterator[tuple[str, Opener]]:
    """Give the files of a tar archive.

    Raises:
        Damaged: it has more files than any model.
    """
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for count, member in enumerate(archive):
            if count >= _MEMBERS:
                raise Damaged(f"an archive of more than {_MEMBERS} files")
            if member.isreg() and not member.issparse():
                yield member.name, _tar_opener(archive, member)


def _tar_opener(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Opener:
    def open_() -> Stream:
        file = archive.extractfile(member)
        if file is None:
            raise Damaged(f"a file of the archive cannot be read: {member.name}")
        return Stream(cast("BinaryIO", file), member.size)

    return open_


class _Constant:
    """Stands for a compressed file of which only the size is known."""

    def __init__(self, size: int) -> None:
        self._size = size

    def tell(self) -> int:
        return self._size


class _Rest(io.RawIOBase):
    """A stream as a file, up to its end."""

    def __init__(self, stream: Stream, most: int | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._most = most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        stream = self._stream
        size = _READ if size < 0 else size
        if stream.left is not None:
            size = min(size, stream.left)
        data = stream.peek(size) if size else b""
        stream.skip(len(data))
        if self._most is not None and stream.position > self._most:
            raise Damaged(f"it unpacks to more than {self._most} bytes")
        return data

    def tell(self) -> int:
        return self._stream.position


class _Zlib(io.RawIOBase):
    """Unpacks a zlib stream."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._packer = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._packer.eof:
            data = self._packer.unconsumed_tail or self._file.read(_READ)
            if not data:
                raise EOFError("a compressed stream without end")
            if found := self._packer.decompress(data, len(buffer)):
                buffer[: len(found)] = found
                return len(found)
        return 0


_UNPACKERS: Mapping[str, Callable[[BinaryIO], object]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "lzma": lzma.LZMAFile,
    "zlib": _Zlib,
}
