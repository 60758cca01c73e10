"""safetensors: a length, a JSON header of that length, and the bytes of the tensors without a hole between them."""

from __future__ import annotations

import json
import math
from typing import Any

from modelpack.weights.content import Content, Damaged, Stream

_HEADER = 25_000_000
"""Bytes of a header at most. The reference implementation stops at 100 MB; headers of real models have some 100 kB."""
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip


def is_safetensors(head: bytes) -> bool:
    """Tell it by its first 16 bytes: a length that can be a header's, and the brace that a header begins with."""
    return len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 40


def read(stream: Stream, content: Content) -> None:
    """Check the header and every tensor's place.

    Raises:
        Damaged: something does not fit.
    """
    content.settle("safetensors", "safetensors")
    length = int.from_bytes(stream.take(8), "little")
    if length > _HEADER:
        raise Damaged(f"its header would have {length} bytes, at most {_HEADER} are allowed")
    tensors = _header(stream.take(length))
    size = stream.left or 0
    begun = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: _offsets(*item)):
        start, stop = _offsets(name, tensor)
        _judge(name, tensor, stop - start)
        if start != begun:
            what = "overlaps another one" if start < begun else f"leaves {start - begun} bytes before it unused"
            raise Damaged(f"the tensor {name} {what}")
        if stop > size:
            raise Damaged(f"it is cut off: the tensor {name} ends {stop - size} bytes after the end of the file")
        begun = stop
        content.variables[name] = stop - start
    if begun != size:
        raise Damaged(f"{size - begun} bytes after its last tensor belong to none")
    content.details["tensors"] = str(len(tensors))


def _header(data: bytes) -> dict[str, dict[str, Any]]:
    try:
        header = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"its header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise Damaged("its header is not a mapping")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise Damaged("its __metadata__ is not a mapping of texts")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Damaged(f"its header has a key twice: {key}")
            seen.add(key)
    return found


def _offsets(name: str, tensor: object) -> tuple[int, int]:
    offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(item) is int for item in offsets):
        raise Damaged(f"the tensor {name} has no data_offsets")
    start, stop = offsets
    if not 0 <= start <= stop:
        raise Damaged(f"the tensor {name} ends before it begins")
    return start, stop


def _judge(name: str, tensor: dict[str, Any], size: int) -> None:
    """Compare a tensor's size with its shape."""
    bits, shape = _BITS.get(str(tensor.get("dtype"))), tensor.get("shape")
    if bits is None:
        raise Damaged(f"the tensor {name} has a dtype that is not known: {tensor.get('dtype')}")
    if not isinstance(shape, list) or len(shape) > 64 or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        raise Damaged(f"the tensor {name} has no shape")
    if math.prod(shape) * bits != size * 8:
        wanted = f"{tensor['dtype']} of shape {shape}"
        raise Damaged(f"the tensor {name} has {size} bytes, which is not the size of {wanted}")
