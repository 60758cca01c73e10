"""Reads what a shared object asks of the dynamic linker (System V gABI, chapters 4 and 5)."""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from typing import BinaryIO, NamedTuple

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29


_SYMBOLS = re.compile(rb"\0(GLIBC|GLIBCXX|CXXABI|GCC)_(\d+\.\d+(?:\.\d+)?)(?=[.\0])")


class Dynamic(NamedTuple):
    """What a dynamic object is, which libraries it needs, and where they are looked for."""

    machine: int
    """The architecture in ELF's numbers: 62 is x86-64, 183 AArch64."""
    name: str
    """DT_SONAME: what other objects call a library; may be empty."""
    needed: tuple[str, ...]
    has_runpath: bool
    """With DT_RUNPATH, the search path of whoever loads the object does not count."""
    search_path: str
    """Text of DT_RUNPATH, or else of DT_RPATH."""
    interpreter: str
    """The dynamic linker that the kernel starts; empty for libraries."""
    sound: bool
    """Whether the segments lie in memory in order, each where no other is; else the program crashes as it starts."""


def read_dynamic(path: str) -> Dynamic | None:
    """Give the dynamic section of a 64-bit little-endian ELF file; None when it is none, a static or a damaged one."""
    with open(path, "rb") as stream:
        try:
            return _read(stream)
        except (struct.error, ArithmeticError):
            return None


def needed_glibc(path: str) -> tuple[int, ...]:
    """Give the newest version of the C library that an ELF file names (``GLIBC_2.34``); (0,) when it names none."""
    return symbol_versions(path).get("GLIBC", (0,))


def symbol_versions(path: str) -> dict[str, tuple[int, ...]]:
    """Give the newest symbol versions that an ELF file names, needed or its own: of glibc, libstdc++ and libgcc.

    They are read from the text of the file's dynamic strings, which holds nothing else of that form.
    """
    newest: dict[str, tuple[int, ...]] = {}
    with open(path, "rb") as stream:
        for match in _SYMBOLS.finditer(stream.read()):
            kind, version = match[1].decode(), tuple(map(int, match[2].split(b".")))
            newest[kind] = max(version, newest.get(kind, version))
    return newest


def _read(stream: BinaryIO) -> Dynamic | None:
    head = stream.read(64)
    if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
        return None
    offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    table = _part(stream, offset, size * count)
    segments = [struct.unpack_from("<IIQQQQQQ", table, size * index) for index in range(len(table) // size)]
    dynamic = next((segment for segment in segments if segment[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return None
    entries = list(struct.iter_unpack("<QQ", _part(stream, dynamic[2], dynamic[5] // 16 * 16)))
    address = next((value for tag, value in entries if tag == _DT_STRTAB), None)
    loads = [segment for segment in segments if segment[0] == _PT_LOAD]
    load = next((s for s in loads if address is not None and s[3] <= address < s[3] + s[5]), None)
    if address is None or load is None:
        return None
    strings = load[2] + address - load[3]
    values: dict[int, list[str]] = {_DT_NEEDED: [], _DT_SONAME: [], _DT_RPATH: [], _DT_RUNPATH: []}
    for tag, value in entries:
        if tag in values:
            values[tag].append(_text(_part(stream, strings + value, 4096)))
    interpreter = next((segment for segment in segments if segment[0] == _PT_INTERP), None)
    return Dynamic(
        machine=struct.unpack_from("<H", head, 18)[0],
        name="".join(values[_DT_SONAME]),
        needed=tuple(values[_DT_NEEDED]),
        has_runpath=bool(values[_DT_RUNPATH]),
        search_path="".join(values[_DT_RUNPATH] or values[_DT_RPATH]),
        interpreter=_text(_part(stream, interpreter[2], interpreter[5])) if interpreter else "",
        sound=all(one[3] + one[6] <= next_one[3] for one, next_one in pairwise(loads)),
    )


def _part(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
