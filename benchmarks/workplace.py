"""The folder that everything is made in, and how it goes away again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from steps import files_of

_LARGE = 1 << 20
_PREFIX = "locked-"
"""Of folders that are locked from their beginning for as long as a process of their run lives, and of no others."""


@contextlib.contextmanager
def work_folder(cache: Path) -> Iterator[Path]:
    """Make a folder below ``cache``, and remove it at the end; those of runs that were killed go first."""
    guard = _lock(cache, fcntl.LOCK_EX)
    for old in cache.glob(f"{_PREFIX}*"):
        with contextlib.suppress(BlockingIOError):
            descriptor = _lock(old, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(old)
            os.close(descriptor)
    work = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=cache))
    held = _lock(work, fcntl.LOCK_EX)
    # What is measured inherits it: when this process is killed, its children may work on.
    os.set_inheritable(held, True)
    os.close(guard)
    try:
        yield work
    finally:
        _clear(work)
        os.close(held)


def free(folder: Path) -> None:
    """Remove the large files below a folder, which is nearly all of its bytes.

    The many small ones have to wait for the end: for minutes after a mass of files was removed, ext4 makes new ones
    slowly, as it avoids the inodes that were freed just now.
    """
    for file in files_of(folder):
        if file.lstat().st_size >= _LARGE:
            file.unlink()


def unmount(folder: Path) -> None:
    """Take away all mounts below a folder; a build that is stopped in the middle leaves them."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    places = [line.split()[1] for line in lines]
    for place in reversed([place for place in places if place.startswith(f"{folder}/")]):
        subprocess.run(["umount", place], check=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, folders of a Nix store included, which not even their owner may write into."""
    if path.is_dir() and not path.is_symlink():
        if os.getuid():
            for folder, _, _ in os.walk(path):
                Path(folder).chmod(0o755)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _clear(work: Path) -> None:
    unmount(work)
    remove(work)


def _lock(folder: Path, how: int) -> int:
    """Lock a folder.

    Raises:
        BlockingIOError: another run has it, and ``how`` says not to wait.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
