"""Which file of each distribution that uv chose is the one for the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.pylock import Package, PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from modelpack.errors import ResolveError
from modelpack.lock import Wheel
from modelpack.python.question import Question
from modelpack.web import http


def may_be(name: NormalizedName, sha256: str, question: Question) -> bool:
    """Say whether the user's files allow a file of a distribution."""
    return name not in question.allowed or sha256 in question.allowed[name].sha256


def _with_allowed_files(pylock: Mapping[str, Any], question: Question) -> dict[str, Any]:
    """Leave out the wheels that the user's files do not allow.

    Raises:
        ResolveError: of some distribution none is left.
    """
    packages, lost = [], []
    for package in pylock.get("packages", ()):
        name, found = canonicalize_name(package["name"]), package.get("wheels", ())
        own = question.sources and question.sources.known(name, Version(package["version"]))
        if own and (own[0].tree or may_be(name, own[0].sha256, question)):
            packages.append(package)
            continue
        wheels = [one for one in found if may_be(name, one.get("hashes", {}).get("sha256", ""), question)]
        packages.append({**package, "wheels": wheels} if found else package)
        if found and not wheels:
            origins = ", ".join(question.allowed[name].origins)
            lost.append(f"{name} {package.get('version', '')}: no wheel has a digest that {origins} names")
    if lost:
        raise ResolveError(
            "the package indexes have other files than the requirements name by --hash",
            hint="make the digests anew, if the indexes are to be trusted",
            details=tuple(lost),
        )
    return {**pylock, "packages": packages}


def select(pylock: Mapping[str, Any], question: Question) -> list[tuple[Package, PackageWheel]]:
    """Choose the best wheel of each package that the target's markers ask for.

    Raises:
        ResolveError: uv wrote what is not a lock (PEP 751), or gave another thing than a wheel, or no wheel that
            the user's files allow.
    """
    target = question.target
    try:
        lock = Pylock.from_dict(_with_allowed_files(pylock, question))
        chosen = list(lock.select(environment=target.environment(), tags=target.tags()))
    except (PylockValidationError, PylockSelectError) as error:
        raise ResolveError(f"uv's answer cannot be used: {error}") from error
    wheels = [(package, found) for package, found in chosen if isinstance(found, PackageWheel)]
    if len(wheels) < len(chosen):
        lost = next(package.name for package, found in chosen if not isinstance(found, PackageWheel))
        raise ResolveError(f"{lost} has no wheel for {target}", hint="only wheels can be packaged")
    return wheels


def locked(item: tuple[Package, PackageWheel]) -> tuple[Wheel, str]:
    """Give the locked form of a wheel, and its address."""
    package, found = item
    sha256 = found.hashes.get("sha256")
    if sha256 is None or found.url is None:
        raise ResolveError(f"{found.filename}: the package index gives no sha256 or no address for it")
    size = found.size if found.size is not None else http.size(found.url)
    if size is None:
        size = len(http.read(found.url))
    version = str(package.version or parse_wheel_filename(found.filename)[1])
    wheel = Wheel(
        name=package.name,
        version=version,
        filename=found.filename,
        sha256=sha256,
        size=size,
        source="pypi",
    )
    return wheel, found.url
