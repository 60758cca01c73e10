"""Links packages of conda into one prefix, as conda's own installers do, and makes its Python run on the base.

Files are verified against ``info/paths.json``. Where a file holds the placeholder of the place that it was built for,
the prefix stands in its stead (text, or padded with NULs in binary files). Python packages that are ``noarch`` go to
the site-packages of the prefix's Python, with scripts for their entry points. No script of a package is run.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from modelpack.builders import interpreter, programs
from modelpack.builders.elf import read_dynamic
from modelpack.builders.problem import fail

_DAMAGED = (OSError, EOFError, ValueError, KeyError, tarfile.TarError, zipfile.BadZipFile, zlib.error)
_SCRIPT = """#!python
import sys

from {module} import {first}

if __name__ == "__main__":
    sys.exit({function}())
"""
# As in every environment: what a server never reads.
_LEFT_OUT = re.compile(
    r"(share/(man|info|doc|locale)/.*|.*/__pycache__/.*|.*\.pyc|lib/[^/]*\.a|bin/\.[^/]*-(post|pre)-.*)"
)


def main() -> None:
    """Build from the plan; see ``interpreter.nix`` for its keys."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    os.umask(0o022)
    out = os.environ["out"]
    owners: dict[str, str] = {}
    for package in plan["packages"]:
        try:
            _link(package, plan, out, owners)
        except _DAMAGED as error:
            fail("conda", f"{package['filename']} cannot be unpacked: {error}", package=package["name"])
    program = f"{out}/bin/python{plan['python']}"
    if not os.path.exists(program):
        fail("conda", f"the packages of conda have no bin/python{plan['python']}")
    interpreter.adapt(plan, out, patched_library=True)
    _programs(plan, out, os.path.realpath(program))


class _Package:
    """One archive, unpacked into a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.index = self._json("info/index.json") or {}
        self.link = self._json("info/link.json") or {}

    def _json(self, path: str) -> dict[str, Any] | None:
        with contextlib.suppress(FileNotFoundError), open(f"{self.folder}/{path}", encoding="utf-8") as stream:
            found: dict[str, Any] = json.load(stream)
            return found
        return None

    @property
    def is_python(self) -> bool:
        """A Python package for any architecture."""
        return self.index.get("noarch") == "python"

    def paths(self) -> list[dict[str, Any]]:
        """Give the files: ``paths.json``, or what older packages have in its place."""
        listed = self._json("info/paths.json")
        if listed is not None:
            found: list[dict[str, Any]] = listed["paths"]
            return found
        prefixes = dict(self._prefixes())
        with open(f"{self.folder}/info/files", encoding="utf-8") as stream:
            names = [line.rstrip("\n") for line in stream if line.strip()]
        return [{"_path": name, **prefixes.get(name, {})} for name in names]

    def _prefixes(self) -> Iterator[tuple[str, dict[str, str]]]:
        with contextlib.suppress(FileNotFoundError), open(f"{self.folder}/info/has_prefix", encoding="utf-8") as stream:
            for line in stream:
                words = line.rstrip("\n").split(None, 2)
                placeholder, mode, path = (
                    words if len(words) == 3 else ("/opt/anaconda1anaconda2anaconda3", "text", line.strip())
                )
                yield path.strip('"'), {"prefix_placeholder": placeholder.strip('"'), "file_mode": mode}


def _link(package: dict[str, str], plan: dict[str, Any], out: str, owners: dict[str, str]) -> None:
    """Link one package into the prefix."""
    folder = os.path.join(os.environ["NIX_BUILD_TOP"], "conda", package["name"])
    os.makedirs(folder)
    for stream in _archives(package["path"], package["filename"], plan["zstd"]):
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                _extract(archive, member, folder)
    found = _Package(folder)
    for entry in found.paths():
        path = _place(entry["_path"], plan["python"], is_python=found.is_python)
        if _LEFT_OUT.fullmatch(path) or entry.get("path_type") == "directory":
            continue
        owner = owners.setdefault(path, package["name"])
        if owner != package["name"]:
            fail("conda", f"two packages of conda own {path}: {owner} and {package['name']}")
        _file(f"{folder}/{entry['_path']}", f"{out}/{path}", entry, out)
    for line in (found.link.get("noarch") or {}).get("entry_points") or ():
        _entry_point(line, out)
    shutil.rmtree(folder)


def _archives(path: str, filename: str, zstd: str) -> Iterator[IO[bytes]]:
    """Give the tar streams of an archive: two in a ``.conda``, one in a ``.tar.bz2``."""
    if filename.endswith(".tar.bz2"):
        import bz2  # noqa: PLC0415 - of old archives alone

        with bz2.open(path) as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".tar.zst"):
                done = subprocess.run([zstd, "-dc"], input=archive.read(name), stdout=subprocess.PIPE, check=True)
                yield io.BytesIO(done.stdout)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: str) -> None:
    """Unpack one member; none may be named, or lead, out of the folder."""
    name = os.path.normpath(member.name)
    target = f"{folder}/{name}"
    if name.startswith(("/", "..")) or not os.path.realpath(os.path.dirname(target)).startswith(folder):
        fail("conda", f"a package of conda holds a file with an unsafe name: {member.name!r}")
    if member.isdir():
        os.makedirs(target, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if member.issym():
        os.symlink(member.linkname, target)
        return
    # A hard link's content is that of the member before it.
    source = archive.extractfile(member) if member.isfile() else open(_inside(member.linkname, folder), "rb")  # noqa: SIM115
    assert source is not None  # noqa: S101 - true for every regular file
    with source, open(target, "xb") as stream:
        shutil.copyfileobj(source, stream, 1 << 20)
    os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)


def _inside(path: str, folder: str) -> str:
    found = os.path.realpath(f"{folder}/{path}")
    if not found.startswith(f"{folder}/"):
        fail("conda", f"a package of conda holds a link that leads out of it: {path!r}")
    return found


def _place(path: str, python: str, *, is_python: bool) -> str:
    """Give where a file goes below the prefix."""
    found = os.path.normpath(path)
    if found.startswith(("/", "..")):
        fail("conda", f"a package of conda holds a file with an unsafe name: {path!r}")
    if is_python and found.startswith("site-packages/"):
        return f"lib/python{python}/{found}"
    if is_python and found.startswith("python-scripts/"):
        return "bin/" + found.removeprefix("python-scripts/")
    return found


def _file(source: str, target: str, entry: dict[str, Any], out: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    with open(source, "rb") as stream:
        data = stream.read()
    if "sha256" in entry and hashlib.sha256(data).hexdigest() != entry["sha256"]:
        fail("conda", f"{entry['_path']} is not what paths.json says")
    if placeholder := entry.get("prefix_placeholder"):
        data = _replaced(data, placeholder.encode(), out.encode(), binary=entry.get("file_mode") == "binary")
    with open(target, "xb") as stream:
        stream.write(data)
    os.chmod(target, 0o755 if os.stat(source).st_mode & 0o100 else 0o644)


def _replaced(data: bytes, placeholder: bytes, prefix: bytes, *, binary: bool) -> bytes:
    """Put the prefix in place of the placeholder; binary files keep their length."""
    if not binary:
        return data.replace(placeholder, prefix)
    if len(prefix) > len(placeholder):
        fail("conda", f"the prefix is longer than the one that a program was built for: {prefix.decode()}")

    def padded(match: re.Match[bytes]) -> bytes:
        text = match[0].replace(placeholder, prefix)
        return text + b"\0" * (len(match[0]) - len(text))

    return re.sub(re.escape(placeholder) + rb"[^\0]*\0", padded, data)


def _entry_point(line: str, out: str) -> None:
    """Write the script of one entry point (``name = module:function``) where environments look for scripts."""
    name, _, value = (part.strip() for part in line.partition("="))
    module, _, function = value.partition(":")
    os.makedirs(f"{out}/scripts", exist_ok=True)
    with open(f"{out}/scripts/{name}", "w", encoding="utf-8") as stream:
        stream.write(_SCRIPT.format(module=module, first=function.split(".")[0], function=function))
    os.chmod(f"{out}/scripts/{name}", 0o755)


def _programs(plan: dict[str, Any], out: str, python: str) -> None:
    """Have the other programs start with the base's linker too."""
    for name in sorted(os.listdir(f"{out}/bin")):
        path = f"{out}/bin/{name}"
        dynamic = None if os.path.islink(path) or path == python else read_dynamic(path)
        if dynamic and dynamic.interpreter:
            programs.patch(
                f"{plan['tools']}/bin/patchelf",
                path,
                needed=[],
                search_path=f"{out}/lib:{plan['base']}/usr/lib/{plan['triplet']}",
                interpreter=f"{plan['base']}/{plan['loader']}",
            )


if __name__ == "__main__":
    main()
