"""Which export is which, for the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modelpack.delivery import export as exports
from modelpack.delivery import rootfs
from modelpack.delivery.image import Image
from modelpack.errors import ExportError
from modelpack.progress import Progress

_KINDS: dict[str, Callable[..., None]] = {
    "oci": exports.export_oci,
    "oci-archive": exports.export_oci_archive,
    "docker-archive": exports.export_docker_archive,
    "rootfs": rootfs.export_rootfs,
}
WHEELS = "pylock"
"""The kind that is made of the lock alone."""


class _Counting:
    """Passes progress on and adds up the bytes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.note, self.start, self.finish = progress.note, progress.start, progress.finish
        self.total = 0

    def advance(self, task: str, amount: int) -> None:
        self.total += amount
        self._progress.advance(task, amount)


def check_kind(kind: str, *, root: bool) -> None:
    """Refuse what cannot be made, before anything is built.

    Raises:
        ExportError: it is not known.
    """
    if kind not in (*_KINDS, WHEELS):
        raise ExportError(f"not a kind of export: {kind}", hint=f"one of: {', '.join((*_KINDS, WHEELS))}")
    if root and kind != "rootfs":
        raise ExportError(f"--root unpacks a rootfs; {kind} has none", hint="leave --root out")


def export(kind: str, image: Image, destination: Path, *, progress: Progress, root: bool, force: bool) -> int:
    """Write an export, and give the bytes written.

    Raises:
        ExportError: it cannot be written, or the store no longer holds what the image says.
    """
    counting = _Counting(progress)
    write = rootfs.unpack if root else _KINDS[kind]
    write(image, destination, force=force, progress=counting)
    return counting.total
