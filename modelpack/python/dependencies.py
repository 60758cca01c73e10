"""Who requires whom among pinned distributions, judged for a target; no input or output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from packaging.markers import Environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from modelpack.lock import Parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """One pinned distribution, with what its core metadata says of others."""

    name: NormalizedName
    version: str
    requires: tuple[str, ...] = ()
    """``Requires-Dist`` as written; most of them are of extras that nobody asks for and are never parsed."""
    extras: frozenset[NormalizedName] = frozenset()
    """``Provides-Extra``."""
    requires_python: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmet:
    """A requirement that the pins do not meet."""

    requirement: Requirement
    parent: NormalizedName | None
    """None for a requirement that stands at the root."""
    found: str | None
    """The pinned version; None when there is none."""


@dataclass(kw_only=True)
class Closure:
    """What the roots reach."""

    parents: dict[NormalizedName, dict[NormalizedName, list[str]]] = field(default_factory=dict)
    """Reached name -> names that require it -> their specifiers."""
    unmet: list[Unmet] = field(default_factory=list)
    unknown_extras: list[tuple[NormalizedName | None, NormalizedName, str]] = field(default_factory=list)
    """Who asked (None: a root), the distribution, and the extra it does not have."""

    def required_by(self, name: NormalizedName) -> tuple[Parent, ...]:
        """Give the parents of a reached name, sorted; the specifiers of one parent are joined."""
        parents = sorted(self.parents[name].items())
        return tuple(Parent(name=parent, specifier=_joined(texts)) for parent, texts in parents)


def closure(
    roots: Sequence[Requirement],
    pins: Mapping[NormalizedName, Distribution],
    environment: Environment,
) -> Closure:
    """Follow the requirements from the roots through the pins, as an installer would on the target."""
    result = Closure()
    done: set[tuple[NormalizedName, NormalizedName | None]] = set()
    waiting: list[tuple[NormalizedName | None, Requirement]] = [
        (None, root) for root in roots if holds(root, environment, None)
    ]
    while waiting:
        parent, requirement = waiting.pop()
        pin = _meet(result, parent, requirement, pins)
        if pin is None:
            continue
        wanted = sorted(canonicalize_name(extra) for extra in requirement.extras)
        result.unknown_extras += [(parent, pin.name, extra) for extra in wanted if extra not in pin.extras]
        for extra in (None, *wanted):
            if (pin.name, extra) not in done:
                done.add((pin.name, extra))
                waiting += [(pin.name, child) for child in _requirements(pin, environment, extra)]
    return result


def _meet(
    result: Closure,
    parent: NormalizedName | None,
    requirement: Requirement,
    pins: Mapping[NormalizedName, Distribution],
) -> Distribution | None:
    """Record who requires what, and give the pin that meets it."""
    name = canonicalize_name(requirement.name)
    pin = pins.get(name)
    version = pin.version if pin else None
    if version is None or not requirement.specifier.contains(version, prereleases=True):
        result.unmet.append(Unmet(requirement=requirement, parent=parent, found=version))
        return None
    parents = result.parents.setdefault(name, {})
    if parent is not None and parent != name:
        texts = parents.setdefault(parent, [])
        specifier = _written(requirement)
        if specifier not in texts:
            texts.append(specifier)
    return pin


def _requirements(pin: Distribution, environment: Environment, extra: NormalizedName | None) -> Iterator[Requirement]:
    """Give the requirements of a distribution, or those that one of its extras adds."""
    for text in pin.requires:
        if not _may_hold(text.partition(";")[2], extra):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if holds(requirement, environment, extra):
            yield requirement


def _may_hold(marker: str, extra: str | None) -> bool:
    """Sort out at a glance what need not be parsed: requirements of extras are most of all there are."""
    if extra is not None:
        return "extra" in marker
    return "extra" not in marker or " or " in marker or "!=" in marker


def holds(requirement: Requirement, environment: Environment, extra: str | None) -> bool:
    """Say whether a requirement is one on the target: its marker, with the extra that brings it."""
    if requirement.marker is None:
        return True
    return requirement.marker.evaluate({**cast("Mapping[str, str]", environment), "extra": extra or ""})


def _written(requirement: Requirement) -> str:
    """Write the specifier set with the upper bounds last, as people do."""
    return ",".join(sorted(map(str, requirement.specifier), key=lambda text: (text.startswith("<"), text)))


def _joined(specifiers: Sequence[str]) -> str:
    return ",".join(text for text in specifiers if text)
