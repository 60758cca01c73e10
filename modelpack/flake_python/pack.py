"""A Python of the Nix store as an interpreter tarball, in the shape that ``install_only`` has.

Its libraries lie in store paths of their own, found through search paths with the hashes of those. Here they are put
beside it, all but the C library's and the compiler's, which are the base's: two C libraries in one process is what a
package must not have. No name of a store path is left, so that nothing leads to where the package is not, and the same
Python gives the same bytes: no times, no owners, and no compression, whose bytes differ from version to version.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelpack.builders import tarstream
from modelpack.builders.elf import Dynamic, needed_glibc, read_dynamic
from modelpack.builders.interpreter import is_left_out
from modelpack.errors import ResolveError

_STORE_PATH = re.compile(rb"/nix/store/[0-9a-df-np-sv-z]{32}-")
_NOWHERE = b"/nix/store/" + b"e" * 32 + b"-"
"""As long, and no path of any store: the letter is none of Nix's base 32."""
_PLACES = re.compile(rb"/nix/store/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/(bin/sh\b|etc/|share/)")
_COMMON = {b"bin/sh": b"/bin/sh", b"etc/": b"/etc/", b"share/": b"/usr/share/"}
"""Where every distribution has what nixpkgs names by store path in modules: the shell, MIME types, time zones."""
_OF_BASE = re.compile(
    r"ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|anl|mvec|nss_\w+|BrokenLocale|thread_db)\.so\.\d+|libnsl\.so\.1|"
    r"lib(gcc_s\.so\.1|stdc\+\+\.so\.6)"
)
_FOLDERS = ("bin", "include", "lib")
_VERSION = re.compile(r'^#define\s+PY_VERSION\s+"([^"+]+)', re.MULTILINE)
_MACHINES = {"linux/amd64": 62, "linux/arm64": 183}


@dataclass(frozen=True, kw_only=True, slots=True)
class StorePython:
    """A Python in the store that was looked at, and what goes into its tarball."""

    version: str
    """``3.12.4``."""
    glibc: tuple[int, ...]
    """The oldest C library that it runs with."""
    entries: tuple[tarstream.Entry, ...]

    def write(self, file: Path) -> None:
        """Write the tarball."""
        with file.open("wb") as stream:
            stream.writelines(tarstream.archive(self.entries))


def look(path: str, *, python: str, platform: str, physical: Callable[[str], Path]) -> StorePython:
    """Read a Python of the store, with the libraries that its objects name.

    Args:
        path: of the store.
        python: the version that it has to be, ``3.12``.
        platform: what it has to run on.
        physical: gives where the bytes of a path lie on this machine.

    Raises:
        ResolveError: no Python, or not the one that is wanted; the message goes on from the name of what was asked for.
    """
    found = _Look(physical)
    found.tree(path)
    version = _judge(found, path, python, platform)
    found.libraries()
    glibc = max((needed_glibc(str(item)) for item in found.objects.values()), default=(0,))
    return StorePython(version=version, glibc=glibc, entries=tuple(found.members()))


class _Look:
    """Finds the files of one Python: by path below its prefix, where each lies on this machine."""

    def __init__(self, physical: Callable[[str], Path]) -> None:
        self.physical = physical
        self.files: dict[str, Path] = {}
        self.links: dict[str, str] = {}
        self.objects: dict[str, Path] = {}

    def tree(self, path: str) -> None:
        root = self.physical(path)
        for top in _FOLDERS:
            for folder, folders, names in os.walk(root / top):
                folders.sort()
                for name in sorted([*names, *(one for one in folders if Path(folder, one).is_symlink())]):
                    place = Path(folder, name)
                    shown = str(place.relative_to(root))
                    if not is_left_out(shown):
                        self._add(shown, place, path)

    def _add(self, shown: str, place: Path, path: str) -> None:
        if place.is_symlink():
            target = os.readlink(place)  # noqa: PTH115 - the text, not the place
            if target.startswith(f"{path}/"):
                target = posixpath.relpath(target.removeprefix(f"{path}/"), posixpath.dirname(shown))
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(shown), target))
            if not inside.startswith(("..", "/")):
                if not is_left_out(inside):
                    self.links[shown] = target
                return
            place = self.resolved(place)
        if place.is_file():
            self._file(shown, place)

    def _file(self, shown: str, place: Path) -> None:
        self.files[shown] = place
        if read_dynamic(str(place)):
            self.objects[shown] = place

    def resolved(self, place: Path) -> Path:
        """Follow symlinks of files, those too that lead to other paths of a store which lies elsewhere."""
        for _ in range(40):
            if not place.is_symlink():
                return place
            target = os.readlink(place)  # noqa: PTH115
            place = self.physical(target) if target.startswith("/nix/store/") else place.parent / target
        return place

    def libraries(self) -> None:
        """Take along what the objects need, and what that needs, each under the name by which it is asked for."""
        pending = [place for _, place in sorted(self.objects.items())]
        while pending:
            place = pending.pop(0)
            dynamic = read_dynamic(str(place))
            for name in dynamic.needed if dynamic else ():
                goal = f"lib/{name}"
                known = goal in self.files or goal in self.links or _OF_BASE.fullmatch(name)
                source = None if known or "/" in name or dynamic is None else self._search(name, place, dynamic)
                if source:
                    self._file(goal, source)
                    pending.append(source)

    def _search(self, name: str, place: Path, dynamic: Dynamic) -> Path | None:
        for folder in filter(None, dynamic.search_path.split(":")):
            origin = folder.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(place.parent))
            found = self.resolved((self.physical(folder) if origin == folder else Path(origin)) / name)
            if found.is_file():
                return found
        return None

    def members(self) -> Iterator[tarstream.Entry]:
        """Describe the tarball's members, folders before what is in them."""
        paths = sorted([*self.files, *self.links])
        folders = {parent for path in paths for parent in _above(f"python/{path}")}
        members = {folder: tarstream.directory(folder) for folder in folders}
        members |= {
            f"python/{path}": tarstream.symlink(f"python/{path}", target) for path, target in self.links.items()
        }
        for path, place in self.files.items():
            name, mode = f"python/{path}", 0o755 if place.stat().st_mode & 0o100 else 0o644
            members[name] = tarstream.file(name, without_places(place.read_bytes(), text=path.endswith(".py")), mode)
        return (members[name] for name in sorted(members))


def without_places(data: bytes, *, text: bool) -> bytes:
    """Give contents in which no store path is named, as long as they were unless it is text."""
    if text:
        data = _PLACES.sub(lambda match: _COMMON[match[1]], data)
    return _STORE_PATH.sub(_NOWHERE, data)


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _judge(found: _Look, path: str, python: str, platform: str) -> str:
    """Give the full version.

    Raises:
        ResolveError: it is another Python, none at all, or one that does not run by itself.
    """
    names = {**found.files, **found.links}
    others = sorted(name[10:] for name in names if re.fullmatch(r"bin/python3\.\d+", name))
    if others and python not in others:
        raise ResolveError(f"is Python {', '.join(others)}, not Python {python}")
    header, program = f"include/python{python}/patchlevel.h", f"bin/python{python}"
    place = found.objects.get(program)
    if others and (place is None or b"Py_" not in place.read_bytes()):
        raise ResolveError(
            f"is no interpreter by itself: its {program} starts another one",
            hint="name the bare interpreter, without withPackages: packages are requirements of the spec",
        )
    if place is None or header not in found.files or f"lib/python{python}/os.py" not in found.files:
        raise ResolveError(
            f"is no CPython: {path.rpartition('/')[2][33:]} lacks {program}, {header} or lib/python{python}",
            hint=f"name the interpreter's own attribute, such as nixpkgs#python{python.replace('.', '')}",
        )
    dynamic = read_dynamic(str(place))
    if dynamic and dynamic.machine != _MACHINES[platform]:
        raise ResolveError(f"is for another platform than {platform}")
    version = _VERSION.search(found.files[header].read_text(encoding="utf-8"))
    if version is None:
        raise ResolveError(f"is no CPython: {header} has no version")
    return version[1]
