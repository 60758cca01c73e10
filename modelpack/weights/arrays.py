"""NumPy's files: a header that is a Python literal, then bytes, or a pickle when the items are Python objects."""

from __future__ import annotations

import ast
import math
import re

from modelpack.weights import pickles
from modelpack.weights.content import Content, Damaged, Stream

MAGIC = b"\x93NUMPY"
_HEADER = 1 << 20
_SIMPLE = re.compile(r"[<>|=]?([a-zA-Z])([0-9]{1,9})(\[[^\]]+\])?")


def read(stream: Stream, content: Content, depth: int) -> None:
    """Check one array's header and length; walk the pickle of one that holds objects.

    Raises:
        Damaged: something does not fit.
    """
    content.settle("numpy", "numpy")
    stream.take(len(MAGIC))
    major, _ = stream.take(2)
    length = int.from_bytes(stream.take(2 if major == 1 else 4), "little")
    if major not in (1, 2, 3) or length > _HEADER:
        raise Damaged(f"a header of NumPy's that is not known: version {major}, {length} bytes")
    header = _header(stream.take(length))
    descr, shape = header.get("descr"), header.get("shape")
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape) or len(shape) > 64:
        raise Damaged("a header of NumPy's without a shape")
    if _has_objects(descr):
        content.kinds.add("pickle")
        pickles.walk(stream, content, depth + 1)
        return
    simple = _SIMPLE.fullmatch(descr) if isinstance(descr, str) else None
    if simple and stream.left is not None:
        size = math.prod(shape) * int(simple[2]) * (4 if simple[1] == "U" else 1)
        if size > stream.left:
            raise Damaged(f"it is cut off: {size - stream.left} bytes of the array are missing")


def _header(data: bytes) -> dict[str, object]:
    try:
        header = ast.literal_eval(data.decode("latin-1").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise Damaged("a header of NumPy's that is no literal") from error
    if not isinstance(header, dict):
        raise Damaged("a header of NumPy's that is no mapping")
    return header


def _has_objects(descr: object) -> bool:
    if isinstance(descr, str):
        return "O" in descr
    if isinstance(descr, list | tuple):
        return any(_has_objects(item[1]) for item in descr if isinstance(item, list | tuple) and len(item) > 1)
    return False
