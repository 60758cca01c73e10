"""The words of the benchmarks: steps, and what a tool has to offer to be measured."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from measure import Usage

COLD = "cold build"
NO_OP = "no-op rebuild"
CODE = "code-only change"
WEIGHTS = "weights-only change"
UNCHECKED = "weights-only change, unchecked"
OCI = "export oci"
OCI_GZIP = "export oci (gzip)"
OCI_ARCHIVE = "export oci-archive"
ROOTFS = "export rootfs"

EXPORTS = (OCI, OCI_ARCHIVE, ROOTFS)
AT_FIRST = (COLD, NO_OP, CODE, OCI, OCI_GZIP, OCI_ARCHIVE, ROOTFS)
WITH_WEIGHTS = (WEIGHTS, NO_OP, CODE, OCI, OCI_ARCHIVE, ROOTFS, UNCHECKED)
SERVED = (COLD, CODE, WEIGHTS)
"""Steps in which modelpack starts the server, which then may be the largest process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one step of one tool took and made."""

    usage: Usage
    parts: Mapping[str, float] = field(default_factory=dict)
    """Seconds of what the step consists of, by name."""
    size: int | None = None
    """Bytes of the image."""
    reading: Usage | None = None
    """What one process takes to read and hash the same bytes."""
    copying: Usage | None = None
    """The same, and to write them to a new file."""
    commands: tuple[tuple[str, ...], ...] = ()
    """As they were run."""


class Tool(Protocol):
    """One way to package the content."""

    name: str

    def begin(self, folder: Path) -> None:
        """Make a new folder and work there, with nothing built; not measured."""

    def steps(self) -> Mapping[str, Callable[[], Result]]:
        """Give what can be measured, by name; each goes on from the state that the one before left."""

    def end(self) -> None:
        """Let go of the folder, so that it can be removed; not measured."""


def size_of(path: Path) -> int:
    """Give the bytes of a file, or of all files of a folder."""
    return sum(file.lstat().st_size for file in files_of(path))


def files_of(path: Path) -> list[Path]:
    """Give a file itself, or all files below a folder."""
    found = path.rglob("*") if path.is_dir() else [path]
    return [file for file in found if stat.S_ISREG(file.lstat().st_mode)]
