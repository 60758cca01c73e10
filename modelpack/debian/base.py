"""The base environment out of Debian: which packages, and their resolution from verified indexes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelpack import suites
from modelpack.debian import index as debian_index
from modelpack.debian import version as debian_version
from modelpack.debian.index import Index
from modelpack.debian.release import Access
from modelpack.debian.resolve import resolve
from modelpack.debian.sources import Archive
from modelpack.errors import ResolveError
from modelpack.lock import Deb, DebSet, Evidence

TARGET: Mapping[str, str] = {
    "ca-certificates": "certificate authorities that TLS clients trust",
    "dash": "/bin/sh, for entry scripts and subprocess with shell=True",
    "libatomic1": "manylinux policy, from 2.17 on",
    "libc-bin": "the locale C.UTF-8, getent and ldconfig",
    "libexpat1": "manylinux policy",
    "libgcc-s1": "manylinux policy",
    "libgomp1": "OpenMP: wheels such as lightgbm's expect the system's",
    "libstdc++6": "manylinux policy",
    "netbase": "/etc/protocols and /etc/services",
    "tzdata": "time zones of zoneinfo",
    "zlib1g": "manylinux policy",
}
"""What every package's base has beside Python, and why.

Wheels may take from the system what the manylinux policies (PEP 600 and auditwheel's tables) allow. Of it, the C
library's parts are in libc6, and what is small is above. The rest belongs to desktops: GL, the X11 libraries
(libX11, libXext, libXrender, libICE, libSM) and GLib. A wheel that needs one of those is told the package to add.
"""

TOOLS: Mapping[str, str] = {
    "patchelf": "sets the interpreter and search path of the base's programs",
    "zstd": "the codec of layers; gzip is Python's zlib",
}
"""What the machine that builds needs beside Python."""

SEED = "busybox-static"
_WAYS = (
    'python: {version: "@", tarball: ./cpython-@.tar.gz} in the spec: an install_only build of python-build-standalone',
    'python: {version: "@", flake: "nixpkgs#python%"} in the spec: the Python of a Nix flake',
    "python.interpreters in the machine's configuration: a folder with such tarballs",
    "conda.channels in the machine's configuration: conda's Python, and its packages",
)
"""How a Python is had that no suite has."""

COMPILERS: Mapping[str, str] = {
    "g++": "the C++ compiler",
    "gcc": "the C compiler, assembler and linker",
    "libc6-dev": "headers of the C library",
    "pkg-config": "says where libraries are",
}
"""What extension modules are compiled with, beside the headers of Python."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompilersRequest:
    """What is wanted of compilers."""

    suite: str
    python: str
    """``3.11``; its headers are taken when the suite has them."""
    packages: tuple[str, ...]
    """Beside ``COMPILERS``, in the forms of ``BaseRequest.packages``."""
    architecture: str
    """Of the machine that builds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseRequest:
    """What is wanted of a base."""

    suite: str
    python: str | None
    """``3.11``; None when the package's Python is not of the suite."""
    packages: tuple[str, ...]
    """Beside ``TARGET``; each as ``name``, ``name=version`` or ``name/suite``."""
    target_architecture: str
    """``amd64``, ``arm64``: of the package."""
    build_architecture: str
    """Of the machine that builds."""
    other_pythons: tuple[str, ...] = ()
    """What this machine has beside those of suites, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedBase:
    """A ``modelpack.lock.DebianBase`` but for ``seed_nar_sha256``, which takes the seed's file to compute."""

    suite: str
    glibc: str
    evidence: tuple[Evidence, ...]
    target: DebSet
    tools: DebSet
    tools_suite: str
    tools_python: str
    seed: Deb


def resolve_base(
    request: BaseRequest,
    archives: Sequence[Archive],
    access: Access,
    *,
    tools: Sequence[Archive] = (),
    named: Sequence[Archive] = (),
) -> ResolvedBase:
    """Resolve the target's packages, the builder's tools and the seed.

    Args:
        request: what is wanted.
        archives: of the suite.
        access: how they are reached.
        tools: archives of the suite that ``suites.tools_for`` names, where that is another one.
        named: archives that are not Debian's, for packages of the target that Debian has not.

    Raises:
        ResolveError: an archive that cannot be reached or trusted, a suite without that Python, a package that
            is not there, or packages that do not fit together.
        ToolError: no program that verifies signatures.
    """
    tools_suite, tools_python = suites.tools_for(request.suite, request.python)
    if request.build_architecture != request.target_architecture and tools_python != (request.python or tools_python):
        raise ResolveError(
            f"Python {request.python} for {request.target_architecture} cannot be packaged on "
            f"{request.build_architecture}: its bytecode takes a Python of that version that runs here",
            hint=f"build on {request.target_architecture}, or choose a Python that builders run on, from 3.11 on",
        )
    releases = debian_index.load_releases(archives, access)
    others = debian_index.load_releases(named, access)
    own = debian_index.load(releases, request.target_architecture, access)
    target = (*own, *(debian_index.load(others, request.target_architecture, access) if others else ()))
    python = [python_package(request, target)] if request.python else []
    more = debian_index.load_releases(tools, access) if tools_suite != request.suite else ()
    same = request.build_architecture == request.target_architecture and not more
    build = own if same else debian_index.load(more or releases, request.build_architecture, access)
    target_set = _deb_set((*python, *TARGET, *request.packages), target, request.target_architecture)
    return ResolvedBase(
        suite=request.suite,
        glibc=glibc_version(target_set.packages),
        evidence=tuple(release.evidence for release in (*releases, *more, *others)),
        target=target_set,
        tools=_deb_set((f"python{tools_python}", *TOOLS), build, request.build_architecture),
        tools_suite=tools_suite,
        tools_python=tools_python,
        seed=next(deb for deb in resolve((SEED,), build, request.build_architecture) if deb.name == SEED),
    )


def resolve_compilers(
    request: CompilersRequest, archives: Sequence[Archive], access: Access
) -> tuple[tuple[Evidence, ...], DebSet]:
    """Resolve the compilers, and give what was verified of the archives too.

    Raises:
        ResolveError: as ``resolve_base``.
        ToolError: no program that verifies signatures.
    """
    releases = debian_index.load_releases(archives, access)
    indexes = debian_index.load(releases, request.architecture, access)
    headers = f"libpython{request.python}-dev"
    python = [headers] if any(headers in index.names() for index in indexes) else []
    found = _deb_set((*python, *COMPILERS, *request.packages), indexes, request.architecture)
    return tuple(release.evidence for release in releases), found


def glibc_version(debs: Iterable[Deb]) -> str:
    """Give the version of the C library: ``2.36``.

    Raises:
        ResolveError: libc6 is not among the packages.
    """
    for deb in debs:
        if deb.name == "libc6" and (match := re.match(r"\d+\.\d+", debian_version.upstream(deb.version))):
            return match[0]
    raise ResolveError("the base has no C library: libc6 is not among its packages")


def python_package(request: BaseRequest, indexes: Sequence[Index]) -> str:
    """Give the name of the package that has the version of Python that is wanted.

    Raises:
        ResolveError: the suite has no such Python; says which there are, and the ways to have another one.
    """
    suite, python = request.suite, request.python or ""
    names = {name for index in indexes for name in index.names()}
    if f"python{python}" in names:
        return f"python{python}"
    minors = sorted(int(match[1]) for name in names if (match := re.fullmatch(r"python3\.(\d+)", name)))
    has = " and ".join(f"Python 3.{minor}" for minor in minors) or "no Python 3"
    message = f"Debian {suite} has {has}, not Python {python}"
    other = suites.suite_with(python)
    if python in suites.SUITES[other].pythons:
        raise ResolveError(message, hint=f"use base: debian:{other}, which has Python {python}")
    known = ", ".join((suites.at_hand(), *request.other_pythons))
    ways = tuple(f"- {way}".replace("@", python).replace("%", python.replace(".", "")) for way in _WAYS)
    raise ResolveError(
        message, details=(f"at hand: {known}", *ways), hint=f"take one of these, or bring Python {python}"
    )


def _deb_set(requested: Iterable[str], indexes: Sequence[Index], architecture: str) -> DebSet:
    names = tuple(sorted(set(requested)))
    return DebSet(architecture=architecture, requested=names, packages=resolve(names, indexes, architecture))
