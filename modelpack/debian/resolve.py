"""Choose Debian packages: the closure of what is requested over Depends and Pre-Depends. Pure.

A package is taken in its highest version of all suites, as apt does without pins, or in the one requested.
What leaves no choice is chosen first; then, where alternatives are left, one that is chosen already, or else
the first that there is. Recommends are not followed. Maintainer scripts are never run, so what only they need
is left out (see ``debian_left_out``).
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from modelpack.debian import version as debian_version
from modelpack.debian.control import Group, Relation
from modelpack.debian.index import Index, Package
from modelpack.debian.left_out import is_left_out
from modelpack.debian.sources import DEBIAN
from modelpack.errors import ResolveError
from modelpack.lock import Deb

_PRIORITIES = ("required", "important", "standard", "optional", "extra")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    name: str
    version: str | None = None
    suite: str | None = None

    def admits(self, package: Package) -> bool:
        return self.version in (None, package.version) and self.suite in (None, package.suite)


def resolve(requested: Sequence[str], indexes: Sequence[Index], architecture: str) -> tuple[Deb, ...]:
    """Choose the packages that are requested and all that they need.

    Args:
        requested: names, each alone, as ``name=version`` or as ``name/suite``.
        indexes: what there is, for that architecture; of equal versions the earlier index's is taken.
        architecture: ``amd64``, ``arm64``.

    Returns:
        The packages, sorted by name.

    Raises:
        ResolveError: unknown names (all of them at once), a dependency that cannot be met, or packages that
            conflict.
    """
    resolution = _Resolution(indexes=tuple(indexes), architecture=architecture)
    resolution.request(_parse(requested))
    resolution.close()
    resolution.check_conflicts()
    return tuple(resolution.deb(name) for name in sorted(resolution.chosen))


def _parse(requested: Sequence[str]) -> dict[str, list[_Request]]:
    requests: dict[str, list[_Request]] = {}
    for text in sorted(requested):
        name, _, version = text.partition("=")
        name, _, suite = name.partition("/")
        request = _Request(name=name, version=version or None, suite=suite or None)
        requests.setdefault(name, []).append(request)
    return requests


@dataclass(kw_only=True, slots=True)
class _Resolution:
    """The state of one resolution."""

    indexes: tuple[Index, ...]
    architecture: str
    chosen: dict[str, Package] = field(default_factory=dict)
    offering: dict[str, list[Package]] = field(default_factory=dict)
    """Name to those chosen that have or provide it."""
    needed_by: dict[str, str] = field(default_factory=dict)
    """The package that brought another in; requested ones are not in it."""
    new: deque[Package] = field(default_factory=deque)
    """Chosen, but not looked into."""
    open: deque[tuple[Package, Group]] = field(default_factory=deque)
    """Dependencies that leave a choice."""

    def request(self, requests: dict[str, list[_Request]]) -> None:
        problems: list[str] = []
        for name, wanted in requests.items():
            found = [item for item in self.versions(name) if all(request.admits(item) for request in wanted)]
            if found:
                self.choose(found[0])
            else:
                problems.append(_unknown(name, wanted, self))
        if problems:
            raise ResolveError(
                f"{len(problems)} Debian package{'s' if len(problems) > 1 else ''} not found in "
                f"{', '.join(index.suite for index in self.indexes)} for {self.architecture}",
                hint="see the packages of the base in the spec",
                details=tuple(problems),
            )

    def close(self) -> None:
        """Choose until every dependency is met."""
        while self.new or self.open:
            if self.new:
                package = self.new.popleft()
                for group in package.depends:
                    if not is_left_out(package.name, group):
                        self.meet(package, group, decide=False)
            else:
                self.meet(*self.open.popleft(), decide=True)

    def meet(self, package: Package, group: Group, *, decide: bool) -> None:
        """Choose what meets a dependency; put it off when that is a choice and none is to be made yet."""
        if any(self.met_by(relation) for relation in group):
            return
        options: dict[str, Package] = {}
        for option in (option for relation in group for option in self.options(relation)):
            options.setdefault(option.name, option)
        if not options:
            raise _unmet(package, group, self)
        if len(options) > 1 and not decide:
            self.open.append((package, group))
        else:
            self.choose(next(iter(options.values())), needed_by=package.name)

    def choose(self, package: Package, needed_by: str | None = None) -> None:
        self.chosen[package.name] = package
        for name in dict.fromkeys((package.name, *(provided.name for provided in package.provides))):
            self.offering.setdefault(name, []).append(package)
        if needed_by:
            self.needed_by[package.name] = needed_by
        self.new.append(package)

    def versions(self, name: str) -> list[Package]:
        """Give the versions of a package, highest first."""
        found = [package for index in self.indexes for package in index.packages(name)]
        # Nobody else's archive takes the place of what Debian has.
        found = [package for package in found if package.source == DEBIAN] or found
        return sorted(found, key=lambda package: debian_version.key(package.version), reverse=True)

    def candidate(self, name: str) -> Package | None:
        return self.chosen.get(name) or next(iter(self.versions(name)), None)

    def providers(self, name: str) -> list[Package]:
        """Give the candidates of all packages that provide a name, more important ones first."""
        names = {provider for index in self.indexes for provider in index.providers(name)}
        found = [package for provider in names if (package := self.candidate(provider))]
        return sorted(found, key=lambda package: (_rank(package), package.name))

    def met_by(self, relation: Relation) -> Package | None:
        offering = self.offering.get(relation.name, ())
        return next((package for package in offering if self.meets(package, relation)), None)

    def options(self, relation: Relation) -> Iterator[Package]:
        """Give what meets a relation: the package of that name in its highest fitting version, then providers."""
        named = self.chosen.get(relation.name)
        versions = [named] if named else self.versions(relation.name)
        yield from (package for package in versions if self.meets(package, relation))
        yield from (package for package in self.providers(relation.name) if self.meets(package, relation))

    def meets(self, package: Package, relation: Relation) -> bool:
        """Tell whether a package is, or provides, what a relation names (section 7.5 of the policy)."""
        if relation.architecture not in (None, "any", "native", self.architecture):
            return False
        if package.name == relation.name:
            return relation.admits(package.version)
        return any(
            provided.name == relation.name
            and (not relation.version or (provided.version is not None and relation.admits(provided.version)))
            for provided in package.provides
        )

    def check_conflicts(self) -> None:
        for package in self.chosen.values():
            for relation in package.conflicts:
                for other in self.offering.get(relation.name, ()):
                    if other is not package and self.meets(other, relation):
                        raise ResolveError(
                            f"{package.name} {package.version} conflicts with {relation}",
                            hint="request one of them only",
                            details=(self.chain(package.name), self.chain(other.name)),
                        )

    def chain(self, name: str) -> str:
        """Say why a package is here."""
        names = [name]
        while names[-1] in self.needed_by:
            names.append(self.needed_by[names[-1]])
        words = [f"{item} {self.chosen[item].version}" for item in names]
        return f"{', which is needed by '.join(words)}, which is requested"

    def deb(self, name: str) -> Deb:
        package = self.chosen[name]
        met = (self.met_by(relation) for group in package.depends for relation in group)
        return Deb(
            name=name,
            version=package.version,
            architecture=package.architecture,
            filename=PurePosixPath(package.path).name,
            path=package.path,
            sha256=package.sha256,
            size=package.size,
            source=package.source,
            depends=tuple(sorted({other.name for other in met if other} - {name})),
        )


def _rank(package: Package) -> int:
    return _PRIORITIES.index(package.priority) if package.priority in _PRIORITIES else len(_PRIORITIES)


def _unknown(name: str, wanted: Sequence[_Request], resolution: _Resolution) -> str:
    """Say why a request finds nothing, and what would."""
    asked = ", ".join(
        f"{name}={request.version}" if request.version else f"{name}/{request.suite}" if request.suite else name
        for request in wanted
    )
    if versions := resolution.versions(name):
        return f"{asked}: there is {', '.join(f'{item.version} in {item.suite}' for item in versions)}"
    if providers := resolution.providers(name):
        return f"{asked}: virtual, name one that provides it: {', '.join(item.name for item in providers)}"
    names = {known for index in resolution.indexes for known in index.names()}
    near = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.75)
    return f"{asked}: no such package" + (f", did you mean {' or '.join(near)}?" if near else "")


def _unmet(package: Package, group: Group, resolution: _Resolution) -> ResolveError:
    wanted = " | ".join(str(relation) for relation in group)
    found = [
        f"{item.name} {item.version} is chosen"
        if item.name in resolution.chosen
        else f"{item.name} {item.version} is in {item.suite}"
        for relation in group
        for item in (resolution.candidate(relation.name), *resolution.providers(relation.name))
        if item
    ]
    return ResolveError(
        f"{package.name} {package.version} needs {wanted}, which cannot be met",
        hint="request versions that fit each other, or none",
        details=(resolution.chain(package.name), *(found or ["no package has or provides it"])),
    )
