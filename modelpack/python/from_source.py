"""Distributions that no index has a wheel of for the target, or that are the user's own, during a resolution.

uv is never let near a source, since it would run it here. For each of these it finds a wheel on a shelf instead, which
holds metadata alone. What a version requires is looked up only when uv has chosen it; until then its wheel on the
shelf requires nothing, and uv is asked again. So uv chooses among source archives by the rules that it has for wheels.
"""

from __future__ import annotations

import email.parser
import email.policy
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from modelpack.errors import MissingBuildRequirementsError, ModelpackError, ResolveError
from modelpack.lock import Build, BuildTools, Wheel
from modelpack.python import index as python_index
from modelpack.python import sdist
from modelpack.python.dependencies import Distribution
from modelpack.python.metadata import MetadataStore, parse, read_wheel
from modelpack.python.offers import offers
from modelpack.python.scope import Scope
from modelpack.python.target import Target
from modelpack.web import http

_OWN = "modelpack"
"""Local version label (PEP 440) of the user's own distributions on the shelf: no index has such a version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """A distribution of the user's: a project folder, a source archive or a wheel."""

    name: str
    """PEP 503 normalized."""
    origin: str
    """Where it is required, for messages."""
    path: Path
    """Where it lies here."""
    filename: str
    """Its own name, which that need not end in."""
    tree: str
    """The lock's tree that holds it."""
    sha256: str
    """Of what that lists."""
    size: int
    """Bytes of all its files."""
    files: tuple[str, ...] = ()
    """Of a project's folder; empty for an archive or a wheel."""


class Workshop(Protocol):
    """Builds wheels from source in the sandbox."""

    @property
    def scope(self) -> Scope:
        """Where the indexes are found out."""

    def require(self, name: str, requires: Sequence[str]) -> tuple[Wheel, ...]:
        """Resolve the requirements of a build, for the machine that builds."""

    def tools(self, wheels: Sequence[Wheel], *, compilers: bool) -> BuildTools:
        """Give what to build with."""

    def build(self, wheel: Wheel, tools: BuildTools) -> bytes:
        """Build one, and give its core metadata."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian packages that the user asked for to build with; if there are any, every build gets the compilers."""

    @property
    def keeps_packages(self) -> bool:
        """Whether builds of the lock before had the same packages."""


class Sources:
    """What is known so far of distributions that are no wheels of an index.

    Args:
        folder: for the shelf; has to be there.
        target: of the package.
        store: keeps metadata.
        workshop: builds what cannot be known otherwise.
        previous: wheels of the lock before, whose build requirements are kept.
        pool: what these were built with.
    """

    def __init__(
        self,
        folder: Path,
        *,
        target: Target,
        store: MetadataStore,
        workshop: Workshop,
        previous: Sequence[Wheel] = (),
        pool: Sequence[Wheel] = (),
    ) -> None:
        self.folder = folder
        self.target, self.store, self.workshop = target, store, workshop
        self._previous = {wheel.name: wheel for wheel in previous if wheel.build}
        self._pool = {wheel.filename: wheel for wheel in pool}
        self.offered: dict[tuple[str, Version], python_index.IndexFile] = {}
        self.learnt: dict[tuple[str, Version], tuple[Wheel, Distribution]] = {}
        self.owned: dict[str, Version] = {}

    def pins(self) -> dict[str, str]:
        """Give the requirements that make uv take the user's own distributions, by name."""
        return {name: f"{name}=={version}" for name, version in self.owned.items()}

    def add(self, own: Own) -> tuple[Wheel, Distribution]:
        """Take a distribution of the user's, whatever the indexes have of that name.

        Raises:
            ResolveError: it is of another name, or damaged; BuildError: it cannot be built.
        """
        wheel, content = self._of_wheel(own) if own.filename.endswith(".whl") else self._of_source(own)
        distribution = parse(wheel, content)
        version = Version(wheel.version)
        marked = Version(f"{version}{'.' if version.local else '+'}{_OWN}")
        self.owned[own.name] = marked
        self.learnt[own.name, marked] = wheel, distribution
        shelve(self.folder, own.name, marked, content)
        return wheel, distribution

    def own_names(self) -> set[NormalizedName]:
        """Give the names of the user's own distributions."""
        return set(map(canonicalize_name, self.owned))

    def own(self, name: str) -> tuple[Wheel, Distribution] | None:
        """Give the user's own distribution of a name."""
        return next((found for (known, _), found in self.learnt.items() if known == name and known in self.owned), None)

    def offer(self, name: str) -> bool:
        """Put every version that has a source archive and no wheel that fits on the shelf; tell whether one has."""
        if any(known == name for known, _ in self.offered) or name in self.owned:
            return False
        fitting = set(offers(name, self.workshop.scope).fitting(self.target.tags()))
        for version, file in _archives(name, self.workshop.scope):
            if version not in fitting and (name, version) not in self.offered and self._runs(file.requires_python):
                self.offered[name, version] = file
                shelve(self.folder, name, version, b"")
        return any(known == name for known, _ in self.offered)

    def _runs(self, requires_python: str) -> bool:
        """Say whether the index lets a file be for the target's Python, so that no build is begun in vain."""
        try:
            allowed = SpecifierSet(requires_python)
        except InvalidSpecifier:
            return True
        return allowed.contains(self.target.environment()["python_full_version"], prereleases=True)

    def guessed(self, name: str, version: Version) -> bool:
        """Tell whether what uv chose was chosen without knowing what it requires."""
        return (name, version) in self.offered and (name, version) not in self.learnt

    def learn(self, name: str, version: Version) -> None:
        """Find out what a version on the shelf requires.

        Raises:
            ResolveError: it is damaged, or its build requirements cannot be met; BuildError: it cannot be built.
        """
        file = self.offered[name, version]
        content = http.read(file.url)
        sha256 = hashlib.sha256(content).hexdigest()
        if file.sha256 not in (None, sha256):
            raise ResolveError(f"{file.filename} is not what the package index says: its sha256 is {sha256}")
        facts = sdist.read_archive(file.filename, content)
        wheel = Wheel(
            name=name, version=str(version), filename=file.filename, sha256=sha256, size=len(content), source="pypi"
        )
        wheel, metadata = self._built(wheel, facts)
        self.learnt[name, version] = wheel, parse(wheel, metadata)
        shelve(self.folder, name, version, metadata)

    def known(self, name: str, version: Version) -> tuple[Wheel, Distribution] | None:
        """Give what is behind a wheel of the shelf."""
        return self.learnt.get((name, version))

    def pool(self, wheels: Sequence[Wheel]) -> BuildTools | None:
        """Give what the wheels of a lock are built with; None when none of them is."""
        builds = [wheel.build for wheel in wheels if wheel.build]
        if not builds:
            return None
        names = sorted({filename for build in builds for filename in build.wheels})
        required = [self._pool[filename] for filename in names]
        return self.workshop.tools(required, compilers=any(build.compilers for build in builds))

    def cached(self, wheel: Wheel) -> Distribution | None:
        """Give what is known of a distribution of the lock before, which is built from source."""
        content = self.store.kept(self._key(wheel))
        return parse(wheel, content) if content else None

    def _of_wheel(self, own: Own) -> tuple[Wheel, bytes]:
        _, version, _, tags = parse_wheel_filename(own.filename)
        if tags.isdisjoint(self.target.tags()):
            raise ResolveError(f"{own.origin}: {own.filename} is not for {self.target}")
        wheel = replace(_wheel_of(own), version=str(version), filename=own.filename)
        return wheel, read_wheel(own.path, wheel)

    def _of_source(self, own: Own) -> tuple[Wheel, bytes]:
        if not own.files:
            wheel = replace(_wheel_of(own), filename=own.filename)
            return self._built(wheel, sdist.read_archive(own.filename, own.path.read_bytes()))
        files: dict[str, Callable[[], bytes]] = {path: (own.path / path).read_bytes for path in own.files}
        return self._built(_wheel_of(own), sdist.read_folder(own.origin, files))

    def _built(self, wheel: Wheel, facts: sdist.Facts) -> tuple[Wheel, bytes]:
        """Give the locked form of what is built, and its metadata, which takes a build only if nothing else has it."""
        build = Build(requires=facts.requires, wheels=(), compilers=facts.compiles or bool(self.workshop.packages))
        wheel = replace(wheel, build=self._as_before(wheel, build) or self._required(wheel, build))
        content = facts.metadata or self.store.kept(self._key(wheel))
        while content is None:
            try:
                content = self.workshop.build(wheel, self._tools(wheel))
            except MissingBuildRequirementsError as error:
                assert wheel.build is not None  # noqa: S101 - it was just set
                build = replace(wheel.build, requires=(*wheel.build.requires, *error.missing))
                wheel = replace(wheel, build=self._required(wheel, build))
        self.store.keep(self._key(wheel), content)
        # The version of the user's own is only known now.
        return replace(wheel, version=_version(content)) if wheel.tree else wheel, content

    def _as_before(self, wheel: Wheel, build: Build) -> Build | None:
        """Give the build with the requirements that were locked for it, as long as it asks for the same."""
        before = self._previous.get(wheel.name)
        asked = build.requires
        if before is None or before.build is None or before.build.requires[: len(asked)] != asked:
            return None
        # With other programs at hand a backend may ask for other distributions.
        same = before.build.compilers == build.compilers and self.workshop.keeps_packages
        return before.build if same else None

    def _required(self, wheel: Wheel, build: Build) -> Build:
        found = self.workshop.require(wheel.name, build.requires)
        self._pool.update((item.filename, item) for item in found)
        return replace(build, wheels=tuple(item.filename for item in found))

    def _tools(self, wheel: Wheel) -> BuildTools:
        assert wheel.build is not None  # noqa: S101 - the caller's
        required = [self._pool[filename] for filename in wheel.build.wheels]
        return self.workshop.tools(required, compilers=wheel.build.compilers)

    def _key(self, wheel: Wheel) -> str:
        """Give the name under which the metadata of what is built is kept: it depends on how it was built."""
        build = wheel.build
        made = [build.requires, build.wheels, build.compilers] if build else []
        parts = [wheel.sha256, *made, sorted(self.workshop.packages), str(self.target)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _wheel_of(own: Own) -> Wheel:
    return Wheel(
        name=own.name,
        version="0",
        filename=f"{own.name}/",
        sha256=own.sha256,
        size=own.size,
        source="local",
        tree=own.tree,
    )


def _version(content: bytes) -> str:
    fields = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(content)
    return str(Version(str(fields.get("Version", "0"))))


def _archives(name: str, scope: Scope) -> Iterator[tuple[Version, python_index.IndexFile]]:
    """Give the source archives that the indexes have, one a version; the first index has the say."""
    try:
        for index in python_index.indexes(scope):
            for file in python_index.files(name, index, scope.cache):
                try:
                    of_name, version = parse_sdist_filename(file.filename)
                except InvalidSdistFilename:
                    continue
                if of_name == name:
                    yield version, file
    except ModelpackError:
        return


def shelved(name: str, version: Version) -> str:
    """Give the file name of a wheel on a shelf."""
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def shelve(folder: Path, name: str, version: Version, metadata: bytes) -> None:
    """Write a wheel that holds nothing but metadata: what is required, and by the name and version given."""
    fields = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(metadata)
    stem = f"{name.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    for key in ("Requires-Python", "Requires-Dist", "Provides-Extra"):
        lines += [f"{key}: {' '.join(str(text).split())}" for text in fields.get_all(key, ())]
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / shelved(name, version), "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
