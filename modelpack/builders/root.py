"""Makes the image layer with what people and tools expect of a root file system around the store.

Programs, libraries and settings are links into the base; what is written to, mounted on or read by scanners of images
(which look into layers and follow no links) is really there. The entries follow from the base and the user alone.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator

from modelpack.builders import layer
from modelpack.builders.tarstream import Entry, directory, file, symlink

_OWN = ("dev", "etc", "home", "nix", "proc", "root", "run", "sys", "tmp", "var")
_STATUS = "var/lib/dpkg/status.d"
# Scanners tell the distribution by these; they are of base-files, which a base need not have.
_RELEASE = ("debian_version", "os-release")
_VERSIONS = {"bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15"}
_HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_NSSWITCH = b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n"
# What an image's own dynamic linker would read in place of nothing, and find another C library's libraries by.
_LOADER = "etc/ld.so."
_NOBODY = 65534
_ACCOUNTS = ("etc/passwd", "etc/group")
# Engines and people put the machine's own over these, which needs files.
_MOUNTED = ("etc/hosts", "etc/hostname", "etc/resolv.conf")
FOLDERS = (
    "dev",
    "etc",
    "home",
    "proc",
    "run",
    "sys",
    "var",
    "var/lib",
    "var/lib/dpkg",
    _STATUS,
    "root",
    "tmp",
    "var/tmp",
)
"""What is really there, and no link into the base."""


def main() -> None:
    """Build from the plan: ``base``, ``suite``, ``user`` (``uid:gid``), ``tree`` (of a base image, or null).

    ``compression`` and ``zstd``: as for a layer.
    """
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    skeleton = layer.Skeleton(base=plan["base"], user=plan["user"], suite=plan["suite"], tree=plan["tree"])
    about = {"name": "root file system", "paths": (), "skeleton": skeleton}
    layer.write(os.environ["out"], entries(skeleton), about, plan["compression"], plan["zstd"])


def entries(skeleton: layer.Skeleton, root: str = "/") -> list[Entry]:
    """Describe the members.

    Args:
        skeleton: what they follow from.
        root: folder below which the base's store path lies on this machine.
    """
    base = root.rstrip("/") + skeleton.base
    uid, gid = user_ids(skeleton.user)
    made = _made(uid, gid, skeleton.suite)
    found = [*_folders(), *_top(base, skeleton.base), *_etc(base, skeleton.base, made), *_packages(base)]
    if uid:
        found.append(directory("home/modelpack", uid=uid, gid=gid))
    if skeleton.tree:
        found = list(_over(root.rstrip("/") + skeleton.tree, found))
    return sorted(found, key=lambda entry: entry.name.split(b"/"))


def user_ids(user: str) -> tuple[int, int]:
    """Give uid and gid of ``uid:gid``; a uid alone is its own group."""
    uid, _, gid = user.partition(":")
    return int(uid), int(gid or uid)


def _over(tree: str, entries: list[Entry]) -> Iterator[Entry]:
    """Give what a base image lacks; its own files stay, and users and groups are added to its own."""
    for entry in entries:
        name = os.fsdecode(entry.name)
        place = os.path.join(tree, name)
        if _below_link(tree, name) or name.startswith(_LOADER) or _leads_nowhere(tree, entry):
            continue
        if name in _ACCOUNTS and os.path.isfile(place) and not os.path.islink(place):
            yield file(name, _joined(_read(place), entry.content), 0o644)
        elif not os.path.lexists(place) or (name in _MOUNTED and (os.path.islink(place) or not os.path.isfile(place))):
            yield entry


def _leads_nowhere(tree: str, entry: Entry) -> bool:
    """Tell whether a link such as lib64 -> usr/lib64 is one into a /usr of the image's that has no lib64."""
    link = os.fsdecode(entry.link)
    return bool(link) and not link.startswith("/") and not os.path.lexists(os.path.join(tree, link))


def _below_link(tree: str, name: str) -> bool:
    """Tell whether something above a path is no folder in the base image, but a link, as var/run often is."""
    above = [name[:end] for end, character in enumerate(name) if character == "/"]
    places = [os.path.join(tree, folder) for folder in above]
    return any(os.path.islink(place) or (os.path.exists(place) and not os.path.isdir(place)) for place in places)


def _joined(theirs: bytes, ours: bytes) -> bytes:
    """Give a file of users or groups with those of ours whose names and numbers it has not."""
    lines = [line.split(b":") for line in theirs.splitlines() if line.count(b":") > 2]
    names, numbers = {line[0] for line in lines}, {line[2] for line in lines}
    added = [
        line for line in ours.splitlines() if line.split(b":")[0] not in names and line.split(b":")[2] not in numbers
    ]
    return b"".join(line + b"\n" for line in (*theirs.splitlines(), *added))


def _folders() -> Iterator[Entry]:
    modes = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
    for name in FOLDERS:
        yield directory(name, modes.get(name, 0o755))
    yield symlink("var/run", "/run")


def _top(base: str, store_path: str) -> Iterator[Entry]:
    """Link /usr and its like; where the base itself has a link, such as bin -> usr/bin, it is the same link."""
    for name in os.listdir(base):
        if name not in _OWN:
            yield _link(f"{base}/{name}", name, f"{store_path}/{name}")


def _made(uid: int, gid: int, suite: str | None) -> dict[str, bytes]:
    """Give the files of /etc that are written here, those of the base aside."""
    return {
        "group": _group(gid),
        "hostname": b"",
        "hosts": _HOSTS,
        "nsswitch.conf": _NSSWITCH,
        "passwd": _passwd(uid, gid),
        "resolv.conf": b"",
        **(_release(suite) if suite else {}),
    }


def _etc(base: str, store_path: str, made: dict[str, bytes]) -> Iterator[Entry]:
    found = os.listdir(f"{base}/etc") if os.path.isdir(f"{base}/etc") else []
    theirs = {name: _read(f"{base}/etc/{name}") for name in _RELEASE if os.path.isfile(f"{base}/etc/{name}")}
    if "nsswitch.conf" in found:
        made = {name: content for name, content in made.items() if name != "nsswitch.conf"}
    for name, content in {**made, **theirs}.items():
        yield file(f"etc/{name}", content, 0o644)
    for name in found:
        if name not in made and name not in theirs:
            yield symlink(f"etc/{name}", f"{store_path}/etc/{name}")


def _release(suite: str) -> dict[str, bytes]:
    lines = ['NAME="Debian GNU/Linux"', "ID=debian", f"VERSION_CODENAME={suite}"]
    if suite not in _VERSIONS:
        return {"os-release": "".join(f"{line}\n" for line in lines).encode()}
    number = _VERSIONS[suite]
    lines += [
        f'PRETTY_NAME="Debian GNU/Linux {number} ({suite})"',
        f'VERSION_ID="{number}"',
        f'VERSION="{number} ({suite})"',
    ]
    text = "".join(f"{line}\n" for line in lines)
    return {"os-release": text.encode(), "debian_version": f"{number}\n".encode()}


def _passwd(uid: int, gid: int) -> bytes:
    lines = ["root:x:0:0:root:/root:/bin/sh"]
    if uid:
        lines.append(f"modelpack:x:{uid}:{gid}:modelpack:/home/modelpack:/bin/sh")
    if uid != _NOBODY:
        lines.append(f"nobody:x:{_NOBODY}:{_NOBODY}:nobody:/nonexistent:/usr/sbin/nologin")
    return "".join(f"{line}\n" for line in lines).encode()


def _group(gid: int) -> bytes:
    names = {0: "root", _NOBODY: "nogroup"}
    names.setdefault(gid, "modelpack")
    return "".join(f"{name}:x:{number}:\n" for number, name in sorted(names.items())).encode()


def _packages(base: str) -> Iterator[Entry]:
    folder = f"{base}/{_STATUS}"
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        yield file(f"{_STATUS}/{name}", _read(f"{folder}/{name}"), 0o644)


def _link(place: str, name: str, target: str) -> Entry:
    return symlink(name, os.readlink(place) if stat.S_ISLNK(os.lstat(place).st_mode) else target)


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


if __name__ == "__main__":
    main()
