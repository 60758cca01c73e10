"""The seed: a static busybox in a folder, the one thing in a package that no derivation builds."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from modelpack.lock import FileEntry
from modelpack.store.nar import nar_sha256

NAME = "seed"
"""Its store name; nix/lib/seed.nix has the same."""

_PROGRAM = "bin/busybox"


def seed_nar_sha256(deb: Path) -> str:
    """Give the hexadecimal sha256 of the NAR of the seed that a package of busybox-static gives.

    Raises:
        FetchError: it is not such a package.
        ToolError: its compression is not known here.
    """
    program = _read(deb)
    digest = hashlib.sha256(program).hexdigest()
    entry = FileEntry(path=_PROGRAM, size=len(program), sha256=digest, executable=True)
    return nar_sha256([entry], lambda _: io.BytesIO(program))


def unpack(deb: Path, folder: Path) -> None:
    """Make the seed's folder, which does not exist yet.

    Raises:
        FetchError, ToolError: as ``seed_nar_sha256``.
    """
    program = folder / _PROGRAM
    program.parent.mkdir(parents=True)
    program.write_bytes(_read(deb))
    program.chmod(0o555)


def _read(deb: Path) -> bytes:
    from modelpack.debian.deb import read_member  # noqa: PLC0415 - archives and codecs, which a no-op build does not need

    return read_member(deb, _PROGRAM, f"usr/{_PROGRAM}")
