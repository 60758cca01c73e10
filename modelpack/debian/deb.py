"""Gives a file out of a Debian binary package, without dpkg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelpack.builders.deb import CodecMissingError, FormatError, open_member
from modelpack.errors import FetchError, ToolError

LIMIT = 256 << 20
"""Bytes that a file may have to be read into memory."""


def read_member(deb: Path, *paths: str) -> bytes:
    """Give the content of a regular file of a package, the first of ``paths`` that it has.

    Args:
        deb: the package.
        paths: names from the root, such as ``bin/busybox`` and ``usr/bin/busybox``.

    Raises:
        FetchError: not a Debian package, damaged, or without such a file.
        ToolError: its compression is not known here.
    """
    try:
        found = _find(deb, paths)
    except CodecMissingError as error:
        raise ToolError(f"{deb.name} {error}", hint="run modelpack with Python 3.14 or later") from error
    except FormatError as error:
        raise FetchError(f"{deb.name} {error}") from error
    except OSError as error:
        raise FetchError(f"{deb.name} cannot be read: {error}") from error
    for path in paths:
        if path in found:
            return found[path]
    raise FetchError(f"{deb.name} has no regular file {' or '.join(paths)}")


def _find(deb: Path, paths: Sequence[str]) -> dict[str, bytes]:
    """Read regular files; a name that is there twice is refused, as readers do not agree which one counts."""
    found: dict[str, bytes] = {}
    with open_member(str(deb), "data.tar") as archive:
        for entry in archive:
            name = entry.name.removeprefix("./").lstrip("/")
            if name not in paths or not entry.isreg():
                continue
            if name in found:
                raise FetchError(f"{deb.name} has {name} twice")
            if entry.size > LIMIT:
                raise FetchError(f"{deb.name}: {name} is too large: {entry.size} bytes")
            content = archive.extractfile(entry)
            found[name] = content.read() if content else b""
    return found
