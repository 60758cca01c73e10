"""Writes the dynamic linker's cache for any architecture, which a machine's own ldconfig does for its own alone.

The form is glibc's ``glibc-ld.so.cache1.1``: a header, entries, strings. What programs that are not the package's
Python look up, and what ``ctypes.util.find_library`` reads.
"""

from __future__ import annotations

import os
import re
import struct

from modelpack.builders.elf import read_dynamic

_HEADER = struct.Struct("<20sIIB3xI12x")  # magic and version, entries, bytes of strings, byte order, extensions
_ENTRY = struct.Struct("<iIIIQ")  # kind, offsets of name and path, two fields that are not used
_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE_ENDIAN = 2
# ELF's machine: what the linker wants an entry for it to say (FLAG_ELF_LIBC6 and the architecture's own flag).
_KINDS = {62: 0x0303, 183: 0x0A03}
_LIBRARY = re.compile(r"(lib|ld-).*\.so(\.|$)")
_DIGITS = re.compile(r"(\d+)")


def cache(root: str, folders: list[str]) -> bytes:
    """Give the cache of the libraries in ``folders``, paths below ``root`` such as ``usr/lib``; earlier ones win."""
    found = [entry for folder in folders for entry in _libraries(root, folder)]
    found.sort(key=lambda entry: _order(entry[0]), reverse=True)
    strings, start = bytearray(), _HEADER.size + _ENTRY.size * len(found)
    entries = []
    for name, path, kind in found:
        entries.append(_ENTRY.pack(kind, start + len(strings), start + len(strings) + len(name) + 1, 0, 0))
        strings += name.encode() + b"\0" + path.encode() + b"\0"
    header = _HEADER.pack(_MAGIC, len(found), len(strings), _LITTLE_ENDIAN, 0)
    return header + b"".join(entries) + strings


def _libraries(root: str, folder: str) -> list[tuple[str, str, int]]:
    """Give name, path and kind of what programs may ask for: files under their own name, and links for linking."""
    place = os.path.join(root, folder)
    found = []
    for file in sorted(os.listdir(place)) if os.path.isdir(place) else []:
        path = os.path.join(place, file)
        dynamic = read_dynamic(path) if _LIBRARY.match(file) and os.path.isfile(path) else None
        if dynamic and dynamic.machine in _KINDS and ((dynamic.name or file) == file or file.endswith(".so")):
            found.append((file, f"/{folder}/{file}", _KINDS[dynamic.machine]))
    return found


def _order(name: str) -> list[tuple[int, int]]:
    """Give the linker's own order of names: digits count as numbers, and come after everything else."""
    parts = ((part, index % 2) for index, part in enumerate(_DIGITS.split(name)))
    return [key for part, digits in parts for key in ([(1, int(part))] if digits else [(0, ord(c)) for c in part])]
