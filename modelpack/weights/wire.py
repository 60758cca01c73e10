"""Protocol Buffers on the wire: fields by number, without a schema, going past what nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator

from modelpack.weights.content import Damaged, Stream

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class CutOff(Damaged):
    """A field that goes on past the end."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def fields(stream: Stream, stop: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Give number, wire type, and value or length of each field up to the position ``stop``.

    Whoever gets the length of a BYTES field may read that much; what is not read is skipped.

    Raises:
        Damaged: it is not protobuf.
    """
    stop = stream.position + (stream.left or 0) if stop is None else stop
    while stream.position < stop:
        tag = varint(stream)
        number, kind = tag >> 3, tag & 7
        if number == 0 or number >= 1 << 29:
            raise Damaged(f"a field of number {number} at byte {stream.position}")
        if kind == VARINT:
            yield number, kind, varint(stream)
        elif kind in (FIXED64, FIXED32):
            stream.take(8 if kind == FIXED64 else 4)
            yield number, kind, 0
        elif kind == BYTES:
            length = varint(stream)
            ended = stream.position + length
            if ended > stop:
                raise CutOff(number, f"it is cut off: {ended - stop} bytes are missing after byte {stop}")
            yield number, kind, length
            stream.skip(ended - stream.position)
        else:
            raise Damaged(f"a field of a type that is not known at byte {stream.position}: {kind}")


def varint(stream: Stream) -> int:
    """Read a number of up to 64 bits.

    Raises:
        Damaged: it is longer, or cut off.
    """
    value = 0
    for shift in range(0, 70, 7):
        (byte,) = stream.take(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1)
    raise Damaged(f"a number without end at byte {stream.position}")


def text(stream: Stream, length: int, longest: int = 4096) -> str:
    """Read a text that is not longer than ``longest`` bytes.

    Raises:
        Damaged: it is.
    """
    if length > longest:
        raise Damaged(f"a text of {length} bytes where at most {longest} are allowed")
    return stream.take(length).decode("utf-8", "replace")
