"""Read and download over http(s) and ``file:``: verified, resumed, retried, with the machine's own settings.

Certificates, proxies, credentials and time-outs come from where pip, uv and curl look for them, so that what
works with them works here. urllib3 and ssl are imported only when something is asked for.
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from modelpack.errors import FetchError
from modelpack.web.credentials import redact

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["HttpError", "Transient", "download", "local_path", "read", "read_page", "read_range", "redact", "size"]

T = TypeVar("T")

WAITS = (0.3, 0.6, 1.2, 2.4)
"""Seconds between tries, each lengthened by up to a half at random."""
_CHUNK = 1 << 20
_PROGRESS = 256 << 10
"""Bytes that must arrive for a cut connection not to count against ``WAITS``."""


class HttpError(FetchError):
    """An address that did not give what was asked for.

    Args:
        status: what the server answered; None when there was no answer.
    """

    def __init__(self, url: str, what: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(f"{redact(url)}: {what}", hint=hint)
        self.status = status


class Transient(Exception):  # noqa: N818 - not an error yet
    """A failure worth another try; ``error`` is what to raise when there is none."""

    def __init__(self, error: HttpError, *, after: float | None = None, patient: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after
        """Seconds that the server asked us to wait."""
        self.patient = patient
        """False when a second failure settles it, such as a host name that has no address."""


def read(url: str, *, accept: str | None = None) -> bytes:
    """Give the whole content of an http(s) or file address, exactly as the server keeps it.

    Args:
        url: the address; credentials in it are used and never shown.
        accept: media types to ask for, as in the Accept header; then compression on the way is allowed too.

    Raises:
        HttpError: no answer, or another one than asked for.
    """
    return read_page(url, accept=accept)[1]


def read_page(url: str, *, accept: str | None = None) -> tuple[str, bytes]:
    """Give, as ``read`` does, the content and the address it came from, to which its links are relative.

    Raises:
        HttpError: no answer, or another one than asked for.
    """
    if _is_file(url):
        return url, _read_file(url)
    headers = {"Accept": accept, "Accept-Encoding": "gzip"} if accept else {"Accept-Encoding": "identity"}

    def attempt() -> tuple[str, bytes]:
        answer = _request(url, headers)
        content = b"".join(_chunks(url, answer, decode=accept is not None))
        return urljoin(url, answer.geturl() or ""), content

    return _retried(attempt)


def read_range(url: str, start: int, stop: int) -> bytes | None:
    """Give the bytes from ``start`` up to ``stop``; None when the server only gives whole files.

    A negative ``start`` counts from the end; ``stop`` is then not used.

    Raises:
        HttpError: no answer, or a refusal.
    """
    if _is_file(url):
        content = memoryview(_read_file(url))
        return bytes(content[start:] if start < 0 else content[start:stop])
    wanted = f"bytes={start}" if start < 0 else f"bytes={start}-{stop - 1}"

    def attempt() -> bytes | None:
        answer = _request(url, {"Accept-Encoding": "identity", "Range": wanted})
        if answer.status != 206:
            answer.close()
            return None
        return b"".join(_chunks(url, answer))

    return _retried(attempt)


def size(url: str) -> int | None:
    """Give the length of a file in bytes without reading it; None when the server does not say.

    Raises:
        HttpError: no answer, or a refusal.
    """
    if _is_file(url):
        try:
            return local_path(url).stat().st_size
        except OSError as error:
            raise _file_error(url, error) from error

    def attempt() -> int | None:
        answer = _request(url, {"Accept-Encoding": "identity"}, method="HEAD")
        answer.drain_conn()
        length = answer.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None

    return _retried(attempt)


def download(url: str, part: Path, *, size: int | None, sha256: str, on_bytes: Callable[[int], None]) -> None:
    """Make ``part`` the file of that size and digest, going on from what it already holds.

    Memory stays flat. When a transfer breaks, ``part`` keeps what arrived, for the next call to go on from.
    Two must not write it at once.

    Args:
        url: an http(s) or file address.
        part: file to write; its folder exists.
        size: bytes it must have; None when not known.
        sha256: hexadecimal digest it must have.
        on_bytes: called with every amount of bytes that is had, those already in ``part`` included, and with
            a negative amount when some of them have to be fetched again.

    Raises:
        FetchError: no answer, a refusal, other bytes than expected (``part`` is then gone), or no space left.
    """
    state = _Part(path=part, url=url, expected=size, on_bytes=on_bytes)
    try:
        state.recall()
        _fill(state)
        if state.resumed and not state.matches(sha256):
            state.reset()
            _fill(state)
    except OSError as error:
        raise _disk_error(part, error, size) from error
    if not state.matches(sha256):
        part.unlink(missing_ok=True)
        raise _mismatch(state, sha256)


@dataclass(kw_only=True)
class _Part:
    """A file being filled, and the digest of what it holds."""

    path: Path
    url: str
    expected: int | None
    on_bytes: Callable[[int], None]
    length: int = 0
    resumed: bool = False
    """Whether the content was put together from more than one transfer."""
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def recall(self) -> None:
        """Take in what an earlier call left; drop it when it is more than can be right."""
        if not self.path.exists():
            return
        if self.expected is not None and self.path.stat().st_size > self.expected:
            self.path.unlink()
            return
        with self.path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                self._count(chunk)
        self.resumed = self.length > 0

    def reset(self) -> None:
        """Begin again with nothing."""
        self.path.unlink(missing_ok=True)
        self.on_bytes(-self.length)
        self.length, self.hash = 0, hashlib.sha256()

    def add(self, file: BinaryIO, chunk: bytes) -> None:
        """Write one chunk; what could not be written is not counted."""
        view = memoryview(chunk)
        while view:
            written = file.write(view)
            self._count(view[:written])
            view = view[written:]

    def whole(self) -> bool:
        """Tell whether nothing is left to ask for."""
        return self.expected is not None and self.length >= self.expected

    def matches(self, sha256: str) -> bool:
        """Tell whether this is the file that was asked for."""
        return self.expected in (None, self.length) and self.hash.hexdigest() == sha256.lower()

    def _count(self, chunk: bytes | memoryview) -> None:
        self.hash.update(chunk)
        self.length += len(chunk)
        self.on_bytes(len(chunk))


def _fill(part: _Part) -> None:
    """Fetch what is missing; a try that brought much does not count as one of the few."""
    failures = 0
    while not part.whole():
        before = part.length
        try:
            _transfer(part)
        except Transient as failure:
            broken = failure
        else:
            if part.whole() or part.expected is None or part.length == before:
                return
            broken = Transient(HttpError(part.url, f"the answer ended after {part.length} bytes"))
        failures = 0 if part.length - before >= _PROGRESS else failures + 1
        _wait(broken, failures)


def _transfer(part: _Part) -> None:
    with ExitStack() as opened:
        start, chunks = _open(part.url, part.length, opened)
        if start != part.length:
            part.reset()
        part.resumed = part.resumed or start > 0
        file = opened.enter_context(part.path.open("ab", buffering=0))
        for chunk in chunks:
            part.add(file, chunk)
            if part.expected is not None and part.length > part.expected:
                return


def _open(url: str, offset: int, opened: ExitStack) -> tuple[int, Iterator[bytes]]:
    """Open an address at ``offset`` bytes, or at 0 when the server does not go on in the middle.

    ``opened`` closes the answer, whose body may be left half read when the disk cannot take it.
    """
    if _is_file(url):
        return offset, _file_chunks(url, offset)
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    answer = _request(url, headers)
    opened.callback(answer.close)
    if answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
        return offset, _chunks(url, answer)
    if answer.status == 200:
        return 0, _chunks(url, answer)
    # 416: what we hold is the whole file or is not of this file; the digest tells which.
    answer.close()
    return (offset, iter(())) if answer.status == 416 else _open(url, 0, opened)


def _request(url: str, headers: Mapping[str, str], *, method: str = "GET") -> BaseHTTPResponse:
    from modelpack.web import client as http_client  # noqa: PLC0415 - urllib3 and ssl load only when they are needed

    return http_client.request(url, headers, method=method)


def _chunks(url: str, answer: BaseHTTPResponse, *, decode: bool = False) -> Iterator[bytes]:
    from modelpack.web import client as http_client  # noqa: PLC0415 - as above

    return http_client.stream(url, answer, _CHUNK, decode=decode)


def _retried(attempt: Callable[[], T]) -> T:
    failures = 0
    while True:
        try:
            return attempt()
        except Transient as failure:
            failures += 1
            _wait(failure, failures)


def _wait(failure: Transient, failures: int) -> None:
    """Sleep before the next try, or raise when there were enough."""
    if failures > (len(WAITS) if failure.patient else 1):
        raise failure.error from failure
    planned = WAITS[max(failures, 1) - 1]
    time.sleep(max(failure.after or 0.0, planned * random.uniform(1.0, 1.5)))  # noqa: S311 - no secret


def _is_file(url: str) -> bool:
    return urlsplit(url).scheme == "file"


def local_path(url: str) -> Path:
    """Give the path that a file address names."""
    return Path(unquote(urlsplit(url).path))


def _read_file(url: str) -> bytes:
    try:
        return local_path(url).read_bytes()
    except OSError as error:
        raise _file_error(url, error) from error


def _file_chunks(url: str, offset: int) -> Iterator[bytes]:
    """Read a file, or of ``#bytes=START-STOP`` that part, as of a member of an archive."""
    start, stop = _part_of(url)
    try:
        file = local_path(url).open("rb", buffering=0)
    except OSError as error:
        raise _file_error(url, error) from error
    with file:
        left = stop - file.seek(start + offset)
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _part_of(url: str) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", urlsplit(url).fragment)
    return (int(found[1]), int(found[2])) if found else (0, 1 << 62)


def _file_error(url: str, error: OSError) -> HttpError:
    return HttpError(url, os.strerror(error.errno) if error.errno else str(error))


def _mismatch(part: _Part, sha256: str) -> HttpError:
    expected = f"{part.expected} bytes, " if part.expected is not None else ""
    error = HttpError(
        part.url,
        "what arrived is not the file that was asked for",
        hint="the source changed or damaged it; try again, or use another index or mirror",
    )
    error.details = (
        f"expected: {expected}sha256 {sha256}",
        f"arrived:  {part.length} bytes, sha256 {part.hash.hexdigest()}",
    )
    return error


def _disk_error(part: Path, error: OSError, size: int | None) -> FetchError:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(f"{part}: cannot be written: {error.strerror or error}")
    free = shutil.disk_usage(part.parent).free
    needed = f" of {size} bytes" if size is not None else ""
    return FetchError(
        f"no space left for {part.name}{needed} in {part.parent}: {free} bytes free",
        hint="free some space and run this again; it goes on from what has arrived",
    )
