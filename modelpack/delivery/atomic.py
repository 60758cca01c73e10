"""Files and folders that appear whole or not at all.

They are made beside their target under another name and renamed at the end. What an interrupted run left behind is
known by its name and by its lock being free, and goes away with the next run.

Bulk data is not forced onto the disk: it can be exported again, every reader verifies it, and waiting for a disk takes
longer than everything else. ``replace_file`` does force, for small files whose loss would lose something.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modelpack.errors import ExportError

_SUFFIX = ".partial"


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """Write a file that gets its name when the block ends without an error; one that was there is replaced.

    A pipe or a device is written to as it is.

    Raises:
        ExportError: it cannot be written.
    """
    with explained(target):
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                yield stream
            return
        target = Path(os.path.realpath(target))
        _sweep(target)
        with _claimed(target, folder=False) as temporary, temporary.open("wb") as stream:
            yield stream
            stream.flush()
            temporary.replace(target)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Fill a folder that gets its name when the block ends without an error; one that was there is replaced.

    Raises:
        ExportError: it cannot be written.
    """
    target = Path(os.path.realpath(target))
    with explained(target):
        _sweep(target)
        with _claimed(target, folder=True) as temporary:
            yield temporary
            if target.is_dir() and any(target.iterdir()):
                with _claimed(target, folder=True) as old:
                    target.rename(old)
                    temporary.rename(target)
            else:
                temporary.rename(target)


def replace_file(target: Path, data: bytes) -> None:
    """Replace a small file's contents at once, and on the disk before this returns."""
    with explained(target), _claimed(target, folder=False) as temporary:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others that use this function out of a folder."""
    with explained(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def is_free(target: Path) -> bool:
    """Say whether nothing is lost when a folder is made at ``target``: there is nothing, or an empty folder."""
    with explained(target):
        return not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir()))


def start_of(target: Path, size: int) -> bytes | None:
    """Give the first bytes of a file that is there; None when there is none, or a pipe or a device."""
    with explained(target):
        if not target.is_file():
            return None
        with target.open("rb") as stream:
            return stream.read(size)


def require_space(folder: Path, size: int) -> None:
    """Fail now rather than after minutes when the disk cannot take ``size`` bytes.

    Raises:
        ExportError: there is less.
    """
    with explained(folder):
        status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < size:
        raise ExportError(
            f"{folder} has too little space: {free / 1e6:.0f} MB free, {size / 1e6:.0f} MB needed",
            hint="free some, or choose another place",
        )


@contextmanager
def explained(target: Path) -> Iterator[None]:
    """Turn what the operating system says about ``target`` into an error for people."""
    try:
        yield
    except FileNotFoundError as error:
        raise ExportError(
            f"{target} cannot be written: there is no folder {target.parent}", hint=f"run: mkdir -p {target.parent}"
        ) from error
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror or error}") from error


@contextmanager
def _claimed(target: Path, *, folder: bool) -> Iterator[Path]:
    """Make a file or folder beside ``target``, locked while the block runs, gone after it unless renamed."""
    while True:
        temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}{_SUFFIX}")
        if folder:
            temporary.mkdir()
        else:
            temporary.touch(exist_ok=False)
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        # Another run may have taken it for a leftover before it was locked.
        if _lock(descriptor) is not False and temporary.exists():
            break
        os.close(descriptor)
    try:
        yield temporary
    finally:
        os.close(descriptor)
        _remove(temporary)


def _sweep(target: Path) -> None:
    """Remove what runs that were killed left behind."""
    prefix = f".{target.name[:200]}."
    for place in target.parent.iterdir():
        if place.name.startswith(prefix) and place.name.endswith(_SUFFIX):
            with contextlib.suppress(OSError):
                descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if _lock(descriptor):
                        _remove(place)
                finally:
                    os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Say whether the lock was free; None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove(place: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(place.lstat().st_mode):
            shutil.rmtree(place)
        else:
            place.unlink()
