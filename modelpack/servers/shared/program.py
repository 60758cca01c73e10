"""Becomes a program that the spec brings: ``program.py NAME [ARGUMENT]...``.

It is the input ``program``, or else of that name among the programs of the base, its packages or its image. A file
that is not marked as executable, as downloads are not, is started by the dynamic linker that it asks for.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys

_PT_INTERP = 3


def command(name: str) -> list[str]:
    """Give the first words of the command."""
    path = os.environ.get("MODELPACK_INPUT_PROGRAM") or shutil.which(name)
    if path is None:
        raise SystemExit(f"no program {name}: neither an input called program nor the base has it")
    if os.access(path, os.X_OK):
        return [path]
    linker = interpreter(path)
    if not linker:
        raise SystemExit(f"not executable, and linked statically: {path}; set the mark and lock again")
    return [linker, path]


def interpreter(path: str) -> str:
    """Give the dynamic linker that a 64-bit little-endian ELF file asks for; empty when it asks for none."""
    with open(path, "rb") as stream:
        head = stream.read(64)
        if head[:6] != b"\x7fELF\x02\x01":
            return ""
        offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        for index in range(count):
            stream.seek(offset + index * size)
            kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", stream.read(size))
            if kind == _PT_INTERP:
                stream.seek(start)
                return stream.read(length).rstrip(b"\0").decode()
    return ""


if __name__ == "__main__":
    words = [*command(sys.argv[1]), *sys.argv[2:]]
    os.execv(words[0], words)
