"""Open requirements that got a much older release than the newest, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from modelpack.errors import ModelpackError, Problem
from modelpack.findings.resolution import Asked, Resolution
from modelpack.lock import Wheel
from modelpack.python.dependencies import holds
from modelpack.python.index import IndexFile
from modelpack.python.metadata import MetadataStore
from modelpack.python.releases import Release, offered, releases

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


def _of_one(resolution: Resolution, asked: Asked, wheel: Wheel, known: Sequence[Release]) -> Problem | None:
    chosen = next((release for release in known if release.version == Version(wheel.version)), None)
    newer = [release for release in known if release.version > Version(wheel.version)]
    if chosen is None or not newer:
        return None
    python = resolution.target.environment()["python_full_version"]
    fitting = [one for one in newer if one.for_python(python) and one.has_wheel(resolution.target.tags())]
    if fitting:
        # What others need holds back a whole line of releases; the newest tells best.
        other, reason = fitting[0], _bound(resolution, asked, wheel, fitting[0])
        if reason is None:
            before = [one for one in fitting if one.day and one.day <= _made(resolution)]
            if not before or not _much_older(chosen, before[0]):
                return None
            other = before[0]
            reason = f"does not go with something else; to see with what, require {asked.name}=={other.version}"
        severity = "warning" if _much_older(chosen, other) else "note"
    else:
        other, severity = newer[0], "warning"
        if not _much_older(chosen, other):
            return None
        needs = next((file.requires_python for file in other.files if file.requires_python), "")
        reason = (
            f"has no wheel for {resolution.target}"
            if other.for_python(python)
            else f"needs Python {needs}, the package has {resolution.spec.python}"
        )
    message = f"{asked.requirement} is open, and got {_dated(chosen)}; the newest is {_dated(other)}, which {reason}"
    hint = f"let that go, or require {asked.name}=={wheel.version} to say that it is meant"
    where = resolution.shown(asked.origin)
    return Problem(where=where, message=message, hint=hint, severity=severity, code="MP206")


def _dated(release: Release) -> str:
    return f"{release.version} of {release.day}" if release.day else str(release.version)


def _much_older(one: Release, other: Release) -> bool:
    if one.version.major != other.version.major and other.version.major < _CALENDAR:
        return True
    if not one.day or not other.day:
        return False
    return (date.fromisoformat(other.day) - date.fromisoformat(one.day)).days >= _LONG


def _bound(resolution: Resolution, asked: Asked, wheel: Wheel, other: Release) -> str | None:
    """Say what does not go with a release; None when nothing does, so that the lock is just older."""
    for parent in wheel.required_by:
        if parent.specifier and not SpecifierSet(parent.specifier).contains(other.version, prereleases=True):
            version = resolution.wheels[parent.name].version if parent.name in resolution.wheels else ""
            return f"{parent.name} {version} does not allow: it requires {asked.name}{parent.specifier}"
    for requirement in _requirements(resolution, asked, other):
        name = canonicalize_name(requirement.name)
        pin = resolution.wheels.get(name)
        if pin is None and _has_no_wheel(name, resolution):
            return f"requires {name}, which has no wheel for {resolution.target}"
        if pin and not requirement.specifier.contains(pin.version, prereleases=True):
            who = next((item for item in resolution.asked if item.name == name), None)
            by = f" because of {who.requirement}" if who and who.requirement.specifier else ""
            return f"requires {requirement.name}{requirement.specifier}, and {name} {pin.version} is in the package{by}"
    return None


def _made(resolution: Resolution) -> str:
    """Give a day on which the lock was not made yet, or just then: that of the base's newest evidence."""
    return max((evidence.date for evidence in resolution.lock.base.evidence), default="")[:10]


def _has_no_wheel(name: str, resolution: Resolution) -> bool:
    files = offered([name], resolution.scope)[0].get(name, ())
    tags = resolution.target.tags()
    return bool(files) and not any(one.has_wheel(tags) for one in releases(name, files).values())


def _requirements(resolution: Resolution, asked: Asked, other: Release) -> list[Requirement]:
    """Read what a release that was not chosen requires on the target."""
    tags = frozenset(resolution.target.tags())
    file = next(
        (one for one in other.files if one.sha256 and other.has_wheel(tags) and one.filename.endswith(".whl")), None
    )
    if file is None or file.sha256 is None:
        return []
    wheel = Wheel(
        name=asked.name, version=str(other.version), filename=file.filename, sha256=file.sha256, size=0, source="pypi"
    )
    try:
        found = MetadataStore(resolution.cache).read(wheel, file.url)
    except ModelpackError:
        return []
    return [one for one in map(_parsed, found.requires) if one and holds(one, resolution.target.environment(), None)]


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None
