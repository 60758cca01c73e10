"""Open requirements that got a much older release than the newest, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from modelpack.errors import Problem
from modelpack.findings.obstacles import Obstacle, obstacle
from modelpack.findings.resolution import Resolution
from modelpack.lock import Wheel
from modelpack.python.index import IndexFile
from modelpack.python.question import Root
from modelpack.python.releases import Release, releases

_LONG = 365
"""Days by which a release is much older than another."""
_CALENDAR = 1990
"""Major versions from which they are years."""


def problems(resolution: Resolution, files: Mapping[str, Sequence[IndexFile]]) -> Iterator[Problem]:
    """Find them.

    Args:
        resolution: what was chosen.
        files: what the indexes have, by distribution.
    """
    limits = _limits(resolution)
    for asked in {item.name: item for item in reversed(resolution.asked)}.values():
        wheel = resolution.wheels.get(asked.name)
        exact = any(one.operator in ("==", "===") for one in asked.requirement.specifier)
        if wheel is None or wheel.build or exact or asked.name not in files:
            continue
        allowed = SpecifierSet(",".join(map(str, (asked.requirement.specifier, *limits.get(asked.name, ())))))
        known = releases(asked.name, files[asked.name])
        found = _of_one(resolution, asked, wheel, _open_to(known, allowed))
        if found:
            yield found


def _limits(resolution: Resolution) -> dict[NormalizedName, list[SpecifierSet]]:
    """Give what the user's constraints and other requirements say themselves."""
    found: dict[NormalizedName, list[SpecifierSet]] = {}
    for item in resolution.asked:
        found.setdefault(item.name, []).append(item.requirement.specifier)
    for constraint in resolution.spec.constraints:
        parsed = Requirement(constraint.text)
        found.setdefault(canonicalize_name(parsed.name), []).append(parsed.specifier)
    return found


def _open_to(known: Mapping[Version, Release], allowed: SpecifierSet) -> list[Release]:
    """Give the releases that a requirement allows, the newest first."""
    versions = sorted(known, reverse=True)
    return [
        known[version]
        for version in versions
        if not version.is_prerelease and not known[version].yanked and allowed.contains(version)
    ]


def _of_one(resolution: Resolution, asked: Root, wheel: Wheel, known: Sequence[Release]) -> Problem | None:
    chosen = next((release for release in known if release.version == Version(wheel.version)), None)
    newer = [release for release in known if release.version > Version(wheel.version)]
    if chosen is None or not newer:
        return None
    python = resolution.target.environment()["python_full_version"]
    fitting = [one for one in newer if one.for_python(python) and one.has_wheel(resolution.target.tags())]
    found = (
        _held_back(resolution, asked, wheel, chosen, fitting)
        if fitting
        else _unfit(resolution, asked, chosen, newer[0])
    )
    if found is None:
        return None
    other, why = found
    message = (
        f"{asked.requirement} is open, and got {_dated(chosen)}; the newest is {_dated(other)}, which {why.reason}"
    )
    meant = f"require {asked.name}=={wheel.version} to say that it is meant"
    return Problem(
        where=resolution.shown(asked.origin),
        message=message,
        hint=f"{why.hint}, or {meant}",
        severity="warning" if _much_older(chosen, other) else "note",
        code="MP206",
    )


def _held_back(
    resolution: Resolution, asked: Root, wheel: Wheel, chosen: Release, fitting: Sequence[Release]
) -> tuple[Release, Obstacle] | None:
    """Say what holds back; what others need holds back a whole line of releases, of which the newest tells best."""
    made = _made(resolution)
    before = [one for one in fitting if one.day and one.day <= made]
    # What came after the lock was made is not looked into deeply: a lock is older than that, and no more.
    was_there = not fitting[0].day or fitting[0] in before
    for other in dict.fromkeys((fitting[0], *before[:1])):
        if found := _bound(wheel, asked, other, resolution) or obstacle(
            resolution, asked.requirement, other, deep=was_there or other in before
        ):
            return other, found
    if not before or not _much_older(chosen, before[0]):
        return None
    version = before[0].version
    reason = f"does not go with something else; to see with what, require {asked.name}=={version}"
    return before[0], Obstacle(reason=reason)


def _unfit(resolution: Resolution, asked: Root, chosen: Release, newest: Release) -> tuple[Release, Obstacle] | None:
    """Say why a release is not for the target at all."""
    if not _much_older(chosen, newest):
        return None
    needs = next((file.requires_python for file in newest.files if file.requires_python), "")
    if not newest.for_python(resolution.target.environment()["python_full_version"]):
        return newest, Obstacle(reason=f"needs Python {needs}, the package has {resolution.spec.python}")
    reason = f"has no wheel for {resolution.target}"
    if newest.has_source:
        return newest, Obstacle(reason=reason, hint=f"require {asked.name}=={newest.version}, to build it from source")
    return newest, Obstacle(reason=reason)


def _dated(release: Release) -> str:
    return f"{release.version} of {release.day}" if release.day else str(release.version)


def _much_older(one: Release, other: Release) -> bool:
    if one.version.major != other.version.major and other.version.major < _CALENDAR:
        return True
    if not one.day or not other.day:
        return False
    return (date.fromisoformat(other.day) - date.fromisoformat(one.day)).days >= _LONG


def _bound(wheel: Wheel, asked: Root, other: Release, resolution: Resolution) -> Obstacle | None:
    """Say what is in the package and does not allow a release."""
    for parent in wheel.required_by:
        if parent.specifier and not SpecifierSet(parent.specifier).contains(other.version, prereleases=True):
            version = resolution.wheels[parent.name].version if parent.name in resolution.wheels else ""
            reason = f"{parent.name} {version} does not allow: it requires {asked.name}{parent.specifier}"
            return Obstacle(reason=reason)
    return None


def _made(resolution: Resolution) -> str:
    """Give a day on which the lock was not made yet, or just then: that of the base's newest evidence."""
    return max((evidence.date for evidence in resolution.lock.base.evidence), default="")[:10]
