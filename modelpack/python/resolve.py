"""Pin every wheel that the requirements need on a target, and say who requires it."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from packaging.pylock import Package, PackageWheel
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from modelpack.errors import FetchError, ResolveError, SourceBuildError
from modelpack.lock import LockedRequirement, Wheel
from modelpack.parallel import Stop, run
from modelpack.progress import Progress
from modelpack.python import conflicts as python_conflicts
from modelpack.python import index as python_index
from modelpack.python import index_settings, selection, unbuilt, uv_tool
from modelpack.python.dependencies import Closure, Distribution, closure
from modelpack.python.from_source import Sources
from modelpack.python.metadata import MetadataStore
from modelpack.python.question import Alternative, Choice, Limits, Question, Root
from modelpack.python.rehearsal import rehearsed
from modelpack.python.scope import Scope
from modelpack.python.target import Target
from modelpack.web.credentials import redact

_TASK = "resolving Python requirements"
_WORKERS = 16
_PATIENCE = 20.0
"""Seconds that one attempt to explain a conflict may take."""
_FOUND_ANYWAY = re.compile(r"is yanked|does not have an extra named")
"""uv's warnings of what is judged afterwards."""
_NO_ADDRESS = (
    "paths, addresses and repositories cannot be locked: "
    "name a version that an index has; a folder of wheels can be an index (find-links)"
)


def resolve(  # noqa: PLR0913 - the target is three words of the lock's, the rest are the caller's
    requirements: Sequence[LockedRequirement],
    *,
    python: str,
    platform: str,
    glibc: str,
    cache: Path,
    progress: Progress,
    previous: Sequence[Wheel] = (),
    upgrade: bool | Sequence[str] = False,
    scope: Scope,
    limits: Limits | None = None,
    choices: Iterable[Choice] = (),
    sources: Sources | None = None,
) -> tuple[Wheel, ...]:
    """Give one wheel for each distribution that the requirements need on the target, sorted by name.

    What is pinned already stays as it is wherever the requirements allow it. When it meets them all, and its
    metadata is in the cache, no index is asked.

    Args:
        requirements: of the user and of the server.
        python: ``3.11``, or ``3.11.2`` where the patch is known; markers may ask for it.
        platform: ``linux/amd64`` or ``linux/arm64``.
        glibc: ``2.36``: the newest that wheels may be built for.
        cache: folder for metadata of wheels; may be deleted at any time.
        progress: hears of warnings.
        previous: the wheels of the lock there is.
        upgrade: True to let go of all pins, or names of which to let go.
        scope: where the indexes are found out.
        limits: which versions and files will do.
        choices: what else could be asked, which is tried when the requirements cannot be met; looked at only then.
        sources: builds what has no wheel, and has the user's own; None takes nothing but wheels of indexes.

    Raises:
        ResolveError: the requirements cannot be met, or an index is not to be had.
        FetchError: a file that an index names is not to be had.
        BuildError: a source cannot be built.
        ToolError: there is no uv.
    """
    if not requirements:
        return ()
    question = _question(requirements, Target(python, platform, glibc), scope, limits or Limits())
    question = replace(question, sources=sources)
    store = MetadataStore(cache)
    kept = _kept(previous, upgrade=upgrade)
    progress.start(_TASK, unit="")
    try:
        if kept and len(kept) == len(previous):
            found = _as_before(question, kept, store)
            if found is not None:
                return found
        alternatives = (_alternative(choice, question, limits or Limits()) for choice in choices)
        return _anew(question, kept, store, progress, upgrade=upgrade, alternatives=alternatives)
    finally:
        progress.finish(_TASK)


def _parsed(item: LockedRequirement) -> Requirement:
    try:
        parsed = Requirement(item.requirement)
    except InvalidRequirement as error:
        line = str(error).splitlines()[0]
        raise ResolveError(
            f"{item.origin}: not a requirement: {redact(item.requirement)!r}: {line}",
            hint=_NO_ADDRESS if "/" in item.requirement else None,
        ) from error
    if parsed.url is not None:
        raise ResolveError(
            f"{item.origin}: {parsed.name} is required from an address: {redact(parsed.url)}",
            hint=_NO_ADDRESS,
        )
    return parsed


def _kept(previous: Sequence[Wheel], *, upgrade: bool | Sequence[str]) -> list[Wheel]:
    """Give the pins to keep.

    Raises:
        ResolveError: a name to upgrade is not among them.
    """
    if isinstance(upgrade, bool):
        return [] if upgrade else list(previous)
    names = {wheel.name for wheel in previous}
    for name in upgrade:
        if previous and canonicalize_name(name) not in names:
            near = get_close_matches(canonicalize_name(name), names, 1)
            hint = f"did you mean {near[0]}?" if near else "the lock has no such package"
            raise ResolveError(f"cannot upgrade {name}: it is not in the lock", hint=hint)
    gone = {canonicalize_name(name) for name in upgrade}
    return [wheel for wheel in previous if wheel.name not in gone]


def _as_before(question: Question, wheels: Sequence[Wheel], store: MetadataStore) -> tuple[Wheel, ...] | None:
    """Give the pins of before, if they are known to be an answer to the question."""
    chosen: dict[Wheel, Distribution] = {}
    for wheel in wheels:
        found = _pinned_before(wheel, question, store)
        if found is None or not _runs_on(found[1], question.target):
            return None
        if found[0].tree is None and not selection.may_be(found[1].name, found[0].sha256, question):
            return None
        chosen[found[0]] = found[1]
    pins = {distribution.name: distribution for distribution in chosen.values()}
    result = closure(question.requirements, pins, question.target.environment())
    missing_extras = any(parent is None for parent, _, _ in result.unknown_extras)
    if result.unmet or missing_extras or python_conflicts.broken(question, pins):
        return None
    return _explained(chosen, result)


def _pinned_before(wheel: Wheel, question: Question, store: MetadataStore) -> tuple[Wheel, Distribution] | None:
    """Give a pin of before as it is now, if it will still do and its metadata is known."""
    sources = question.sources
    if sources and (own := sources.own(wheel.name)):
        return own
    if wheel.source == "local":
        return None
    if wheel.build:
        distribution = sources.cached(wheel) if sources else None
    else:
        distribution = store.cached(wheel)
        if frozenset(question.target.tags()).isdisjoint(parse_wheel_filename(wheel.filename)[3]):
            return None
    return (wheel, distribution) if distribution else None


def _question(requirements: Sequence[LockedRequirement], target: Target, scope: Scope, limits: Limits) -> Question:
    roots = tuple(Root(requirement=_parsed(item), origin=item.origin) for item in requirements)
    return Question(roots=(*roots, *limits.roots()), target=target, scope=scope, allowed=limits.allowed(target))


def _alternative(choice: Choice, question: Question, limits: Limits) -> Alternative:
    target = Target(choice.python, question.target.platform, choice.glibc)
    asked = replace(_question(choice.requirements, target, question.scope, limits), sources=question.sources)
    return Alternative(text=choice.text, question=asked, rank=choice.rank, shown=choice.shown)


def _anew(
    question: Question,
    kept: Sequence[Wheel],
    store: MetadataStore,
    progress: Progress,
    *,
    upgrade: bool | Sequence[str],
    alternatives: Iterable[Alternative],
) -> tuple[Wheel, ...]:
    """Ask uv, then read the metadata of what it chose."""
    solve = functools.partial(_solve, store)
    try:
        answer = _ask_up_to_date(question, kept, upgrade=upgrade)
    except unbuilt.UnbuiltError as failure:
        pins = _partly_described(failure.pylock, question, store)
        raise unbuilt.explain(failure, pins, question, tuple(alternatives), _works) from failure
    except uv_tool.UvError as error:
        raise python_conflicts.explain(str(error), question, tuple(alternatives), solve, _works) from error
    chosen = _described(answer.pylock, question, store)
    pins = {distribution.name: distribution for distribution in chosen.values()}
    result = closure(question.requirements, pins, question.target.environment())
    if not index_settings.overrides(question.scope.folder):
        python_conflicts.check(result, question, pins)
    for warning in answer.warnings:
        if not _FOUND_ANYWAY.search(warning):
            progress.note(f"warning: {warning}")
    return _explained(chosen, result)


def _ask_up_to_date(question: Question, kept: Sequence[Wheel], *, upgrade: bool | Sequence[str]) -> uv_tool.Answer:
    """Ask uv, and when there is no answer once more what the indexes have just now of what stands in the way."""
    try:
        return _ask_with_sources(question, kept, upgrade=upgrade)
    except uv_tool.UvError as error:
        names = sorted({root.name for root in python_conflicts.blamed(str(error), question)})
        if upgrade or not names or os.environ.get("UV_OFFLINE"):
            raise
        return _ask_with_sources(question, kept, upgrade=names)


def _ask_with_sources(
    question: Question,
    kept: Sequence[Wheel],
    *,
    upgrade: bool | Sequence[str],
    patience: float | None = None,
) -> uv_tool.Answer:
    """Ask uv, and again with the source archives of whatever turns out to have no wheel.

    Raises:
        UnbuiltError: one of these cannot be built.
    """
    sources = question.sources
    if sources is None:
        return _ask_uv(question, kept, upgrade=upgrade, patience=patience)
    for wheel in kept:
        if wheel.build and wheel.source != "local":
            sources.offer(wheel.name)
    while True:
        try:
            answer = _ask_uv(question, kept, upgrade=upgrade, patience=patience)
        except uv_tool.UvError as error:
            lacking = python_conflicts.without_wheel(str(error))
            if not [name for name in lacking if sources.offer(name)]:
                raise
            continue
        packages = answer.pylock.get("packages", ())
        chosen = [(canonicalize_name(package["name"]), Version(package["version"])) for package in packages]
        guesses = [pin for pin in chosen if sources.guessed(*pin)]
        if not guesses:
            return answer
        for pin in guesses:
            try:
                sources.learn(*pin)
            except SourceBuildError as error:
                raise unbuilt.UnbuiltError(pin, answer.pylock, error) from error


def _partly_described(
    pylock: Mapping[str, Any], question: Question, store: MetadataStore
) -> dict[NormalizedName, Distribution]:
    """Give what uv chose; of what is on the shelf and was not built yet, the version alone."""
    sources = question.sources
    packages = [(canonicalize_name(one["name"]), Version(one["version"]), one) for one in pylock.get("packages", ())]
    guessed = {name: version for name, version, _ in packages if sources and sources.guessed(name, version)}
    known = dict(pylock, packages=[one for name, _, one in packages if name not in guessed])
    stubs = {name: Distribution(name=name, version=str(version)) for name, version in guessed.items()}
    return {pin.name: pin for pin in _described(known, question, store).values()} | stubs


def _ask_uv(
    question: Question, kept: Sequence[Wheel], *, upgrade: bool | Sequence[str], patience: float | None = None
) -> uv_tool.Answer:
    target = question.target
    options = ["--python-version", target.python, "--python-platform", target.uv_platform()]
    if upgrade is True:
        options.append("--refresh")
    elif upgrade:
        options += [word for name in upgrade for word in ("--refresh-package", name)]
    sources = question.sources
    own = sources.pins() if sources else {}
    asked = [own[root.name] for root in question.roots if root.name in own and not root.constraint]
    return uv_tool.compile_requirements(
        [*map(str, question.requirements), *asked],
        options,
        scope=question.scope,
        constraints=[*(str(root.requirement) for root in question.constraints), *own.values()],
        preferences=[(wheel.name, wheel.version) for wheel in kept],
        shelf=sources.folder if sources else None,
        patience=patience,
    )


def _described(pylock: Mapping[str, Any], question: Question, store: MetadataStore) -> dict[Wheel, Distribution]:
    """Read the metadata of what uv chose."""
    python_index.indexes(question.scope)

    def describe(item: tuple[Package, PackageWheel]) -> tuple[Wheel, Distribution]:
        package = item[0]
        if question.sources and package.version:
            known = question.sources.known(package.name, package.version)
            if known:
                return known
        wheel, url = selection.locked(item)
        return wheel, store.read(wheel, url)

    return dict(run(describe, selection.select(pylock, question), workers=_WORKERS, stop=Stop()))


def _solve(store: MetadataStore, question: Question, whole: bool) -> dict[NormalizedName, Distribution] | None:
    """Give what a question resolves to, with what each requires when ``whole``; None when nothing does.

    Raises:
        UvTimeoutError: it takes too long to tell.
    """
    try:
        with rehearsed(question, trusting=True) as tried:
            pylock = _ask_with_sources(tried, (), upgrade=False, patience=_PATIENCE).pylock
            if whole:
                # Another version has other files than those of which the user's files name the digests.
                found = _described(pylock, replace(tried, allowed={}), store)
                return {pin.name: pin for pin in found.values()}
            return _pinned(pylock)
    except uv_tool.UvTimeoutError:
        raise
    except (uv_tool.UvError, FetchError, ResolveError):
        return None


def _works(question: Question) -> dict[NormalizedName, Distribution] | None:
    """Give what a question resolves to, if it does without compiling anything that was not asked for before.

    Raises:
        UvTimeoutError: it takes too long to tell.
    """
    try:
        with rehearsed(question, trusting=False) as tried:
            return _pinned(_ask_with_sources(tried, (), upgrade=False, patience=_PATIENCE).pylock)
    except uv_tool.UvTimeoutError:
        raise
    except (uv_tool.UvError, FetchError, ResolveError):
        return None


def _pinned(pylock: Mapping[str, Any]) -> dict[NormalizedName, Distribution]:
    names = ((canonicalize_name(package["name"]), package["version"]) for package in pylock.get("packages", ()))
    return {name: Distribution(name=name, version=version) for name, version in names}


def _explained(wheels: Iterable[Wheel], result: Closure) -> tuple[Wheel, ...]:
    """Give those wheels that are reached, sorted, each with what requires it."""
    reached = {name: result.required_by(name) for name in result.parents}
    found = (
        replace(wheel, required_by=reached[canonicalize_name(wheel.name)]) for wheel in wheels if wheel.name in reached
    )
    return tuple(sorted(found, key=lambda wheel: wheel.name))


def _runs_on(distribution: Distribution, target: Target) -> bool:
    try:
        allowed = SpecifierSet(distribution.requires_python)
    except InvalidSpecifier:
        return True
    return allowed.contains(target.environment()["python_full_version"], prereleases=True)
