"""The smallest set of requirements that cannot hold together, and who wants what of which distribution.

It is tried, not guessed: what is left of the set resolves once any member is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from modelpack.parallel import run_all
from modelpack.python.dependencies import Closure, Distribution, closure
from modelpack.python.question import Question, Root

Pins = Mapping[NormalizedName, Distribution]
Solve = Callable[[Question, bool], Pins | None]
"""Gives what a question resolves to, with what each requires when the flag is set; None when nothing does."""
Offered = Callable[[str], Sequence[Version]]

_WORKERS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of a disagreement: who wants which versions of the disputed distribution."""

    root: Root
    chain: tuple[str, ...]
    """``name version`` of the distributions from the root to the one that states the specifier; empty when the
    root itself names the disputed distribution."""
    specifier: str
    """Of the disputed distribution, as it is stated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """Requirements of which any but one can be met."""

    roots: tuple[Root, ...]
    disputed: str | None
    """The distribution that they want different versions of; None when it could not be told."""
    sides: tuple[Side, ...]


def disagreement(involved: Sequence[Root], question: Question, solve: Solve, offered: Offered) -> Disagreement | None:
    """Find the smallest set among the requirements that uv names, else among all.

    Args:
        involved: the requirements that uv names.
        question: what has no answer.
        solve: tries.
        offered: gives the versions that the indexes have of a distribution.

    Returns:
        None when even all of them resolve; a single root when that one alone does not.
    """
    for candidates in (tuple(involved), question.roots):
        if candidates and solve(replace(question, roots=candidates), False) is None:
            roots = smallest(candidates, question, solve)
            if len(roots) == 1:
                return Disagreement(roots=roots, disputed=None, sides=())
            return _explained(roots, question, solve, offered)
    return None


def smallest(
    roots: tuple[Root, ...], question: Question, solve: Solve, given: tuple[Root, ...] = (), *, changed: bool = False
) -> tuple[Root, ...]:
    """Give the fewest of the roots that are impossible beside the given ones (QuickXplain, Junker 2004).

    Halves are left out first, so that a few culprits among many requirements cost few resolutions.
    """
    if changed and solve(replace(question, roots=given), False) is None:
        return ()
    if len(roots) == 1:
        return roots
    first, second = roots[: len(roots) // 2], roots[len(roots) // 2 :]
    of_second = smallest(second, question, solve, (*given, *first), changed=bool(first))
    of_first = smallest(first, question, solve, (*given, *of_second), changed=bool(of_second))
    return (*of_first, *of_second)


def _explained(roots: tuple[Root, ...], question: Question, solve: Solve, offered: Offered) -> Disagreement:
    found_alone = run_all(lambda root: solve(replace(question, roots=(root,)), True), roots, workers=_WORKERS)
    alone = dict(zip(roots, found_alone, strict=True))
    environment = question.target.environment()
    constraints = [root for root in roots if root.constraint]
    reached = {root: closure([root.requirement], pins, environment) for root, pins in alone.items() if pins}
    names = sorted({name for result in reached.values() for name in result.parents})
    spoken = {name: (*_sides(name, reached, alone), *_limits(name, constraints)) for name in names}
    sides = {name: found for name, found in spoken.items() if len({side.root for side in found}) > 1}
    disputed = {name: found for name, found in sides.items() if not _overlap([side.specifier for side in found])}
    if not disputed:
        disputed = {name: found for name, found in sides.items() if not _any_meets(offered(name), found)}
    if not disputed:
        return Disagreement(roots=roots, disputed=None, sides=())
    nearest = min(disputed, key=lambda name: (sum(len(side.chain) for side in disputed[name]), name))
    return Disagreement(roots=roots, disputed=nearest, sides=_opposed(disputed[nearest]))


def _any_meets(versions: Sequence[Version], sides: Sequence[Side]) -> bool:
    whole = SpecifierSet(",".join(side.specifier for side in sides))
    return any(whole.contains(version, prereleases=True) for version in versions)


def _sides(name: str, reached: Mapping[Root, Closure], alone: Mapping[Root, Pins | None]) -> tuple[Side, ...]:
    """Give what each root says of a distribution, whoever speaks for it."""
    sides = []
    for root, result in reached.items():
        pins = alone[root] or {}
        if root.name == name and root.requirement.specifier:
            sides.append(Side(root=root, chain=(), specifier=str(root.requirement.specifier)))
        for parent, texts in result.parents.get(canonicalize_name(name), {}).items():
            links = chain(root.name, parent, result)
            sides += [
                Side(root=root, chain=tuple(f"{link} {pins[link].version}" for link in links), specifier=text)
                for text in texts
                if text
            ]
    return tuple(sides)


def _limits(name: str, constraints: Sequence[Root]) -> tuple[Side, ...]:
    """Give what constraints say of a distribution."""
    return tuple(
        Side(root=root, chain=(), specifier=str(root.requirement.specifier))
        for root in constraints
        if root.name == name and root.requirement.specifier
    )


def _opposed(sides: Sequence[Side]) -> tuple[Side, ...]:
    """Give one side of each root that leaves no version to another's, or all when only three together do."""

    def opposes(side: Side) -> bool:
        return any(side.root is not other.root and not _overlap([side.specifier, other.specifier]) for other in sides)

    nearest: dict[Root, Side] = {}
    for side in sorted(filter(opposes, sides), key=lambda side: len(side.chain)):
        nearest.setdefault(side.root, side)
    shown = tuple(side for side in sides if nearest.get(side.root) is side)
    return shown if len(shown) > 1 and not _overlap([side.specifier for side in shown]) else tuple(sides)


def chain(root: NormalizedName, name: NormalizedName, result: Closure) -> tuple[NormalizedName, ...]:
    """Give the shortest way from the root's distribution to another that it reaches, both included."""
    ways: list[tuple[NormalizedName, ...]] = [(name,)]
    seen = {name}
    for way in ways:
        if way[0] == root:
            return way
        for parent in sorted(result.parents.get(way[0], {})):
            if parent not in seen:
                seen.add(parent)
                ways.append((parent, *way))
    return (name,)


def _overlap(specifiers: Sequence[str]) -> bool:
    """Say whether some version meets all; versions at, just below and just above every bound are tried."""
    whole = SpecifierSet(",".join(specifiers))
    edges = [item.version.removesuffix(".*") for text in specifiers for item in SpecifierSet(text)]
    near = [version for edge in edges for version in (edge, f"{edge}.dev0", f"{edge}.post1", f"{edge}.1")]
    return any(whole.contains(version, prereleases=True) for version in ("0", *near, "999999"))
