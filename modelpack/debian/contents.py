"""Which Debian packages have shared libraries, headers and programs: a search of the archive's Contents files."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from modelpack.debian import release as debian_release
from modelpack.debian.release import Access, Release
from modelpack.errors import ResolveError

TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
"""Debian architecture to the multiarch folder of its libraries."""
_CHUNK = 4 << 20
_FOREIGN = ("lib32", "libx32", "lib/debug")
_Rank = tuple[bool, bool]
"""Whether it is outside the default folders, and outside the section ``libs``: False sorts first."""


def packages_with_libraries(
    sonames: Collection[str], releases: Sequence[Release], architecture: str, access: Access
) -> Mapping[str, tuple[str, ...]]:
    """Give the packages that have shared libraries, headers or programs, for each the likeliest first.

    Those come first that have it where the loader or the compiler looks by itself, then those of the section ``libs``.
    Packages with debugging symbols or for other architectures are left out. The answer is advice: a file of
    the archive that cannot be had is noted and passed over while there are others.

    Args:
        sonames: such as ``libGL.so.1``, headers such as ``ffi.h``, or programs such as ``bin/java``.
        releases: where to look.
        architecture: ``amd64``, ``arm64``.
        access: how files of the releases are reached.

    Raises:
        ResolveError: no Contents file can be had.
    """
    found: dict[str, dict[str, _Rank]] = {soname: {} for soname in sonames}
    for path, packed in _contents(releases, architecture, access):
        for soname, line in _lines(packed, sonames, path):
            for name, rank in _owners(line, architecture):
                found[soname][name] = min(rank, found[soname].get(name, rank))
    return {soname: tuple(sorted(ranks, key=lambda name: (ranks[name], name))) for soname, ranks in found.items()}


def _contents(releases: Sequence[Release], architecture: str, access: Access) -> Iterator[tuple[str, bytes]]:
    had, failure = False, None
    for release in releases:
        for path in _paths(release, architecture):
            try:
                packed = debian_release.fetch_packed(release, path, access)
            except ResolveError as error:
                access.progress.note(error.message)
                failure = error
            else:
                had = True
                yield path, packed
    if failure and not had:
        raise failure


def _paths(release: Release, architecture: str) -> Iterator[str]:
    for component in release.archive.components:
        for name in (architecture, "all"):
            path = f"{component}/Contents-{name}.gz"
            if path in release.files:
                yield path


def _lines(packed: bytes, sonames: Collection[str], name: str) -> Iterator[tuple[str, str]]:
    """Find the lines of files of these names; the whole has hundreds of megabytes."""
    rest = b""
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            while chunk := file.read(_CHUNK):
                whole, _, rest = (rest + chunk).rpartition(b"\n")
                for soname in sonames:
                    yield from ((soname, line) for line in _lines_of(whole, soname))
    except (OSError, EOFError, zlib.error) as error:
        raise ResolveError(f"{name} cannot be unpacked: {error}") from error


def _lines_of(text: bytes, soname: str) -> Iterator[str]:
    needle = b"/" + soname.encode()
    found = text.find(needle)
    while found >= 0:
        start, end = text.rfind(b"\n", 0, found) + 1, text.find(b"\n", found)
        line = text[start : end if end >= 0 else None]
        if line[found - start + len(needle) :][:1].isspace():
            yield line.decode("utf-8", errors="replace")
        found = text.find(needle, found + 1)


def _owners(line: str, architecture: str) -> Iterator[tuple[str, _Rank]]:
    """Read a line, ``path  [area/]section/package,...``: the packages, each with its rank."""
    path, owners = line.rsplit(None, 1)
    folder = path.lstrip("./").rpartition("/")[0].removeprefix("usr/")
    if folder.startswith(_FOREIGN):
        return
    triplet = TRIPLETS.get(architecture, architecture)
    elsewhere = folder not in (f"lib/{triplet}", "lib", "lib64", "include", f"include/{triplet}", "bin")
    for owner in owners.split(","):
        section, _, name = owner.rpartition("/")
        if not name.endswith(("-cross", "-dbg", "-dbgsym")):
            yield name, (elsewhere, section.rpartition("/")[2] != "libs")
