"""Why something is in a package: every chain of requirements from what someone wrote down to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from modelpack.errors import ModelpackError
from modelpack.lock import Lock

_REQUIREMENT_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
_CHAINS = 20  # more say nothing new


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One link of a chain."""

    name: str
    version: str | None
    """None for what a person or the server catalogue wrote."""
    constraint: str
    """What the step before asks of this one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why one thing is there."""

    kind: str
    """``wheel`` or ``deb``."""
    name: str
    version: str
    chains: tuple[tuple[Step, ...], ...]
    """Each from its origin to the thing itself."""


def why(lock: Lock, name: str) -> tuple[Reason, ...]:
    """Give the reasons of everything called ``name``, a Python distribution or a Debian package.

    Raises:
        ModelpackError: nothing of that name is in the lock.
    """
    wanted = normalize(name)
    reasons = [*_wheels(lock, wanted), *_debs(lock, name)]
    if not reasons:
        known = [*(wheel.name for wheel in lock.python.wheels), *(deb.name for deb in lock.base.target.packages)]
        near = [candidate for candidate in known if wanted in candidate][:5] or get_close_matches(wanted, known)
        hint = f"did you mean {', '.join(near)}?" if near else "modelpack inspect lists all that is in it"
        raise ModelpackError(f"nothing in the package is called {name}", hint=hint)
    return tuple(reasons)


def normalize(name: str) -> str:
    """Give the normalized form of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wheels(lock: Lock, name: str) -> Iterator[Reason]:
    wheels = {wheel.name: wheel for wheel in lock.python.wheels}
    if name not in wheels:
        return
    roots: dict[str, list[Step]] = {}
    for item in lock.python.requirements:
        match = _REQUIREMENT_NAME.match(item.requirement)
        if match:
            step = Step(name=item.origin, version=None, constraint="")
            roots.setdefault(normalize(match[0]), []).append(step)
    constraints = {
        (normalize(match[0]), item.origin): item.requirement
        for item in lock.python.requirements
        if (match := _REQUIREMENT_NAME.match(item.requirement))
    }
    parents = {
        wheel.name: [(parent.name, parent.specifier) for parent in wheel.required_by] for wheel in wheels.values()
    }
    versions = {wheel.name: wheel.version for wheel in wheels.values()}

    def chains(current: str, constraint: str, seen: frozenset[str]) -> Iterator[tuple[Step, ...]]:
        here = Step(name=current, version=versions[current], constraint=constraint)
        for origin in roots.get(current, ()):
            asked = constraints[current, origin.name]
            yield (origin, Step(name=current, version=versions[current], constraint=asked))
        for parent, specifier in parents[current]:
            if parent in seen or parent not in versions:
                continue
            for chain in chains(parent, "", seen | {parent}):
                yield (*chain, Step(name=here.name, version=here.version, constraint=f"{current}{specifier}"))

    yield Reason(kind="wheel", name=name, version=versions[name], chains=_first(chains(name, "", frozenset({name}))))


def _debs(lock: Lock, name: str) -> Iterator[Reason]:
    debs = {deb.name: deb for deb in lock.base.target.packages}
    if name not in debs:
        return
    parents: Mapping[str, list[str]] = {
        child: [deb.name for deb in debs.values() if child in deb.depends] for child in debs
    }
    requested = {request.partition("=")[0].partition("/")[0] for request in lock.base.target.requested}

    def chains(current: str, seen: frozenset[str]) -> Iterator[tuple[Step, ...]]:
        here = Step(name=current, version=debs[current].version, constraint="")
        if current in requested:
            yield (Step(name="base", version=None, constraint=""), here)
        for parent in parents[current]:
            if parent not in seen:
                for chain in chains(parent, seen | {parent}):
                    yield (*chain, here)

    yield Reason(kind="deb", name=name, version=debs[name].version, chains=_first(chains(name, frozenset({name}))))


def _first(chains: Iterator[tuple[Step, ...]]) -> tuple[tuple[Step, ...], ...]:
    """Give the shortest chains of the first ones found; a graph can have more of them than anyone reads."""
    found = []
    for chain in chains:
        found.append(chain)
        if len(found) >= _CHAINS * 50:
            break
    return tuple(sorted(found, key=lambda chain: (len(chain), [step.name for step in chain]))[:_CHAINS])


def to_json(reasons: tuple[Reason, ...]) -> list[dict[str, object]]:
    """Give the reasons as JSON values."""
    return [
        {
            "kind": reason.kind,
            "name": reason.name,
            "version": reason.version,
            "chains": [
                [{"name": step.name, "version": step.version, "constraint": step.constraint} for step in chain]
                for chain in reason.chains
            ],
        }
        for reason in reasons
    ]


def text(reasons: tuple[Reason, ...]) -> str:
    """Give the reasons as people read them: one chain a paragraph, one step a line."""
    kinds = {"wheel": "Python distribution", "deb": "Debian package"}
    blocks = []
    for reason in reasons:
        blocks.append(f"{reason.name} {reason.version} ({kinds[reason.kind]})")
        for chain in reason.chains:
            lines = [
                f"{'  ' * depth}{step.name}{f' {step.version}' if step.version else ''}"
                f"{f'  ({step.constraint})' if step.constraint else ''}"
                for depth, step in enumerate(chain, 1)
            ]
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
