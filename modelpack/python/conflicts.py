"""Why requirements cannot be met: uv's explanation, put in terms of what the user and the server wrote."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from modelpack.errors import ResolveError
from modelpack.python.dependencies import Closure, Distribution, holds
from modelpack.python.disagreement import Disagreement, Solve, disagreement
from modelpack.python.offers import Offers, likely_name, offers
from modelpack.python.question import Alternative, Question, Root
from modelpack.python.uv_tool import UvTimeoutError
from modelpack.python.ways import Works, tried, ways_out

_FITTING = "versions of"
_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_NOT_FOUND = re.compile(rf"({_NAME}) was not found in the (?:package registry|provided package locations)")
_REFUSED = re.compile(r"An index URL \((\S+)\) could not be queried due to .*?\((\d{3} [^)]+)\)")
_UNREACHABLE = re.compile(r"Failed to fetch: `?([^\s`]+)")
_NO_WHEEL = re.compile(rf"({_NAME})(?:[<>=!~]\S*)? (?:has|have) no (?:usable )?wheels")
_NO_WHEEL_HINT = re.compile(rf"[Ww]heels (?:are (?:required|available) )?for `({_NAME})`")
_OTHER_PYTHON = re.compile(rf"({_NAME})(?:\[[^\]]*\])?(?:[<>=!~]\S*)? (?:requires|depends on) Python ?([<>=!~]\S*\d)")
_DEEP = "MP200"
_REQUIRED = re.compile(r"you require (.+?)(?:, we can conclude|\. |\.$|$)")
_CONFLICT = "MP201"
_DECORATION = re.compile(r"^(?:\s*cause: |\s{9}|\s*[\u00d7\u2570\u251c\u2502]\u2500?\u25b6? ?|error: )")


def explain(
    text: str, question: Question, alternatives: Sequence[Alternative], solve: Solve, works: Works
) -> ResolveError:
    """Give the error for what uv said when it found no solution.

    Args:
        text: of uv.
        question: what it was asked.
        alternatives: what else the spec could ask.
        solve: asks uv something else.
        works: tells whether something else would do as a lock.
    """
    flat = " ".join(text.split())
    lines = [_DECORATION.sub("", line).rstrip() for line in text.splitlines() if line.strip()]
    details = tuple(lines[1:])
    trouble = _index_trouble(flat, text)
    if trouble is not None:
        return ResolveError(trouble[0], hint=trouble[1], details=details, code="MP215")
    if "No solution found" not in flat:
        return ResolveError(f"uv cannot resolve the requirements: {lines[0]}", details=details)
    simple = _diagnose(flat, question)
    if simple is not None:
        return _simple(simple, question, alternatives, works, details)
    involved = _involved(flat, question.roots)
    try:
        found = disagreement(involved, question, solve, lambda name: offers(name, question.scope).versions())
    except UvTimeoutError:
        # Perhaps not the smallest set, which would take too long.
        found = Disagreement(roots=tuple(involved), disputed=None, sides=()) if len(involved) > 1 else None
    if found is None:
        written = "; ".join(map(str, involved or question.roots))
        origins = tuple(dict.fromkeys(root.origin for root in involved))
        message = f"requirements that cannot be met together: {written}"
        return ResolveError(message, details=details, code=_CONFLICT, origins=origins)
    if len(found.roots) == 1:
        return _simple(_no_version(found.roots[0], question), question, alternatives, works, details)
    return _conflict(found, question, alternatives, works)


def blamed(text: str, question: Question) -> list[Root]:
    """Give the requirements that uv's explanation names."""
    return _involved(" ".join(text.split()), question.roots) if "No solution found" in text else []


def without_wheel(text: str) -> list[NormalizedName]:
    """Give the distributions of which uv says that they have no wheel that fits."""
    flat = " ".join(text.split())
    found = [*_NO_WHEEL_HINT.findall(flat), *_NO_WHEEL.findall(flat)]
    return list(dict.fromkeys(canonicalize_name(name) for name in found))


def _index_trouble(flat: str, text: str) -> tuple[str, str] | None:
    """Tell an index that does not answer from one that has no answer."""
    refused = _REFUSED.search(flat)
    if refused:
        hint = "give its user and password in netrc, in the index address, or through keyring"
        return f"the package index {refused[1]} refuses this user: {refused[2]}", hint
    unreachable = _UNREACHABLE.search(flat)
    if unreachable:
        reason = text.strip().splitlines()[-1].strip().removeprefix("cause: ")
        hint = "check the network, the proxy and the index addresses (uv's settings, else pip's)"
        return f"a package index does not answer: {unreachable[1]}: {reason}", hint
    if "network was disabled" in flat:
        return "the network is disabled for uv, and its cache does not have all that is needed", "unset UV_OFFLINE"
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Diagnosis:
    """What one requirement alone makes impossible."""

    message: str
    code: str
    root: Root | None = None
    """The requirement; None when there is nothing to try."""
    hint: str | None = None
    """When nothing that is tried works."""
    details: tuple[str, ...] = ()
    nearest: Version | None = None
    """The next version that would do, of those that there are."""
    origins: tuple[str, ...]


def _diagnose(flat: str, question: Question) -> _Diagnosis | None:
    """Find the simplest true thing to say; None when several requirements disagree."""
    unknown = _NOT_FOUND.search(flat)
    if unknown:
        return _no_such_name(unknown[1], flat, question)
    involved = _involved(flat, question.roots)
    lacking = without_wheel(flat)
    python = _OTHER_PYTHON.search(flat)
    if len({root.name for root in involved}) == 1:
        if python and len(involved) == 1:
            return _other_python(involved[0], canonicalize_name(python[1]), python[2], question)
        if lacking:
            name = lacking[0]
            return _no_wheel(involved[0], name, re.findall(rf"\b{name}==([\w.]+)", flat), question)
        if len(involved) == 1:
            return _no_version(involved[0], question)
    return None


def _simple(
    found: _Diagnosis,
    question: Question,
    alternatives: Sequence[Alternative],
    works: Works,
    said: tuple[str, ...],
) -> ResolveError:
    """Say what one requirement makes impossible, and what works instead."""
    ways = ways_out([found.root], question, alternatives, works, nearest=found.nearest) if found.root else ()
    hint = ways[0] if ways else found.hint
    # Who stands in the way below the requirement, only uv's own words tell.
    deep = not found.details and (not ways or found.code == _DEEP)
    details = (*found.details, *(said if deep else ()), *tried(ways))
    return ResolveError(found.message, hint=hint, details=details, code=found.code, origins=found.origins)


def _involved(flat: str, roots: Sequence[Root]) -> list[Root]:
    """Give the requirements that uv names: those it says are required, else all it mentions."""
    required = " ; ".join(_REQUIRED.findall(flat))
    for text in (required, flat):
        found = [root for root in roots if not root.constraint and _mentions(text, root.name)]
        if found:
            # uv writes a constraint as if each that requires the distribution had said it.
            return [*found, *(root for root in roots if root.constraint and _mentions(flat, root.name))]
    return []


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text) is not None


def _no_such_name(name: str, flat: str, question: Question) -> _Diagnosis:
    wanted = canonicalize_name(name)
    roots = [root for root in question.roots if root.name == wanted]
    likely = likely_name(wanted, (root.name for root in question.roots))
    hint = f"did you mean {likely}?" if likely else "check the name; a private index has to be configured"
    if wanted in sys.stdlib_module_names:
        hint = f"{wanted} is part of Python itself: leave it out"
    if roots:
        message = f"{', '.join(map(str, roots))}: no package index has a package named {wanted}"
        origins = tuple(root.origin for root in roots)
        return _Diagnosis(message=message, code="MP202", hint=hint, origins=origins)
    above = _involved(flat, question.roots)
    message = (
        f"{' and '.join(map(str, above))} needs {wanted}, which no package index has"
        if above
        else (f"no package index has a package named {wanted}")
    )
    root = above[0] if len(above) == 1 else None
    return _Diagnosis(message=message, code="MP202", root=root, hint=hint, origins=tuple(one.origin for one in above))


def _other_python(root: Root, name: str, specifier: str, question: Question) -> _Diagnosis:
    what = str(root) if name == root.name else f"{root} needs {name}, which"
    hint = f"this package has Python {question.target.python}: set python, or allow an older version of it"
    message = f"{what} needs Python {specifier}"
    return _Diagnosis(message=message, code="MP205", root=root, hint=hint, origins=(root.origin,))


def _no_wheel(root: Root, name: str, named: Sequence[str], question: Question) -> _Diagnosis:
    """Say what there is instead of a wheel, for the versions that uv names, else for the newest allowed."""
    what = str(root) if name == root.name else f"{root} needs {name}, which"
    found = offers(name, question.scope)
    tags = question.target.tags()
    allowed = root.requirement.specifier if name == root.name else SpecifierSet()
    versions = [version for version in found.versions() if allowed.contains(version, prereleases=True)]
    telling = [version for version in versions if str(version) in named] or versions
    details = tuple(f"{name} {version} has {found.describe(version, tags)}" for version in reversed(telling[-3:]))
    message = f"{what} has no wheel for {question.target}"
    instead = _instead(name, found, question)
    near = next_to(found, root, question) if name == root.name else None
    return _Diagnosis(
        message=message,
        code="MP204",
        root=root,
        hint=instead,
        details=(*details, *((instead,) if instead.startswith(_FITTING) else ())),
        nearest=near,
        origins=(root.origin,),
    )


def _no_version(root: Root, question: Question) -> _Diagnosis:
    found = offers(root.name, question.scope)
    allowed = root.requirement.specifier
    before = bool(allowed.prereleases)
    if any(allowed.contains(version, prereleases=before) for version in found.fitting(question.target.tags())):
        message = f"{root} itself requires what cannot be had"
        hint = "take another version of it, or leave it out"
        return _Diagnosis(message=message, code=_DEEP, root=root, hint=hint, origins=(root.origin,))
    if any(allowed.contains(version, prereleases=before) for version in found.versions()):
        return _no_wheel(root, root.name, (), question)
    hint, near = _instead(root.name, found, question), next_to(found, root, question)
    message = f"no version meets {root}"
    local = [item.version for item in allowed if "+" in item.version]
    other = (f"{local[0]} is a build of another index: name that with --extra-index-url",) if local else ()
    return _Diagnosis(
        message=message,
        code="MP203",
        root=root,
        hint=hint,
        details=(hint, *other),
        nearest=near,
        origins=(root.origin,),
    )


def next_to(found: Offers, root: Root, question: Question) -> Version | None:
    """Give the version with a wheel that fits that is nearest to the one that a requirement names, rather later."""
    pins = [item.version for item in root.requirement.specifier if item.operator == "=="]
    versions = [version for version in found.fitting(question.target.tags()) if not version.is_prerelease]
    if len(pins) != 1 or pins[0].endswith("*") or not versions:
        return None
    wanted = Version(Version(pins[0]).public)
    alike = ([one for one in versions if one.release[:parts] == wanted.release[:parts]] for parts in (2, 1, 0))
    series = next(found for found in alike if found)
    return next((version for version in series if version >= wanted), series[-1])


def _instead(name: str, found: Offers, question: Question) -> str:
    fitting = found.fitting(question.target.tags())
    versions = [version for version in fitting if not version.is_prerelease] or fitting
    if versions:
        span = f"{versions[0]} to {versions[-1]}" if len(versions) > 1 else str(versions[0])
        alone = ", all of them pre-releases" if versions[-1].is_prerelease else ""
        return f"{_FITTING} {name} with a wheel that fits: {span}{alone}"
    likely = likely_name(name)
    return f"did you mean {likely}?" if likely else f"no version of {name} has a wheel that fits"


def _conflict(
    found: Disagreement, question: Question, alternatives: Sequence[Alternative], works: Works
) -> ResolveError:
    """Say who wants what, and what works instead."""
    names = list(dict.fromkeys(map(_culprit, found.roots)))
    what = f": they want different versions of {found.disputed}" if found.disputed else ""
    sides = tuple(
        f"{side.root.origin} wants {found.disputed}{side.specifier}"
        + (f", through {' -> '.join(side.chain)}" if side.chain else "")
        for side in found.sides
    ) or tuple(map(str, found.roots))
    ways = ways_out(found.roots, question, alternatives, works, disputed=found.disputed)
    hint = ways[0] if ways else "nothing that was tried works: leave one of them out, or serve in another way"
    message = f"{' and '.join(names)} cannot be met together{what}"
    origins = tuple(dict.fromkeys(root.origin for root in found.roots))
    return ResolveError(message, hint=hint, details=(*sides, *tried(ways)), code=_CONFLICT, origins=origins)


def _culprit(root: Root) -> str:
    return f"{root.requirement} ({root.origin})"


def check(result: Closure, question: Question, pins: Mapping[NormalizedName, Distribution]) -> None:
    """Make sure that a resolution holds by the metadata of what was chosen.

    Raises:
        ResolveError: a requirement is not met, or names an extra that does not exist.
    """
    for unmet in result.unmet:
        who = unmet.parent or next(root for root in question.roots if root.requirement is unmet.requirement)
        found = f"{unmet.found} is chosen" if unmet.found else "none is chosen"
        raise ResolveError(f"{who} requires {unmet.requirement}, but {found}")
    for root in broken(question, pins):
        raise ResolveError(f"{root} does not allow {root.name} {pins[root.name].version}, which is chosen")
    for parent, name, extra in result.unknown_extras:
        if parent is None:
            raise _unknown_extra(name, extra, question, pins[name])


def broken(question: Question, pins: Mapping[NormalizedName, Distribution]) -> list[Root]:
    """Give the constraints that pins do not keep to."""
    environment = question.target.environment()
    return [
        root
        for root in question.constraints
        if root.name in pins
        and holds(root.requirement, environment, None)
        and not root.requirement.specifier.contains(pins[root.name].version, prereleases=True)
    ]


def _unknown_extra(name: str, extra: str, question: Question, pin: Distribution) -> ResolveError:
    root = next(
        root
        for root in question.roots
        if root.name == name and extra in {canonicalize_name(word) for word in root.requirement.extras}
    )
    hint = f"it has: {', '.join(sorted(pin.extras))}" if pin.extras else "leave the extra out: this version has none"
    return ResolveError(
        f"{root}: {name} {pin.version} has no extra named {extra}", hint=hint, code="MP210", origins=(root.origin,)
    )
