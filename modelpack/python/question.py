"""What is asked of the package indexes: the requirements, where they were written, and for which target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from modelpack.lock import LockedRequirement
from modelpack.python import dependencies
from modelpack.python.scope import Scope
from modelpack.python.target import Target
from modelpack.spec import Requirement as Written

if TYPE_CHECKING:
    from modelpack.python.from_source import Sources


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A requirement of the user or of the server, or a constraint of the user."""

    requirement: Requirement
    origin: str
    constraint: bool = False
    """It limits versions, and asks for nothing."""

    def __str__(self) -> str:
        return f"{self.requirement} ({self.origin})"

    @property
    def name(self) -> NormalizedName:
        """PEP 503 normalized."""
        return canonicalize_name(self.requirement.name)

    @property
    def injected(self) -> bool:
        """What the server brings, or the version of it that the spec asks for."""
        return self.origin.startswith("server") or self.origin.endswith(": server.version")


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """The files of a distribution that the user's files name by their digests."""

    sha256: frozenset[str]
    """Hexadecimal digits."""
    origins: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the user's files say beside requirements."""

    constraints: tuple[Written, ...] = ()
    hashed: tuple[Written, ...] = ()
    """Requirements and constraints that name files by their digests."""

    def roots(self) -> tuple[Root, ...]:
        """Give the constraints."""
        found = ((Requirement(item.text), item.origin) for item in self.constraints)
        return tuple(Root(requirement=parsed, origin=origin, constraint=True) for parsed, origin in found)

    def allowed(self, target: Target) -> dict[NormalizedName, Allowed]:
        """Give the files that will do on a target, by distribution."""
        return _allowed(self.hashed, target)


def _allowed(hashed: Iterable[Written], target: Target) -> dict[NormalizedName, Allowed]:
    found: dict[NormalizedName, Allowed] = {}
    for item in hashed:
        parsed = Requirement(item.text)
        name = canonicalize_name(parsed.name)
        if not dependencies.holds(parsed, target.environment(), None):
            continue
        digests = frozenset(text.removeprefix("sha256:") for text in item.hashes)
        before = found.get(name, Allowed(sha256=digests, origins=()))
        found[name] = Allowed(sha256=before.sha256 & digests, origins=(*before.origins, item.origin))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What has to be resolved."""

    roots: tuple[Root, ...]
    """Requirements, then constraints."""
    target: Target
    scope: Scope
    allowed: Mapping[NormalizedName, Allowed] = field(default_factory=dict)
    """For the distributions of which only certain files will do."""
    sources: Sources | None = None
    """What is built from source, or is the user's own; None takes nothing but wheels of indexes."""

    @property
    def requirements(self) -> list[Requirement]:
        """What is asked for."""
        return [root.requirement for root in self.roots if not root.constraint]

    @property
    def constraints(self) -> tuple[Root, ...]:
        """What limits versions."""
        return tuple(root for root in self.roots if root.constraint)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What else the spec could ask, in the spec's own words."""

    text: str
    """What to do for it: ``base: debian:trixie, with python: "3.13"``; ``{version}`` stands for that of ``shown``."""
    requirements: tuple[LockedRequirement, ...]
    python: str
    glibc: str
    rank: int
    """How much it changes: ``modelpack.python.ways`` has the scale."""
    shown: str | None = None
    """A distribution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternative:
    """Another question that the spec could ask, to be tried when this one has no answer."""

    text: str
    """As ``Choice.text``."""
    question: Question
    rank: int
    shown: str | None = None
