"""GGUF, the format of llama.cpp: key-value pairs, descriptions of tensors, and aligned data."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from modelpack.weights.content import Content, Damaged, Stream

MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY, _UINT32 = 8, 9, 4
_KEY, _NAME, _DIMENSIONS = 65535, 64, 4
_TEXT = 64 << 20
_MOST_PAIRS, _MOST_TENSORS, _MOST_TEXTS = 1 << 16, 1 << 20, 1 << 23
_SIZES = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Weights in a block and bytes of a block, by the number of the type in ggml."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tensor:
    name: str
    size: int | None
    """Bytes; None for a type that is not known."""
    offset: int


def read(stream: Stream, content: Content) -> None:
    """Check counts, lengths, and that every tensor lies in the file.

    Raises:
        Damaged: something does not fit.
    """
    content.settle("gguf", "gguf")
    stream.take(4)
    (version,) = _unpack(stream, "I")
    if version not in (2, 3):
        big = 0 < int.from_bytes(version.to_bytes(4, "little"), "big") < 16
        raise Damaged("it is written for big-endian machines" if big else f"its version is not known: {version}")
    count, pairs = _unpack(stream, "QQ")
    if count > _MOST_TENSORS or pairs > _MOST_PAIRS:
        raise Damaged(f"it claims to have {count} tensors and {pairs} keys, which no model has")
    found: dict[str, object] = {}
    for _ in range(pairs):
        key = _text(stream, _KEY)
        (kind,) = _unpack(stream, "I")
        if key in found:
            raise Damaged(f"it has a key twice: {key}")
        found[key] = _value(stream, kind, key)
    tensors = [_tensor(stream) for _ in range(count)]
    alignment = found.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1 or alignment % 8:
        raise Damaged(f"its general.alignment is not a multiple of 8: {alignment}")
    stream.skip(min(-stream.position % alignment, stream.left or 0))
    _judge(tensors, alignment, stream.left or 0)
    content.details |= {"version": str(version), "tensors": str(count)}
    for name in ("architecture", "name"):
        if isinstance(value := found.get(f"general.{name}"), str):
            content.details[name] = value[:200]
    if "tokenizer.chat_template" in found:
        content.details["chat_template"] = "yes"


def _unpack(stream: Stream, form: str) -> tuple[int, ...]:
    return struct.unpack(f"<{form}", stream.take(struct.calcsize(f"<{form}")))


def _text(stream: Stream, longest: int) -> str:
    (length,) = _unpack(stream, "Q")
    if length > longest:
        raise Damaged(f"a text of {length} bytes where at most {longest} are allowed")
    return stream.take(length).decode("utf-8", "replace")


def _value(stream: Stream, kind: int, key: str, depth: int = 0) -> object:
    if kind in _SCALARS:
        return _unpack(stream, _SCALARS[kind])[0]
    if kind == _STRING:
        return _text(stream, _TEXT)
    if kind != _ARRAY or depth > 3:
        raise Damaged(f"the key {key} has a type that is not known: {kind}")
    inner, count = _unpack(stream, "IQ")
    if inner in _SCALARS:
        stream.skip(count * struct.calcsize(f"<{_SCALARS[inner]}"))
        return None
    if count > _MOST_TEXTS or (stream.left is not None and count * 8 > stream.left):
        raise Damaged(f"the key {key} claims to have {count} texts")
    for _ in range(count):
        if inner == _STRING:
            stream.skip(_unpack(stream, "Q")[0])
        else:
            _value(stream, inner, key, depth + 1)
    return None


def _tensor(stream: Stream) -> _Tensor:
    name = _text(stream, _NAME)
    (dimensions,) = _unpack(stream, "I")
    if dimensions > _DIMENSIONS:
        raise Damaged(f"the tensor {name} has {dimensions} dimensions, at most {_DIMENSIONS} are allowed")
    shape = _unpack(stream, "Q" * dimensions)
    kind, offset = _unpack(stream, "IQ")
    if kind not in _SIZES:
        return _Tensor(name=name, size=None, offset=offset)
    block, size = _SIZES[kind]
    weights = math.prod(shape)
    if weights % block:
        raise Damaged(f"the tensor {name} is not made of whole blocks of {block} weights")
    return _Tensor(name=name, size=weights // block * size, offset=offset)


def _judge(tensors: list[_Tensor], alignment: int, size: int) -> None:
    names = set()
    ended, before = 0, ""
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
        if tensor.name in names:
            raise Damaged(f"it has a tensor twice: {tensor.name}")
        names.add(tensor.name)
        if tensor.offset % alignment:
            raise Damaged(f"the tensor {tensor.name} does not begin at a multiple of {alignment} bytes")
        if tensor.offset < ended:
            raise Damaged(f"the tensors {before} and {tensor.name} overlap")
        ended, before = tensor.offset + (tensor.size or 0), tensor.name
        if ended > size:
            raise Damaged(
                f"it is cut off: the tensor {tensor.name} ends {ended - size} bytes after the end of the file"
            )
