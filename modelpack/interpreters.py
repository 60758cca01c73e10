"""The Python of a package where it is no package of the base's suite: an interpreter tarball, a flake's, or conda's.

The shape of tarballs is the one that python-build-standalone calls ``install_only``: a folder ``python`` with
``bin/python3.X``, ``lib`` and ``include``, in which nothing depends on where it lies. A flake's is packed so too.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack import suites
from modelpack.errors import ResolveError
from modelpack.lock import CondaPackage, FileEntry, Interpreter, InterpreterTarball
from modelpack.spec import FlakeInterpreter, Source, TarballInterpreter

if TYPE_CHECKING:
    from modelpack.settings import Settings
    from modelpack.spec import Spec

Scan = Callable[[Path], FileEntry]
"""Gives size and sha256 of a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """How interpreters are had."""

    scan: Scan
    find: Callable[[Source], Path]
    """Gives where a file lies, after it was downloaded if need be."""
    solve: Callable[[], tuple[CondaPackage, ...]]
    """Gives what conda has for the spec."""
    realise: Callable[[FlakeInterpreter], Interpreter]
    """Gives what a flake has for the spec."""


_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_NAME = re.compile(
    r"cpython-(?P<version>3\.\d+\.\d+)\+\w+-(?P<machine>\w+?)-unknown-linux-gnu-install_only(?:_stripped)?\.tar\.\w+"
)
_HEADER = re.compile(r"python/include/python3\.\d+[mt]?/patchlevel\.h")
_VERSION = re.compile(rb'^#define\s+PY_VERSION\s+"([^"]+)"', re.MULTILINE)
_DAMAGED = (OSError, EOFError, tarfile.TarError, zlib.error, LZMAError)


def digest(spec: Spec, scan: Scan) -> str | None:
    """Give the digest of what the interpreter follows from; None where the suite has the Python that is wanted."""
    if not is_needed(spec):
        return None
    wanted: list[object] = [
        spec.python,
        spec.platform,
        _identity(spec.interpreter, scan),
    ]
    if spec.conda:
        packages = sorted([item.name, item.version, item.build, item.channel or ""] for item in spec.conda)
        wanted += [packages, list(spec.channels), spec.base.suite]
    return hashlib.sha256(json.dumps(wanted).encode()).hexdigest()


def is_needed(spec: Spec) -> bool:
    """Tell whether the package's Python is not of the base's suite."""
    suite = suites.SUITES.get(spec.base.suite)
    return spec.interpreter is not None or bool(spec.conda) or (suite is not None and spec.python not in suite.pythons)


def resolve(spec: Spec, settings: Settings, ways: Ways) -> Interpreter | None:
    """Give the interpreter that the spec names, or one that the machine has; None leaves it to the base.

    A spec with packages of conda has conda's. Else what the spec names comes before tarballs of the machine, and those
    before its channels.

    Raises:
        ResolveError: a tarball that is not what it should be; FetchError and ToolError as the ways.
    """
    if spec.conda and spec.interpreter:
        raise ResolveError(
            f"packages of conda bring their own Python: python.{_key_of(spec.interpreter)} cannot be theirs",
            hint=f"take python.{_key_of(spec.interpreter)} out, or the packages of conda",
        )
    if spec.conda and not settings.channels:
        raise ResolveError(
            "the lock has packages of conda, and no conda channel is configured on this machine",
            hint="name channels in the configuration (conda.channels), or remove the lock to do without conda",
        )
    if isinstance(spec.interpreter, FlakeInterpreter):
        return ways.realise(spec.interpreter)
    path = ways.find(spec.interpreter.source) if spec.interpreter else _of_machine(spec, settings)
    if settings.channels and (spec.conda or (path is None and is_needed(spec))):
        packages = ways.solve()
        return Interpreter(version=next(item.version for item in packages if item.name == "python"), conda=packages)
    if path is None:
        return None
    entry = ways.scan(path)
    name = spec.interpreter.source.path.name if spec.interpreter else path.name
    tarball = InterpreterTarball(filename=name, sha256=entry.sha256 or "", size=entry.size, source="interpreters")
    if spec.interpreter and spec.interpreter.sha256 not in (None, tarball.sha256):
        raise ResolveError(
            f"{path.name} has another sha256 than the spec says: {tarball.sha256}",
            hint=f"it says {spec.interpreter.sha256}: get the file again, or correct python.sha256",
        )
    version = version_of(path)
    if version.split(".")[:2] != spec.python.split("."):
        raise ResolveError(f"{path.name} holds Python {version}, not Python {spec.python}")
    return Interpreter(version=version, tarball=tarball)


def version_of(path: Path) -> str:
    """Read the full version of the Python in a tarball: ``3.12.1``.

    Raises:
        ResolveError: not a tarball of that shape, or a damaged one.
    """
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if _HEADER.fullmatch(member.name.removeprefix("./")) and (file := archive.extractfile(member)):
                    found = _VERSION.search(file.read())
                    if found:
                        return found[1].decode().rstrip("+")
    except _DAMAGED as error:
        raise ResolveError(f"{path.name} cannot be read as a tarball: {error}") from error
    raise ResolveError(
        f"{path.name} is no interpreter tarball: it has no python/include/python3.X/patchlevel.h",
        hint="take an install_only build of python-build-standalone, or give one the same folders",
    )


def addresses(spec: Spec, settings: Settings, place: Callable[[Source], Path]) -> tuple[str, ...]:
    """Give where tarballs may be had: the spec's own file, and whatever lies in the machine's folders.

    Args:
        spec: what names one.
        settings: what names folders.
        place: gives where a file lies if it is there.
    """
    source = spec.interpreter.source if isinstance(spec.interpreter, TarballInterpreter) else None
    named = (place(source),) if source else ()
    files = (*(path for path in named if path.is_file()), *(path for _, path in _listed(spec.platform, settings)))
    return (*(path.as_uri() for path in files), *((source.remote.url,) if source and source.remote else ()))


def minor_versions(platform: str, settings: Settings) -> frozenset[str]:
    """Give the versions that the machine's folders have for a platform: ``3.12``."""
    return frozenset(version.rpartition(".")[0] for version, _ in _listed(platform, settings))


def versions(spec: Spec, settings: Settings) -> tuple[str, ...]:
    """Give the versions of the Pythons that the machine's folders have for the platform, the oldest first."""
    return tuple(sorted({version for version, _ in _listed(spec.platform, settings)}, key=_key))


def at_hand(spec: Spec, settings: Settings) -> tuple[str, ...]:
    """Give what the machine's folders have for the platform: ``3.12.1 (tarball)``."""
    return tuple(f"{version} (tarball)" for version in versions(spec, settings))


def check_compiler(spec: Spec, interpreter: Interpreter, tools_python: str, *, foreign: bool) -> None:
    """Refuse a package for another architecture that nothing here can compile bytecode for.

    Raises:
        ResolveError: the tools have another version of Python.
    """
    if foreign and tools_python != spec.python:
        raise ResolveError(
            f"Python {interpreter.version} for {spec.platform} cannot be packaged here: "
            f"its bytecode takes a Python {spec.python} that runs on this machine",
            hint=f"build on {spec.platform}, or take the Python of a suite: {suites.at_hand()}",
        )


def _identity(asked: TarballInterpreter | FlakeInterpreter | None, scan: Scan) -> str | list[str] | None:
    """Give what tells one interpreter of a spec from another: of a local flake, what pins its inputs too."""
    if asked is None:
        return None
    if isinstance(asked, TarballInterpreter):
        source = asked.source
        return source.remote.sha256 if source.remote else scan(source.path).sha256
    if asked.folder is None:
        return [asked.reference, asked.attribute]
    files = (asked.folder / name for name in ("flake.nix", "flake.lock"))
    return [asked.written, *(scan(file).sha256 or "" for file in files if file.is_file())]


def _key_of(asked: TarballInterpreter | FlakeInterpreter) -> str:
    return "tarball" if isinstance(asked, TarballInterpreter) else "flake"


def _of_machine(spec: Spec, settings: Settings) -> Path | None:
    """Give the newest tarball of the Python that is wanted; None when the suite or nobody has it."""
    if not is_needed(spec):
        return None
    found = [item for item in _listed(spec.platform, settings) if item[0].split(".")[:2] == spec.python.split(".")]
    return max(found, key=lambda item: (_key(item[0]), item[1].name), default=(None, None))[1]


def _listed(platform: str, settings: Settings) -> Iterator[tuple[str, Path]]:
    for folder in map(Path, settings.interpreters):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match and match["machine"] == _MACHINES[platform]:
                yield match["version"], path


def _key(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
