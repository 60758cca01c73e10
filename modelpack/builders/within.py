"""Paths inside a folder that stands for a root file system, whose symlinks may point anywhere."""

from __future__ import annotations

import os
import stat

_MOST_LINKS = 40
"""Symlinks followed for one path, as the kernel has it (path_resolution(7))."""


def resolved(root: str, path: str) -> str:
    """Give where a path lies below ``root`` when symlinks of the folders above it are followed as if it were ``/``.

    The last part is not followed, and need not exist. The result has no symlink above it, so that whatever is done at
    ``root/result`` stays inside.

    Raises:
        ValueError: a part is ``..``, a file where a folder should be, or there are too many symlinks.
    """
    if ".." in path.split("/"):
        raise ValueError(f"leaves the folder: {path}")
    return _walk(root, [part for part in path.split("/") if part not in ("", ".")])


def _walk(root: str, pending: list[str]) -> str:
    done: list[str] = []
    left = _MOST_LINKS
    while pending:
        part, *pending = pending
        if part == "..":
            del done[-1:]
            continue
        place = os.path.join(root, *done, part)
        if not pending or not (found := _status(place)):
            done.append(part)
        elif stat.S_ISLNK(found):
            left -= 1
            if not left:
                raise ValueError(f"too many symlinks: {place}")
            target = os.readlink(place)
            if target.startswith("/"):
                done = []
            pending = [name for name in target.split("/") if name not in ("", ".")] + pending
        elif stat.S_ISDIR(found):
            done.append(part)
        else:
            raise ValueError(f"below a file: {'/'.join([*done, part])}")
    return "/".join(done)


def _status(place: str) -> int | None:
    try:
        return os.lstat(place).st_mode
    except FileNotFoundError:
        return None
