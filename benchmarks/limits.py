"""What this machine can do at all: hashing, writing, reading. Runs as a process of its own and prints JSON (MB/s).

usage: limits.py FOLDER MEGABYTES         measure, with files of that size in FOLDER
       limits.py --hash FILE...           read and hash files, and print nothing
       limits.py --copy TARGET FILE...    the same, and write all of them into one new file
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 20


def main() -> None:
    """See the module."""
    if sys.argv[1] == "--hash":
        for name in sys.argv[2:]:
            hash_file(Path(name))
        return
    if sys.argv[1] == "--copy":
        with Path(sys.argv[2]).open("xb", buffering=0) as target:
            for name in sys.argv[3:]:
                hash_file(Path(name), target)
        return
    folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])
    file = folder / "limits.bin"
    size = megabytes * PIECE
    seconds = {"write and fdatasync": timed(lambda: write(file, megabytes))}
    hash_file(file)  # from here on it is in the page cache
    seconds["read from the page cache"] = timed(lambda: read(file))
    seconds["read and sha256, one thread"] = timed(lambda: hash_file(file))
    seconds["sha256, one thread"] = timed(lambda: hash_memory(megabytes))
    with ThreadPoolExecutor(2) as pool:
        half = megabytes // 2
        seconds["sha256, two threads"] = timed(lambda: list(pool.map(hash_memory, (half, megabytes - half))))
    file.unlink()
    print(json.dumps({name: size / 1e6 / value for name, value in seconds.items()}))


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def write(file: Path, megabytes: int) -> None:
    """Write bytes that do not compress, and wait for the disk."""
    piece = os.urandom(PIECE)
    with file.open("wb", buffering=0) as stream:
        for _ in range(megabytes):
            stream.write(piece)
        os.fdatasync(stream.fileno())


def read(file: Path) -> None:
    """Read a file."""
    buffer = bytearray(PIECE)
    with file.open("rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass


def hash_file(file: Path, target: BinaryIO | None = None) -> None:
    """Read and hash a file, and write it to ``target``."""
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    hashed = hashlib.sha256()
    with file.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            hashed.update(view[:count])
            if target:
                target.write(view[:count])


def hash_memory(megabytes: int) -> None:
    """Hash bytes that are in memory."""
    piece = bytes(PIECE)
    hashed = hashlib.sha256()
    for _ in range(megabytes):
        hashed.update(piece)


if __name__ == "__main__":
    main()
