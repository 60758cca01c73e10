"""The package indexes of a Debian archive: which binary packages there are, and what they need.

An index of a suite has tens of megabytes; it is cut into paragraphs at once, and a paragraph is read when its
package is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelpack.debian import control as debian_control
from modelpack.debian import release as debian_release
from modelpack.debian import version as debian_version
from modelpack.debian.control import Group, Relation
from modelpack.debian.release import Access, Release
from modelpack.debian.sources import DEBIAN, Archive
from modelpack.errors import ResolveError
from modelpack.parallel import run_all

_PROVIDED = re.compile(rb"(?:^|,)\s*([^\s,(:]+)")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*(/[A-Za-z0-9][A-Za-z0-9.+~_-]*)*\.deb")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One binary package of an index."""

    name: str
    version: str
    architecture: str
    """``all``, or an architecture."""
    priority: str
    depends: tuple[Group, ...]
    """Depends and Pre-Depends."""
    provides: tuple[Relation, ...]
    conflicts: tuple[Relation, ...]
    """Conflicts and Breaks."""
    path: str
    """Below the archive's root."""
    sha256: str
    size: int
    suite: str
    """Of the index."""
    source: str = DEBIAN
    """Of the archive, as locks call it."""


class Index:
    """The packages of one suite, for one architecture.

    Args:
        suite: code name, such as ``bookworm-security``.
        contents: Packages files.
        source: of the archive, as locks call it.
    """

    def __init__(self, suite: str, contents: Iterable[bytes], source: str = DEBIAN) -> None:
        self.suite = suite
        self.source = source
        self._paragraphs: dict[str, list[bytes]] = {}
        self._providers: Mapping[str, tuple[str, ...]] | None = None
        self._packages: dict[str, tuple[Package, ...]] = {}
        for content in contents:
            for paragraph in content.split(b"\n\n"):
                if name := _name(paragraph):
                    self._paragraphs.setdefault(name, []).append(paragraph)

    def names(self) -> Iterable[str]:
        """Give the names of all packages."""
        return self._paragraphs.keys()

    def packages(self, name: str) -> tuple[Package, ...]:
        """Give every version of a package, in the order of the index.

        Raises:
            ResolveError: a paragraph of the index is not whole.
        """
        if name not in self._packages:
            found = (_read(paragraph, self.suite, self.source) for paragraph in self._paragraphs.get(name, ()))
            self._packages[name] = tuple(found)
        return self._packages[name]

    def providers(self, name: str) -> tuple[str, ...]:
        """Give the names of the packages of which some version provides ``name``."""
        if self._providers is None:
            self._providers = self._find_providers()
        return self._providers.get(name, ())

    def _find_providers(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for name, paragraphs in self._paragraphs.items():
            for paragraph in paragraphs:
                start = paragraph.find(b"\nProvides:")
                if start < 0:
                    continue
                value = paragraph[start + 10 :].split(b"\n", 1)[0]
                for provided in _PROVIDED.findall(value):
                    found.setdefault(provided.decode(), {})[name] = None
        return {provided: tuple(names) for provided, names in found.items()}


def load_releases(archives: Sequence[Archive], access: Access) -> tuple[Release, ...]:
    """Read and verify the releases of archives, all at once; mirrors of the same release count once.

    Raises:
        ResolveError: as ``debian_release.load``.
        ToolError: as ``debian_release.load``.
    """
    found = run_all(lambda archive: debian_release.load(archive, access), archives, workers=8)
    unique = {release.evidence.sha256: release for release in reversed(found)}
    return tuple(release for release in found if unique[release.evidence.sha256] is release)


def load(releases: Sequence[Release], architecture: str, access: Access) -> tuple[Index, ...]:
    """Give the index of each release for an architecture.

    Releases that the machine takes for other architectures only are left out, unless there is none else.

    Raises:
        ResolveError: the architecture or a component is not in a release, or an index cannot be had.
    """
    wanted = [
        release
        for release in releases
        if not release.archive.architectures or architecture in release.archive.architectures
    ] or list(releases)
    jobs = [(release, path) for release in wanted for path in _paths(release, architecture)]
    access.progress.start("package indexes", total=len(jobs), unit="files")
    contents = run_all(lambda job: _fetch(job[0], job[1], access), jobs, workers=4)
    access.progress.finish("package indexes")
    return tuple(
        Index(
            release.evidence.suite,
            [data for (owner, _), data in zip(jobs, contents, strict=True) if owner is release],
            release.archive.source,
        )
        for release in wanted
    )


def _fetch(release: Release, path: str, access: Access) -> bytes:
    data = debian_release.fetch(release, path, access)
    access.progress.advance("package indexes", 1)
    return data


def _paths(release: Release, architecture: str) -> list[str]:
    if architecture not in release.architectures:
        raise ResolveError(
            f"{release.evidence.suite} has no architecture {architecture}",
            hint=f"it has: {', '.join(release.architectures)}",
        )
    architectures = (architecture,) if release.lists_all else (architecture, "all")
    return [f"{component}/binary-{name}/Packages" for component in release.archive.components for name in architectures]


def _name(paragraph: bytes) -> str | None:
    """Give the package's name; it is the first field wherever archives are made with Debian's tools."""
    if paragraph.startswith(b"Package: "):
        start = 9
    elif (found := paragraph.find(b"\nPackage: ")) >= 0:
        start = found + 10
    else:
        return None
    end = paragraph.find(b"\n", start)
    return paragraph[start : end if end >= 0 else None].decode("ascii", errors="replace").strip()


def _read(paragraph: bytes, suite: str, source: str) -> Package:
    fields = next(debian_control.paragraphs(paragraph.decode("utf-8", errors="replace")))
    try:
        debian_version.key(fields["version"])
        package = Package(
            name=fields["package"],
            version=fields["version"],
            architecture=fields["architecture"],
            priority=fields.get("priority", "optional"),
            depends=_relations(fields, "pre-depends") + _relations(fields, "depends"),
            provides=_flat(_relations(fields, "provides")),
            conflicts=_flat(_relations(fields, "conflicts") + _relations(fields, "breaks")),
            path=fields["filename"].removeprefix("./"),
            sha256=fields["sha256"],
            size=int(fields["size"]),
            suite=suite,
            source=source,
        )
    except (KeyError, ValueError) as error:
        name = fields.get("package", "?")
        raise ResolveError(f"the index of {suite} is damaged at package {name}: {error}") from error
    if not _PATH.fullmatch(package.path) or not _SHA256.fullmatch(package.sha256):
        raise ResolveError(f"the index of {suite} is damaged at package {package.name}: {package.path}")
    return package


def _relations(fields: Mapping[str, str], key: str) -> tuple[Group, ...]:
    return debian_control.relations(fields.get(key, ""))


def _flat(groups: tuple[Group, ...]) -> tuple[Relation, ...]:
    return tuple(relation for group in groups for relation in group)
