"""Serves from the root file system that this file lies in, without Nix and without a container engine.

It runs on the package's own Python and needs nothing else of the machine but a kernel that gives it namespaces: the
folder becomes the root, read-only, with the machine's devices, processes and network, and memory where a server
writes. The server is this very process, so whoever started it can stop it. The settings are the image's.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from typing import NoReturn

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
# What a mount had must stay when it is mounted again: nosuid, nodev, noexec, noatime, nodiratime, relatime.
_KEPT = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
_PR_SET_NO_NEW_PRIVS = 38
_HOME = "/home/modelpack"
_USAGE = """usage: {name} [-e NAME=VALUE]... [-v FOLDER:PLACE]... [COMMAND [ARGUMENT]...]

Serves, or runs COMMAND in place of the server. -e sets a variable for it; others of this shell do not reach it.
-v shows it a folder of this machine at an absolute path.
"""
_HINTS = """namespaces of users are refused here. One of these helps:
  run it as root
  sysctl -w kernel.unprivileged_userns_clone=1              (Debian up to 10)
  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0  (Ubuntu from 23.10), or install bubblewrap
  sysctl -w user.max_user_namespaces=10000                  (if it is 0)
  inside a container: start that one with --privileged, or run the OCI image in its place"""

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Enter the root file system and become the server."""
    root = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(root, "serve.json"), encoding="utf-8") as stream:
        config = json.load(stream)["config"]
    variables, places, command = _arguments(sys.argv[1:])
    environment = {
        "HOME": _HOME,
        **dict(entry.split("=", 1) for entry in config.get("Env", [])),
        **variables,
    }
    command = command or [*config.get("Entrypoint", []), *config.get("Cmd", [])]
    uid, gid = _ids(config.get("User") or "0:0")
    folder = config.get("WorkingDir") or "/"
    new_user = os.geteuid() != 0 or not can_mount(0)
    if new_user and not can_mount(CLONE_NEWUSER):
        _bubblewrap(root, folder, environment, command, places)
    if not new_user and os.stat(root).st_mode & 0o005 != 0o005:
        _fail(f"others than root cannot enter {root}; run: chmod 755 {root}")
    _enter(root, uid, gid, places, new_user=new_user)
    os.chroot(root)
    os.chdir(folder)
    if not new_user:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - it is the user's own command
    except OSError as error:
        _fail(f"cannot run {command[0]}: {error.strerror}")


def _arguments(words: list[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Give variables, folders by the place they are shown at, and the command."""
    variables, places = {}, {}
    while words and words[0].startswith("-"):
        option, *words = words
        if option == "--":
            break
        if option in {"-e", "--env"} and words and "=" in words[0]:
            name, value = words.pop(0).split("=", 1)
            variables[name] = value
        elif option in {"-v", "--volume"} and words and ":/" in words[0]:
            folder, _, place = words.pop(0).rpartition(":/")
            places[os.path.normpath(f"/{place}")] = os.path.abspath(folder)
        elif option in {"-h", "--help"}:
            print(_USAGE.format(name="serve"), end="")
            raise SystemExit
        else:
            _fail(f"unknown option: {option}\n\n{_USAGE.format(name='serve')}", 2)
    return variables, places, words


def _ids(user: str) -> tuple[int, int]:
    uid, _, gid = user.partition(":")
    return int(uid), int(gid or uid)


def can_mount(namespaces: int) -> bool:
    """Say whether a mount can be made in new namespaces: a child tries, since there is no way back."""
    child = os.fork()
    if child == 0:
        try:
            unshare(CLONE_NEWNS | namespaces, os.geteuid(), os.getegid())
            mount(None, "/", None, MS_REC | MS_PRIVATE)
            mount("tmpfs", "/tmp", "tmpfs", 0)  # noqa: S108 - any folder that is everywhere does
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _enter(root: str, uid: int, gid: int, places: dict[str, str], *, new_user: bool) -> None:
    """Make the mounts, in namespaces of our own: the rest of the machine sees none of them."""
    try:
        unshare(CLONE_NEWNS | (CLONE_NEWUSER if new_user else 0), uid, gid)
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        mount(root, root, None, MS_BIND | MS_REC)
        for name in ("proc", "dev", "sys"):
            mount(f"/{name}", f"{root}/{name}", None, MS_BIND | MS_REC)
        for name in ("hosts", "resolv.conf", "hostname"):
            source = os.path.realpath(f"/etc/{name}")
            if os.path.isfile(source):
                mount(source, f"{root}/etc/{name}", None, MS_BIND)
        for place, options in _writable(root, uid, gid):
            mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, options)
        for place, source in places.items():
            os.makedirs(root + place, exist_ok=True)
            mount(source, root + place, None, MS_BIND | MS_REC)
        kept = sum(mount for flag, mount in _KEPT.items() if os.statvfs(root).f_flag & flag)
        mount(None, root, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)
    except OSError as error:
        _fail(f"cannot enter {root}: {error.strerror}: {error.filename}")


def _writable(root: str, uid: int, gid: int) -> list[tuple[str, str]]:
    places = {"tmp": "mode=1777", "var/tmp": "mode=1777", "run": "mode=755"}
    if os.path.isdir(root + _HOME):
        places[_HOME[1:]] = f"mode=700,uid={uid},gid={gid}"
    return [(f"{root}/{name}", options) for name, options in places.items()]


def unshare(flags: int, uid: int, gid: int) -> None:
    """Enter new namespaces; in a new one of users, this user is ``uid`` and ``gid``."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(flags), "namespaces")
    if flags & CLONE_NEWUSER:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {outer_uid} 1"),
            ("gid_map", f"{gid} {outer_gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(text)


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Put a file system, or a folder or file of one, at a place (mount(2)).

    Raises:
        OSError: the kernel refuses; its file name is the target.
    """
    words = (None if word is None else os.fsencode(word) for word in (source, target, kind))
    source_, target_, kind_ = words
    data = None if options is None else options.encode()
    _check(_libc.mount(source_, target_, kind_, ctypes.c_ulong(flags), data), target)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _bubblewrap(
    root: str, folder: str, environment: dict[str, str], command: list[str], places: dict[str, str]
) -> NoReturn:
    """Run under bubblewrap, which may be allowed what we are not; the server is its child then."""
    program = shutil.which("bwrap")
    if program is None:
        _fail(_HINTS)
    words = [program, "--die-with-parent", "--ro-bind", root, "/", "--dev-bind", "/dev", "/dev"]
    words += ["--proc", "/proc", "--ro-bind", "/sys", "/sys", "--chdir", folder, "--clearenv"]
    for name in ("hosts", "resolv.conf", "hostname"):
        words += ["--ro-bind-try", os.path.realpath(f"/etc/{name}"), f"/etc/{name}"]
    for name, _ in _writable(root, 0, 0):
        words += ["--tmpfs", name.removeprefix(root)]
    for place, source in places.items():
        os.makedirs(root + place, exist_ok=True)
        words += ["--bind", source, place]
    for variable in environment.items():
        words += ["--setenv", *variable]
    os.execv(program, [*words, "--", *command])  # noqa: S606 - as in main()


def _fail(message: str, code: int = 1) -> NoReturn:
    print(f"serve: {message}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
