"""Why a release that a requirement allows cannot be had: what it needs, and what that needs in turn, is looked up."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from modelpack.errors import ModelpackError
from modelpack.findings.resolution import Resolution
from modelpack.lock import Wheel
from modelpack.python.dependencies import Distribution, holds
from modelpack.python.index import IndexFile
from modelpack.python.metadata import MetadataStore
from modelpack.python.releases import Release, offered, releases
from modelpack.web import http

_MOST = 40
"""Releases whose metadata is read before one gives up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """What is in the way."""

    reason: str
    """Goes on after the version of the release: ``requires base<2, and base 2.0 is in the package``."""
    hint: str = "let that go"
    """What to do about it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """A requirement, and how one gets there."""

    requirement: Requirement
    way: str
    """From the release down to what states this: ``requires name~=1.0, whose 1.2``; empty at the top."""

    @property
    def name(self) -> NormalizedName:
        return canonicalize_name(self.requirement.name)

    def said(self) -> str:
        extras = f"[{','.join(sorted(self.requirement.extras))}]" if self.requirement.extras else ""
        return f"{self.way}requires {self.requirement.name}{extras}{self.requirement.specifier}"


def obstacle(resolution: Resolution, asked: Requirement, release: Release, *, deep: bool) -> Obstacle | None:
    """Find the nearest thing that does not go with a release; None when there is none, or it lies too deep.

    Args:
        resolution: what is in the package.
        asked: the requirement that allows the release.
        release: what was not chosen.
        deep: look into what it requires in turn.
    """
    search = _Search(resolution, asked, release)
    waiting = [*search.below(asked, release, "")]
    seen = set()
    for step in waiting:
        key = step.name, frozenset(step.requirement.extras)
        if (found := search.against_package(step)) is not None:
            return found
        if key in seen or (step.name in resolution.wheels and not step.requirement.extras):
            continue
        seen.add(key)
        result = search.among_releases(step)
        if isinstance(result, Obstacle):
            return result
        if result is not None and deep:
            waiting += search.below(step.requirement, result, f"{step.said()}, whose {result.version} ")
    return None


class _Search:
    def __init__(self, resolution: Resolution, asked: Requirement, release: Release) -> None:
        self._resolution = resolution
        self._asked = canonicalize_name(asked.name)
        self._wanted = f"{asked.name}=={release.version}"
        self._store = MetadataStore(resolution.cache)
        self._tags = frozenset(resolution.target.tags())
        self._left = _MOST
        self._known = functools.cache(self._read)

    def against_package(self, step: _Step) -> Obstacle | None:
        """Hold a requirement against what is in the package."""
        pin = self._resolution.wheels.get(step.name)
        if pin is None or step.requirement.specifier.contains(pin.version, prereleases=True):
            return None
        if (found := self._awaited(step)) is not None:
            return found
        return Obstacle(reason=f"{step.said()}, and {step.name} {pin.version} is in the package{self._because(step)}")

    def among_releases(self, step: _Step) -> Obstacle | Release | None:
        """Hold a requirement against what the indexes have; give what is wrong, or the release to go on with."""
        if (found := self._awaited(step)) is not None:
            return found
        known = self._known(step.name)
        allowed = [known[one] for one in sorted(step.requirement.specifier.filter(known), reverse=True)]
        if usable := [one for one in allowed if one.has_wheel(self._tags)]:
            return usable[0]
        if not allowed:
            return Obstacle(reason=f"{step.said()}, which no index has") if known else None
        reason = f"{step.said()}, which has no wheel for {self._resolution.target}"
        if any(one.has_source for one in allowed):
            return Obstacle(reason=reason, hint=f"require {self._wanted}: {step.name} is then built from its source")
        return Obstacle(reason=reason)

    def below(self, requirement: Requirement, release: Release, way: str) -> Iterator[_Step]:
        """Give what a release requires on the target, with the extras that are asked of it."""
        found = self._metadata(canonicalize_name(requirement.name), release)
        environment = self._resolution.target.environment()
        extras = (None, *map(canonicalize_name, requirement.extras))
        for child in _parsed(found.requires if found else ()):
            if any(holds(child, environment, extra) for extra in extras):
                yield _Step(requirement=child, way=way)

    def _because(self, step: _Step) -> str:
        """Say who keeps what a requirement does not allow in the package."""
        allowed = list(step.requirement.specifier.filter(self._known(step.name)))
        who = next((item for item in self._resolution.asked if item.name == step.name), None)
        if who and not any(who.requirement.specifier.filter(allowed)):
            return f" because of {who.requirement}"
        for parent in self._resolution.wheels[step.name].required_by:
            if parent.name != self._asked and not any(SpecifierSet(parent.specifier).filter(allowed)):
                return f", since {parent.name} requires {step.name}{parent.specifier}"
        return ""

    def _awaited(self, step: _Step) -> Obstacle | None:
        """Tell a requirement of something newer than all that there is."""
        known = self._known(step.name)
        if not known or any(step.requirement.specifier.contains(one, prereleases=True) for one in known):
            return None
        newest = max(known)
        if not any(_least(item) > newest for item in step.requirement.specifier):
            return None
        return Obstacle(
            reason=f"{step.said()}, which is not published yet: the newest is {newest}",
            hint=f"wait until {step.name}{step.requirement.specifier} is published",
        )

    def _read(self, name: NormalizedName) -> Mapping[Version, Release]:
        found = releases(name, offered([name], self._resolution.scope)[0].get(name, ()))
        return {version: one for version, one in found.items() if not one.yanked}

    def _metadata(self, name: NormalizedName, release: Release) -> Distribution | None:
        self._left -= 1
        file = next((one for one in release.files if self._usable(release, one)), None)
        if file is None or file.sha256 is None or self._left < 0:
            return None
        wheel = Wheel(
            name=name,
            version=str(release.version),
            filename=file.filename,
            sha256=file.sha256,
            size=0,
            source="pypi",
        )
        try:
            if (kept := self._store.cached(wheel)) is not None:
                return kept
            return self._store.read(replace(wheel, size=http.size(file.url) or 0), file.url)
        except ModelpackError:
            return None

    def _usable(self, release: Release, file: IndexFile) -> bool:
        return file.sha256 is not None and Release(version=release.version, files=(file,)).has_wheel(self._tags)


def _least(item: Specifier) -> Version:
    """Give a version that no version allowed by a specifier is below; the lowest there is when it has no such bound."""
    if item.operator not in ("==", ">=", "~=", ">"):
        return Version("0")
    return Version(item.version.removesuffix(".*"))


def _parsed(texts: Iterable[str]) -> Iterator[Requirement]:
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue
