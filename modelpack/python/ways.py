"""Ways out of requirements that cannot be met: a way is only named when everything resolves with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from modelpack.parallel import run_all
from modelpack.python.disagreement import Pins, smallest
from modelpack.python.question import Alternative, Question, Root
from modelpack.python.uv_tool import UvTimeoutError

NEAR, SERVER, OTHER_VERSION, PYTHON, OTHER_PIN, SEVERAL, OTHER_SERVER, OLDER, UNKNOWN_SERVER = range(9)
"""What a way changes, the least first: a version within its series or to the next, that of the server within what is
known to work, the version of a requirement that names a range, the base with its Python, the version of one that names
one version (the model may be made with it), several, the server, an older version of what leads to the conflict (it may
only not say yet what it does not go with), the server's version outside of what is known to work.
"""

Works = Callable[[Question], Pins | None]
"""Gives what a question resolves to; None when it does not."""

_LAST = (OLDER, UNKNOWN_SERVER)
"""Only named when nothing else works."""
_WORKERS = 3
_ENOUGH = 3
_MOST = 5
_PATIENCE = 12.0
"""Seconds after which no way is waited for any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A change that a person would try."""

    rank: int
    text: Callable[[Pins], str]
    """Says it, once it is known which versions it leads to."""
    question: Question
    group: str = ""
    """Of the trials of one group, only the one that changes least is named."""


def ways_out(
    roots: Sequence[Root],
    question: Question,
    alternatives: Sequence[Alternative],
    works: Works,
    *,
    disputed: str | None = None,
    nearest: Version | None = None,
) -> tuple[str, ...]:
    """Give the changes that work, those that change least first.

    Args:
        roots: the smallest set of requirements that cannot be met.
        question: everything that has to resolve.
        alternatives: what else the spec could ask.
        works: tries.
        disputed: the distribution that the roots want different versions of.
        nearest: the version to try first for a single requirement.
    """
    loosened = [trial for root in roots for trial in _loosened(root, question, nearest, disputed)]
    trials = sorted((*loosened, *map(_asked_otherwise, alternatives)), key=lambda one: one.rank)
    named: dict[str, tuple[int, str]] = {}
    until = time.monotonic() + _PATIENCE
    while trials and len(named) < _ENOUGH:
        batch, trials = trials[:_WORKERS], trials[_WORKERS:]
        batch = [one for one in batch if not (named and one.rank in _LAST) and one.group not in named]
        for trial, pins in zip(batch, _attempt(batch, works, until), strict=True):
            if pins is not None and not (named and trial.rank in _LAST):
                named.setdefault(trial.group or trial.text(pins), (trial.rank, trial.text(pins)))
    if not named.keys() & {trial.group for trial in loosened if trial.group != "server"}:
        named |= {text: (SEVERAL, text) for text in _together(roots, question, works, until)}
    return tuple(dict.fromkeys(text for _, text in sorted(named.values(), key=lambda way: way[0])))[:_MOST]


def tried(ways: Sequence[str]) -> tuple[str, ...]:
    """Give the lines that say which ways there are; none where there are none."""
    which = "each of these" if len(ways) > 1 else "this"
    return (f"{which} was tried and works:", *(f"  {way}" for way in ways)) if ways else ()


def _attempt(trials: Sequence[Trial], works: Works, until: float) -> list[Pins | None]:
    """Give what trials lead to; those that take too long lead nowhere."""

    def attempt(trial: Trial) -> Pins | None:
        try:
            return None if time.monotonic() > until else works(trial.question)
        except UvTimeoutError:
            return None

    return run_all(attempt, trials, workers=_WORKERS)


def _asked_otherwise(other: Alternative) -> Trial:
    def text(pins: Pins) -> str:
        version = pins[canonicalize_name(other.shown)].version if other.shown else ""
        return other.text.replace("{version}", version)

    group = "server" if other.shown else "python" if other.rank == PYTHON else ""
    return Trial(rank=other.rank, text=text, question=other.question, group=group)


def _loosened(root: Root, question: Question, nearest: Version | None, disputed: str | None) -> Iterator[Trial]:
    """Give up the version of one requirement."""
    if not root.requirement.specifier:
        return
    if root.injected:
        yield _trial(UNKNOWN_SERVER, [root], question, [_free(root)], "server")
        return
    pin = _pin(root)
    later = f">{pin.public}" if pin and not nearest and disputed != root.name else ""
    near = f"=={nearest}" if nearest else _series(pin)
    if near:
        yield _trial(NEAR, [root], question, [_with(root, f"{near},{later}")], root.origin)
    if pin and pin.major and not nearest:
        yield _trial(OTHER_PIN, [root], question, [_with(root, f"=={pin.major}.*,{later}")], root.origin)
    yield _trial(OTHER_PIN if pin else OTHER_VERSION, [root], question, [_with(root, later)], root.origin)
    if later and pin:
        yield _trial(OLDER, [root], question, [_with(root, f"<{pin.public}")], root.origin)


def _together(roots: Sequence[Root], question: Question, works: Works, until: float) -> Iterator[str]:
    """Give up the versions of all requirements of the user's, and of those that stand in the way after that."""
    freed: list[Root] = []
    blamed = roots
    while own := [root for root in blamed if root.requirement.specifier and not root.injected and root not in freed]:
        freed += own
        trial = _trial(SEVERAL, freed, question, [_public(root) for root in freed], "")
        (pins,) = _attempt([trial], works, until)
        if pins is not None:
            yield trial.text(pins)
            return
        if time.monotonic() > until:
            return
        blamed = smallest(trial.question.roots, trial.question, lambda asked, _: works(asked))


def _trial(rank: int, roots: Sequence[Root], question: Question, changed: Sequence[Root], group: str) -> Trial:
    others = tuple(other for other in question.roots if other not in roots)

    def text(pins: Pins) -> str:
        return ", and ".join(_said(root, pins) for root in roots)

    return Trial(rank=rank, text=text, question=replace(question, roots=(*others, *changed)), group=group)


def _said(root: Root, pins: Pins) -> str:
    if root.name not in pins:
        return f"{root.origin}: leave out {root.requirement}"
    version = pins[root.name].version
    if root.injected:
        return f'server.version: "=={version}" ({root.name}, outside of what is known to work)'
    return f"{root.origin}: {_with(root, f'=={version}').requirement} in place of {root.requirement}"


def _public(root: Root) -> Root:
    """Give up what the index at hand does not have of a version (``+cu121``), else the version."""
    pin = _pin(root)
    return _with(root, f"=={pin.public}") if pin and pin.local else _free(root)


def _free(root: Root) -> Root:
    return _with(root, "")


def _pin(root: Root) -> Version | None:
    """Give the one version that a requirement names."""
    pins = [item.version for item in root.requirement.specifier if item.operator in ("==", "===")]
    try:
        return Version(pins[0].removesuffix(".*")) if len(pins) == 1 else None
    except InvalidVersion:
        return None


def _series(pin: Version | None) -> str:
    """Give the series of a version: ``==1.2.*`` for ``1.2.3``."""
    return f"=={pin.major}.{pin.minor}.*" if pin and len(pin.release) > 2 else ""


def _with(root: Root, specifier: str) -> Root:
    changed = Requirement(str(root.requirement))
    changed.specifier = SpecifierSet(specifier)
    return replace(root, requirement=changed)
