"""Runs a program of a build with a root that has what build scripts and programs out of wheels take for granted.

Nix's sandbox has nothing but the store: no /bin/sh, no /usr/bin/env, no dynamic linker and no libraries where programs
look for them. ``build_root.py FOLDER SEED LIBRARIES PREFIX TOP COMMAND [ARGUMENT]...`` makes FOLDER the root, with a
shell of SEED, the libraries and headers of LIBRARIES (a root file system in the store), and TOP where it was. PREFIX,
Python's own, has those headers too: build systems look for Python's there. Where a machine gives no namespaces, the
program runs without all this.
"""

from __future__ import annotations

import os
import sys

from modelpack.builders.launcher import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_BIND,
    MS_PRIVATE,
    MS_REC,
    can_mount,
    mount,
    unshare,
)

_LINKED = ("lib", "lib64", "usr/include", "usr/lib", "usr/lib64", "usr/share")
_MOUNTED = ("nix", "dev", "proc", "etc")


def main() -> None:
    """Become the command in that root."""
    folder, seed, libraries, prefix, top, *command = sys.argv[1:]
    place = os.getcwd()
    new_user = next((flag for flag in (0, CLONE_NEWUSER) if can_mount(flag)), None)
    if new_user is not None:
        unshare(CLONE_NEWNS | new_user, os.geteuid(), os.getegid())
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        _fill(folder, seed, libraries, top)
        if os.path.isdir(f"{libraries}/usr/include") and not os.path.exists(f"{prefix}/include"):
            _add_headers(folder, prefix, f"{libraries}/usr/include")
        os.chroot(folder)
        os.chdir(place)
    # It was for this program alone.
    os.environ.pop("PYTHONPATH", None)
    os.execv(command[0], command)  # noqa: S606 - the build's own


def _fill(folder: str, seed: str, libraries: str, top: str) -> None:
    for path, target in (("bin/sh", "busybox"), ("usr/bin/env", "busybox")):
        os.makedirs(f"{folder}/{os.path.dirname(path)}", exist_ok=True)
        os.symlink(f"{seed}/bin/{target}", f"{folder}/{path}")
    for path in _LINKED:
        if os.path.isdir(f"{libraries}/{path}"):
            os.symlink(f"{libraries}/{path}", f"{folder}/{path}")
    os.mkdir(os.path.join(folder, "tmp"))
    for path in (*(f"/{name}" for name in _MOUNTED), top):
        if os.path.isdir(path):
            os.makedirs(f"{folder}{path}", exist_ok=True)
            mount(path, f"{folder}{path}", None, MS_BIND | MS_REC)


def _add_headers(folder: str, prefix: str, headers: str) -> None:
    """Show a folder of the store with one entry more: its own are mounted in a copy, which covers it."""
    copy = f"{folder}/prefix"
    os.mkdir(copy)
    for name in os.listdir(prefix):
        source, target = f"{prefix}/{name}", f"{copy}/{name}"
        if os.path.islink(source) or not os.path.isdir(source):
            os.symlink(os.path.realpath(source), target)
            continue
        os.mkdir(target)
        mount(source, target, None, MS_BIND | MS_REC)
    os.symlink(headers, f"{copy}/include")
    mount(copy, f"{folder}{prefix}", None, MS_BIND | MS_REC)


if __name__ == "__main__":
    main()
