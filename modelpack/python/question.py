"""What is asked of the package indexes: the requirements, where they were written, and for which target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from modelpack.lock import LockedRequirement
from modelpack.python.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A requirement of the user or of the server."""

    requirement: Requirement
    origin: str

    def __str__(self) -> str:
        return f"{self.requirement} ({self.origin})"

    @property
    def name(self) -> NormalizedName:
        """PEP 503 normalized."""
        return canonicalize_name(self.requirement.name)

    @property
    def injected(self) -> bool:
        """The server's, not the user's."""
        return self.origin.startswith("server")


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What has to be resolved."""

    roots: tuple[Root, ...]
    target: Target
    folder: Path
    """Where uv looks for project settings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What else the spec could ask, in the spec's own words."""

    text: str
    """What to do for it: ``base: debian:trixie, with python: "3.13"``."""
    requirements: tuple[LockedRequirement, ...]
    python: str
    glibc: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternative:
    """Another question that the spec could ask, to be tried when this one has no answer."""

    text: str
    """As ``Choice.text``."""
    question: Question
