"""The Debian suites that can be a base, and the Pythons that each of them has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """One Debian release."""

    number: int
    glibc: str
    """Of its C library; of a suite that is not stable yet, at the least."""
    pythons: tuple[str, ...]
    """Versions of its packages ``pythonX.Y``, the default one first."""


SUITES: Mapping[str, Suite] = {
    "bookworm": Suite(number=12, glibc="2.36", pythons=("3.11",)),
    "trixie": Suite(number=13, glibc="2.41", pythons=("3.13",)),
    "bullseye": Suite(number=11, glibc="2.31", pythons=("3.9",)),
    "forky": Suite(number=14, glibc="2.42", pythons=("3.14", "3.13", "3.15")),
}
"""By code name, in the order in which they are chosen for a Python that several of them have."""
DEFAULT = "bookworm"
_BUILDERS = (3, 11)
"""The oldest Python that builders run on."""


def suite_with(python: str | None) -> str:
    """Give the suite to take when only a version of Python is asked for; the default one when none has it."""
    return next((name for name, suite in SUITES.items() if python in suite.pythons), DEFAULT)


def default_python(suite: str) -> str:
    """Give the version of Python that a suite has by default."""
    return SUITES[suite].pythons[0]


def tools_for(suite: str, python: str | None) -> tuple[str, str]:
    """Give the suite of the tools that build, and their Python: those of the package wherever builders run on them.

    Args:
        suite: of the base.
        python: the one of the suite that serves; None when the package's Python is not of the suite.
    """
    known = SUITES[suite].pythons if suite in SUITES else ()
    wanted = python or next(iter(known), None)
    if wanted and tuple(map(int, wanted.split("."))) >= _BUILDERS:
        return suite, wanted
    return DEFAULT, default_python(DEFAULT)


def at_hand() -> str:
    """Say which Pythons there are: ``3.11 (bookworm), 3.13 (trixie)``."""
    versions = [(version, name) for name, suite in SUITES.items() for version in suite.pythons]
    versions.sort(key=lambda item: [int(part) for part in item[0].split(".")])
    names: dict[str, list[str]] = {}
    for version, name in versions:
        names.setdefault(version, []).append(name)
    return ", ".join(f"{version} ({' and '.join(having)})" for version, having in names.items())
