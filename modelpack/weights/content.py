"""What reading a file of weights finds, and a stream that never gives more than there is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

DEPTH = 6
"""How deep archives, compressions and pickles may lie in each other."""
_CHUNK = 1 << 20
_LINE = 1 << 16
"""Bytes that a line of a pickle may have; the standard library writes such lines for names and numbers alone."""
_FREE = 1 << 30
_RATIO = 200
"""A compressed stream may give ``_FREE`` bytes, and beyond that this many times what it takes."""


class Damaged(Exception):  # noqa: N818 - becomes a problem of the file
    """Content that is not what its format asks for; the text says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class External:
    """Part of a file's data that lies in another file."""

    location: str
    """Path, relative to the folder of the file that names it."""
    stop: int
    """Bytes that the other file must have at least."""


@dataclass(kw_only=True, slots=True)
class Content:
    """What is found in one file, gathered while it is read."""

    format: str = ""
    """Name of the format; empty until it is known, ``text`` and ``other`` for what is no known format of weights."""
    kinds: set[str] = field(default_factory=set)
    """What a policy has to allow; a torch archive is a ``pickle``."""
    imports: set[str] = field(default_factory=set)
    """``module:name`` for all that its pickles name."""
    versions: dict[str, str] = field(default_factory=dict)
    """Distributions that stamped their version into it."""
    details: dict[str, str] = field(default_factory=dict)
    """What else people want to know, such as the opset of an ONNX model."""
    problems: list[str] = field(default_factory=list)
    """Why it cannot be right."""
    external: set[External] = field(default_factory=set)
    variables: dict[str, int] = field(default_factory=dict)
    """Tensors by name, with their size in bytes, where an index of shards may ask for them."""

    def settle(self, name: str, *kinds: str) -> None:
        """Say the format, unless something around it has said it already."""
        self.format = self.format or name
        self.kinds.update(kinds)


class Stream:
    """Reads a file, or what is packed in one, from front to back.

    Args:
        file: read from its current position on.
        size: bytes up to its end, when they are known; lets ``skip`` seek and ``left`` answer.
        packed: gives the bytes taken from a compressed file so far, to stop what unpacks to too much.
    """

    def __init__(self, file: BinaryIO, size: int | None = None, *, packed: BinaryIO | None = None) -> None:
        self.file = file
        self.size = size
        self.position = 0
        self.packed = packed
        self.ahead = b""
        """Bytes that were looked at and not taken."""

    @property
    def left(self) -> int | None:
        """Bytes up to the end; None when not known."""
        return None if self.size is None else self.size - self.position

    def take(self, count: int) -> bytes:
        """Give exactly ``count`` bytes.

        Raises:
            Damaged: there are fewer.
        """
        if self.size is not None and count > self.size - self.position:
            self.demand(count)
        data = self._read(count) if self.ahead else self.file.read(count)
        self.position += len(data)
        if len(data) != count:
            raise Damaged(f"it is cut off after byte {self.position}")
        if self.packed is not None and self.position > _FREE:
            self._judge_ratio()
        return data

    def peek(self, count: int) -> bytes:
        """Give up to ``count`` bytes that come next, and stay before them."""
        count = count if self.left is None else min(count, self.left)
        while len(self.ahead) < count:
            data = self.file.read(count - len(self.ahead))
            if not data:
                break
            self.ahead += data
        return self.ahead[:count]

    def line(self) -> bytes:
        """Give the bytes up to a line feed, which is taken too.

        Raises:
            Damaged: there is none, or it is too far away.
        """
        data = b""
        while self.ahead and not data.endswith(b"\n"):
            data += self.take(1)
        if not data.endswith(b"\n"):
            rest = self.file.readline(_LINE if self.left is None else min(_LINE, self.left))
            self.position += len(rest)
            data += rest
        if not data.endswith(b"\n"):
            raise Damaged("a line without end")
        return data[:-1]

    def skip(self, count: int) -> None:
        """Go past ``count`` bytes, without reading them where that is possible.

        Raises:
            Damaged: there are fewer.
        """
        self.demand(count)
        if self.size is not None and self.packed is None and count > _CHUNK and self.file.seekable():
            self.file.seek(count - len(self.ahead), io.SEEK_CUR)
            self.ahead = b""
            self.position += count
            return
        while count:
            part = min(count, _CHUNK)
            self.take(part)
            count -= part

    def demand(self, count: int) -> None:
        """See to it that so many bytes are left, as far as that is known.

        Raises:
            Damaged: there are fewer.
        """
        if self.size is not None and count > self.size - self.position:
            missing = count - (self.size - self.position)
            raise Damaged(f"it is cut off: {missing} bytes are missing after byte {self.size}")

    def _read(self, count: int) -> bytes:
        data, self.ahead = self.ahead[:count], self.ahead[count:]
        return data if len(data) == count else data + self.file.read(count - len(data))

    def _judge_ratio(self) -> None:
        taken = self.packed.tell() if self.packed else 0
        if self.position > _FREE + _RATIO * taken:
            raise Damaged(f"it unpacks to more than {_RATIO} times its size")


@contextmanager
def inside(stream: Stream, count: int) -> Iterator[Stream]:
    """Give a stream over the next ``count`` bytes alone; afterwards the outer one is past them.

    Raises:
        Damaged: there are fewer.
    """
    stream.demand(count)
    inner = Stream(stream.file, count, packed=stream.packed)
    inner.ahead, stream.ahead = stream.ahead, b""
    yield inner
    stream.ahead = inner.ahead
    stream.position += inner.position
    stream.skip(count - inner.position)
