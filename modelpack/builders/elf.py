"""Reads what a shared object asks of the dynamic linker (System V gABI, chapters 4 and 5)."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 1, 5, 15, 29


class Dynamic(NamedTuple):
    """The entries of a dynamic section that say which libraries are needed, and where they are looked for."""

    needed: tuple[str, ...]
    has_runpath: bool
    """With DT_RUNPATH, the search path of whoever loads the object does not count."""


def read_dynamic(path: str) -> Dynamic | None:
    """Give the dynamic section of a 64-bit little-endian ELF file; None when it is none, a static or a damaged one."""
    with open(path, "rb") as stream:
        try:
            return _read(stream)
        except (struct.error, ArithmeticError):
            return None


def _read(stream: BinaryIO) -> Dynamic | None:
    head = stream.read(64)
    if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
        return None
    offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    stream.seek(offset)
    table = stream.read(size * count)
    segments = [struct.unpack_from("<IIQQQQQQ", table, size * index) for index in range(len(table) // size)]
    dynamic = next((segment for segment in segments if segment[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return None
    stream.seek(dynamic[2])
    data = stream.read(dynamic[5])
    entries = list(struct.iter_unpack("<QQ", data[: len(data) // 16 * 16]))
    address = next((value for tag, value in entries if tag == _DT_STRTAB), None)
    load = next(
        (s for s in segments if s[0] == _PT_LOAD and address is not None and s[3] <= address < s[3] + s[5]),
        None,
    )
    if address is None or load is None:
        return None
    base = load[2] + address - load[3]
    names = []
    for tag, value in entries:
        if tag == _DT_NEEDED:
            stream.seek(base + value)
            names.append(stream.read(256).split(b"\0", 1)[0].decode("utf-8", "replace"))
    return Dynamic(tuple(names), any(tag == _DT_RUNPATH for tag, _ in entries))
