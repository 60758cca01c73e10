"""Store paths of fixed-output artifacts, computed from name and hash alone, without asking Nix."""

from __future__ import annotations

import hashlib
import re

STORE = "/nix/store"
"""The store directory in every path, wherever the store itself may be kept."""

LONGEST = 200
"""Bytes of a store name; Nix allows 211, and derivations add suffixes such as ``.drv``."""

_ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"
_FORBIDDEN = re.compile(rb"[^a-zA-Z0-9+._?=-]")


def store_name(filename: str) -> str:
    """Give the name that a file has in the store.

    Each byte (of UTF-8) outside ``[a-zA-Z0-9+._?=-]`` becomes ``-``, a leading dot gets a ``-`` before it, and
    what is beyond ``LONGEST`` bytes is cut off. Two files of one name still differ by the hash in their paths.
    nix/lib/fetch.nix has the same rule.
    """
    name = _FORBIDDEN.sub(b"-", filename.encode()).decode()
    return ("-" + name if name.startswith(".") else name)[:LONGEST]


def flat_path(name: str, sha256: str) -> str:
    """Give the store path of a single file, by the hexadecimal sha256 of its bytes."""
    inner = hashlib.sha256(f"fixed:out:sha256:{sha256}:".encode()).hexdigest()
    return _path("output:out", inner, name)


def recursive_path(name: str, sha256: str) -> str:
    """Give the store path of a file or folder, by the hexadecimal sha256 of its NAR."""
    return _path("source", sha256, name)


def base32(data: bytes) -> str:
    """Encode as Nix does: its own alphabet, least significant bits last, no padding."""
    number = int.from_bytes(data, "little")
    length = (len(data) * 8 + 4) // 5
    return "".join(_ALPHABET[number >> (5 * digit) & 31] for digit in reversed(range(length)))


def _path(kind: str, sha256: str, name: str) -> str:
    digest = hashlib.sha256(f"{kind}:sha256:{sha256}:{STORE}:{name}".encode()).digest()
    folded = bytearray(20)
    for index, byte in enumerate(digest):
        folded[index % 20] ^= byte
    return f"{STORE}/{base32(bytes(folded))}-{name}"
