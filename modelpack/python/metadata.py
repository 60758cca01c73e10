"""The core metadata of a wheel without the wheel: from the cache, beside it (PEP 658), or out of its middle."""

from __future__ import annotations

import email.parser
import email.policy
import io
import re
import tempfile
import threading
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from modelpack.errors import ResolveError
from modelpack.lock import Wheel
from modelpack.python.dependencies import Distribution
from modelpack.web import http

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_TAIL = 64 << 10
"""Bytes at the end of a wheel that nearly always hold its directory, and often the metadata too."""
_BLOCK = 64 << 10
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


class MetadataStore:
    """Reads the metadata of wheels and keeps it by the sha256 of the wheel; may be used from many threads.

    Args:
        cache: modelpack's cache folder; made when it is missing.
    """

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "metadata"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._without: set[str] = set()
        self._lock = threading.Lock()

    def cached(self, wheel: Wheel) -> Distribution | None:
        """Give what an earlier run kept."""
        content = self.kept(wheel.sha256)
        return None if content is None else parse(wheel, content)

    def kept(self, key: str) -> bytes | None:
        """Give what was kept under a key of the caller's."""
        try:
            return (self._folder / key).read_bytes()
        except OSError:
            return None

    def keep(self, key: str, content: bytes) -> None:
        """Keep metadata, in one step: others may read and write the same."""
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(content)
        Path(file.name).replace(self._folder / key)

    def read(self, wheel: Wheel, url: str) -> Distribution:
        """Give the metadata of a wheel, from ``url`` when the cache has none.

        Raises:
            FetchError: the address does not answer.
            ResolveError: what it has is not this wheel.
        """
        found = self.cached(wheel)
        if found is not None:
            return found
        content = self._beside(url)
        if content is None:
            content = self._inside(wheel, url)
        distribution = parse(wheel, content)
        self.keep(wheel.sha256, content)
        return distribution

    def _beside(self, url: str) -> bytes | None:
        """Read the file that PEP 658 puts beside a wheel; a host that has none is not asked for others."""
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme == "file" or host in self._without:
            return None
        try:
            return http.read(parts._replace(path=f"{parts.path}.metadata", query="", fragment="").geturl())
        except http.HttpError as error:
            if error.status is None:
                raise
        with self._lock:
            self._without.add(host)
        return None

    def _inside(self, wheel: Wheel, url: str) -> bytes:
        parts = urlsplit(url)
        try:
            if parts.scheme == "file":
                return _member(http.local_path(url), wheel)
            remote = _RemoteFile(url, wheel.size)
            if remote.usable:
                return _member(io.BufferedReader(remote, _BLOCK), wheel)
            return self._whole(wheel, url)
        except (zipfile.BadZipFile, KeyError, NotImplementedError, zlib.error) as error:
            raise ResolveError(f"{wheel.filename} is not a wheel that can be read: {error}") from error

    def _whole(self, wheel: Wheel, url: str) -> bytes:
        """Read it from a server that gives only whole files."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            part = Path(name, "wheel")
            http.download(url, part, size=wheel.size, sha256=wheel.sha256, on_bytes=lambda _: None)
            return _member(part, wheel)


def parse(wheel: Wheel, content: bytes) -> Distribution:
    """Read a METADATA file.

    Raises:
        ResolveError: it is of another distribution than the wheel's name says.
    """
    # The description below would be read too, line by line.
    header = _EMPTY_LINE.split(content, 1)[0]
    fields = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(header)
    name = canonicalize_name(str(fields.get("Name", "")))
    if name != wheel.name:
        raise ResolveError(f"{wheel.filename}: its metadata is of another distribution: {name or 'no name'}")
    return Distribution(
        name=name,
        version=wheel.version,
        requires=tuple(" ".join(str(text).split()) for text in fields.get_all("Requires-Dist", ())),
        extras=frozenset(canonicalize_name(str(extra)) for extra in fields.get_all("Provides-Extra", ())),
        requires_python=str(fields.get("Requires-Python", "")),
    )


def read_wheel(path: Path, wheel: Wheel) -> bytes:
    """Give the METADATA file of a wheel on this machine.

    Raises:
        ResolveError: it is not a wheel.
    """
    try:
        return _member(path, wheel)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, zlib.error, OSError) as error:
        raise ResolveError(f"{wheel.filename} is not a wheel that can be read: {error}") from error


def listing(url: str, wheel: Wheel) -> list[str]:
    """Give the names of the files in a wheel, of which only the directory at its end is read.

    Raises:
        FetchError: the address does not answer.
        ResolveError: it is not a wheel, or the server gives only whole files.
    """
    try:
        if urlsplit(url).scheme == "file":
            with zipfile.ZipFile(http.local_path(url)) as archive:
                return archive.namelist()
        remote = _RemoteFile(url, wheel.size)
        if remote.usable:
            with zipfile.ZipFile(io.BufferedReader(remote, _BLOCK)) as archive:
                return archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ResolveError(f"{wheel.filename} is not a wheel that can be read: {error}") from error
    raise ResolveError(f"{wheel.filename}: its server gives only whole files")


def _member(file: Path | io.BufferedReader, wheel: Wheel) -> bytes:
    """Take ``NAME-VERSION.dist-info/METADATA`` out of a wheel."""
    with zipfile.ZipFile(file) as archive:
        names = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        name = next((name for name in names if name.count("/") == 1), None)
        if name is None:
            raise KeyError(f"no METADATA in {wheel.filename}")
        return archive.read(name)


class _RemoteFile(io.RawIOBase):
    """A file on a server, of which only the parts that are read are asked for."""

    def __init__(self, url: str, size: int) -> None:
        super().__init__()
        self._url, self._size, self._position = url, size, 0
        self._start = max(0, size - _TAIL)
        tail = http.read_range(url, self._start, size)
        self.usable = tail is not None
        """False when the server gives only whole files."""
        self._tail = tail or b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        stop = min(self._position + len(view), self._size)
        content = self._read(self._position, stop) if stop > self._position else b""
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _read(self, start: int, stop: int) -> bytes:
        if start >= self._start:
            return self._tail[start - self._start : stop - self._start]
        return http.read_range(self._url, start, min(stop, self._start)) or b""
