"""Why a source archive that cannot be built stands in the way, and what works instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from modelpack.errors import SourceBuildError
from modelpack.python.conflicts import next_to
from modelpack.python.dependencies import Closure, Distribution, closure
from modelpack.python.disagreement import chain
from modelpack.python.offers import offers
from modelpack.python.question import Alternative, Question, Root
from modelpack.python.target import Target
from modelpack.python.ways import Works, tried, ways_out
from modelpack.suites import SUITES

_LOG_LINES = 12


class UnbuiltError(SourceBuildError):
    """uv chose a version of which there is only a source archive, and that cannot be built.

    Args:
        pin: name and version.
        pylock: all that uv chose.
        error: of the build.
    """

    def __init__(self, pin: tuple[NormalizedName, Version], pylock: Mapping[str, Any], error: SourceBuildError) -> None:
        super().__init__(error.message, name=error.name, hint=error.hint, details=error.details)
        self.pin, self.pylock = pin, pylock


def explain(
    failure: UnbuiltError,
    pins: Mapping[NormalizedName, Distribution],
    question: Question,
    alternatives: Sequence[Alternative],
    works: Works,
) -> SourceBuildError:
    """Give the error: who needs it, why it is built at all, what was tried and works instead.

    Args:
        failure: what happened.
        pins: all that uv chose; what those require that were not built is not known.
        question: that uv had.
        alternatives: what else the spec could ask.
        works: tells whether something else would do as a lock.
    """
    name, version = failure.pin
    root, links = _needed_by(name, question, closure(question.requirements, pins, question.target.environment()))
    between = " -> ".join(f"{link} {pins[link].version}" for link in links[1:-1])
    message = f"{_who(root, between, failure)} has no wheel for {question.target}, and {failure.message}"
    nearest = next_to(offers(name, question.scope), root, question) if root and root.name == name else None
    ways = ways_out([root], question, alternatives, works, nearest=nearest) if root else ()
    hint = failure.hint or (ways[0] if ways else _elsewhere(name, version, question))
    return SourceBuildError(
        message,
        name=failure.name,
        hint=hint,
        details=(*tried(ways), *_end(failure.details)),
        origins=(root.origin,) if root else (),
    )


def _who(root: Root | None, between: str, failure: UnbuiltError) -> str:
    name, version = failure.pin
    if root is None:
        return f"{name} {version}"
    if root.name == name:
        return str(root) if str(version) in str(root.requirement.specifier) else f"{root} is {name} {version}, which"
    return f"{root} needs {name} {version}{f', through {between}' if between else ''}, which"


def _needed_by(
    name: NormalizedName, question: Question, found: Closure
) -> tuple[Root | None, tuple[NormalizedName, ...]]:
    """Give the requirement that leads there on the shortest way, and that way; no way where it is itself the one."""
    asked = [root for root in question.roots if not root.constraint]
    for root in asked:
        if root.name == name:
            return root, ()
    ways = [(root, chain(root.name, name, found)) for root in asked]
    return min((way for way in ways if way[1][0] == way[0].name), key=lambda way: len(way[1]), default=(None, ()))


def _elsewhere(name: NormalizedName, version: Version, question: Question) -> str | None:
    """Say on which other Python that version has a wheel."""
    found = offers(name, question.scope)
    for suite_name, suite in SUITES.items():
        for python in suite.pythons:
            tags = Target(python, question.target.platform, suite.glibc).tags()
            if version in found.fitting(tags):
                return f'{name} {version} has a wheel for python: "{python}", on base debian:{suite_name}'
    return None


def _end(details: Sequence[str]) -> tuple[str, ...]:
    """Give the last lines of a log, below its first line, which says what it is."""
    return (*details[:1], *details[1:][-_LOG_LINES:])
