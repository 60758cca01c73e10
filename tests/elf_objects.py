"""Makes shared objects that are nothing but headers, a string table and a dynamic section."""

from __future__ import annotations

import struct

X86_64, AARCH64 = 62, 183


def make_elf(needed=(), *, name=None, runpath=None, rpath=None, machine=X86_64):
    """Give the bytes of a 64-bit little-endian shared object."""
    strings, offsets = b"\0", {}
    for text in (*needed, *filter(None, (name, runpath, rpath))):
        offsets[text] = len(strings)
        strings += text.encode() + b"\0"
    base, table = 0x1000, 64 + 2 * 56
    dynamic = table + (len(strings) + 15) // 16 * 16
    entries = [(1, offsets[text]) for text in needed]
    entries += [(tag, offsets[text]) for tag, text in ((14, name), (29, runpath), (15, rpath)) if text]
    entries += [(5, base + table), (0, 0)]
    data = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    end = dynamic + len(data)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, base, base, end, end, 4096)
    link = struct.pack("<IIQQQQQQ", 2, 4, dynamic, base + dynamic, base + dynamic, len(data), len(data), 8)
    return (head + load + link + strings).ljust(dynamic, b"\0") + data
