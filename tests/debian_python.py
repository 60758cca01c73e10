"""Debian's own Python in other wrappings, for tests that need an interpreter wherever they run."""

from __future__ import annotations

from modelpack import lock as locks
from modelpack.builders import deb
from modelpack.store.artifacts import artifacts

PACKAGES = ("libpython3.11-minimal", "libpython3.11-stdlib", "python3.11-minimal")
LIBRARIES = ("libssl3", "libffi8", "libbz2-1.0")
"""Debian packages that its modules need."""


def version_of(lock):
    """Give the version of a lock's Python: ``3.11.2``."""
    return next(item.version for item in lock.base.target.packages if item.name == "python3.11").partition("-")[0]


def files_of(lock):
    """Give the files of a lock's Python 3.11 below ``/usr``, out of its .debs in the store: path, mode and content."""
    paths = {item.origin.name: item.store_path for item in artifacts(lock) if isinstance(item.origin, locks.Deb)}
    for name in PACKAGES:
        with deb.open_member(paths[name], "data.tar") as data:
            for member in data:
                if member.isfile() and member.name.startswith(("./usr/bin/", "./usr/lib/python3.11/")):
                    yield member.name.removeprefix("./usr/"), member.mode, data.extractfile(member).read()
