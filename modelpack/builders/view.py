"""Runs a program with ``/`` as it is in the package's image, in namespaces of its own and without unpacking anything.

The image's root file system, what a base image has and what the package adds to it, is put together in a folder from
mounts, symlinks and a few small files, and becomes the program's root: ``view.py PLAN FOLDER COMMAND [ARGUMENT]...``.
PLAN is a JSON file; see ``main``. The folder is an empty one, and may be removed when the program has ended.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from modelpack.builders import layer, links, root
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
from modelpack.builders.tarstream import DIRECTORY, SYMLINK, Entry

OBSTACLE = "this machine gives no namespaces to show the server the image's root file system in"
"""Why there is no view, where there can be none."""
HINT = "raise user.max_user_namespaces, or write check: false, which marks the package as unchecked"
_MACHINE = ("proc", "dev", "sys", "etc/hosts", "etc/resolv.conf", "etc/hostname")


@dataclass(slots=True)
class _Node:
    """What is put at a place over what the base image has there."""

    entry: Entry | None = None
    source: str | None = None
    """Mounted here."""
    below: dict[str, _Node] = field(default_factory=dict)


def main() -> None:
    """Become the command of the arguments in a root made from the plan.

    ``skeleton`` and ``links``: the fields of ``layer.Skeleton`` and ``layer.Links``. ``tree``: folder with
    the base image's files, or null. ``store``: store paths
    to show beside those of the base image, if it has some; null shows all there are. ``places``, if given: further
    files and folders of this machine, by the path they are seen at.
    """
    plan_file, place, *command = sys.argv[1:]
    with open(plan_file, encoding="utf-8") as stream:
        plan = json.load(stream)
    uid, gid = root.user_ids(plan["skeleton"]["user"])
    new_user = needs_user()
    if new_user is None:
        _fail(OBSTACLE)
    unshare(CLONE_NEWNS | (CLONE_NEWUSER if new_user else 0), uid, gid)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    _fill(place, plan["tree"], _additions(plan), owned=not new_user)
    os.chroot(place)
    os.chdir("/")
    if not new_user:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    try:
        os.execv(command[0], command)  # noqa: S606 - it is the package's own server
    except OSError as error:
        _fail(f"cannot run {command[0]}: {error.strerror}")


def needs_user() -> bool | None:
    """Tell whether a view needs a namespace of users too; None when there can be none on this machine."""
    if os.geteuid() == 0 and can_mount(0):
        return False
    return True if can_mount(CLONE_NEWUSER) else None


def home(user: str) -> str:
    """Give the home folder that a user ``uid:gid`` has in a view."""
    return "/home/modelpack" if root.user_ids(user)[0] else "/root"


def _additions(plan: dict[str, object]) -> _Node:
    """Give everything that is not the base image's, as a tree of places."""
    top = _Node()
    for entry in _entries(plan):
        _node(top, os.fsdecode(entry.name)).entry = entry
    stores = plan["store"] if os.path.isdir(f"{plan['tree']}/nix/store") else ["/nix/store"]
    assert isinstance(stores, list)  # noqa: S101 - see main()
    for source in (*(f"/{name}" for name in _MACHINE), *stores):
        if os.path.exists(source):
            _node(top, source).source = os.path.realpath(source)
    places = plan.get("places") or {}
    assert isinstance(places, dict)  # noqa: S101
    for path, source in places.items():
        _node(top, path).source = os.path.realpath(source)
    return top


def _entries(plan: dict[str, object]) -> Iterator[Entry]:
    skeleton, placed = plan["skeleton"], plan["links"]
    assert isinstance(skeleton, dict)  # noqa: S101 - see main()
    assert isinstance(placed, dict)  # noqa: S101
    yield from root.entries(layer.Skeleton(**skeleton))
    yield from links.entries(layer.Links(**placed))


def _node(top: _Node, path: str) -> _Node:
    for name in path.strip("/").split("/"):
        top = top.below.setdefault(name, _Node())
    return top


def _fill(place: str, lower: str | None, node: _Node, *, owned: bool) -> None:
    """Make what lies below a folder: the lower folder's entries as they are, and what the node puts there.

    Args:
        place: the folder, which exists.
        lower: the base image's folder of that path, if it has one.
        node: what is put there.
        owned: files can be given to other users.
    """
    for name in sorted({*(os.listdir(lower) if lower else ()), *node.below}):
        target, source = os.path.join(place, name), os.path.join(lower, name) if lower else None
        child = node.below.get(name)
        if child is None:
            assert source is not None  # noqa: S101 - the name is of one of the two
            _show(source, target)
        elif child.source:
            _show(child.source, target)
        elif child.entry and child.entry.kind != DIRECTORY:
            _make(child.entry, target)
        else:
            _make_folder(child.entry, target, owned=owned)
            inner = source if source and os.path.isdir(source) and not os.path.islink(source) else None
            _fill(target, inner, child, owned=owned)


def _show(source: str, target: str) -> None:
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        open(target, "xb").close()
    mount(source, target, None, MS_BIND | MS_REC)


def _make(entry: Entry, target: str) -> None:
    if entry.kind == SYMLINK:
        os.symlink(entry.link, target)
        return
    with open(target, "xb") as stream:
        stream.write(entry.content)


def _make_folder(entry: Entry | None, target: str, *, owned: bool) -> None:
    os.mkdir(target)
    if entry:
        os.chmod(target, entry.mode)
        if owned:
            os.chown(target, entry.uid, entry.gid)


def _fail(message: str) -> NoReturn:
    print(f"view: {message}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
