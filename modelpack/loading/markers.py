"""Environment markers (PEP 508), before it is known which machine and Python a package is for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

_MACHINES = ("x86_64", "aarch64")
_PYTHONS = tuple(f"3.{minor}" for minor in range(6, 16))
ALWAYS, NEVER = "python_version >= '3'", "python_version < '3'"
"""Markers, to put in the place of what has been decided."""


@functools.lru_cache(maxsize=4096)
def answers(marker: str) -> frozenset[bool]:
    """Give what a marker says in the environments that packages may have.

    Raises:
        ValueError: it is none.
    """
    from packaging.markers import Marker  # noqa: PLC0415 - costs start-up time

    parsed = Marker(marker)
    return frozenset(parsed.evaluate(environment) for environment in _environments())


def may_hold(marker: str) -> bool:
    """Tell whether a marker holds in some environment that a package may have; one that is none does."""
    try:
        return not marker or True in answers(marker)
    except ValueError:
        return True  # whoever takes it says so


def _environments() -> Iterator[dict[str, str]]:
    system = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    implementation = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    for machine, python in itertools.product(_MACHINES, _PYTHONS):
        versions = {"python_version": python, "python_full_version": f"{python}.9", "implementation_version": python}
        yield {**system, **implementation, **versions, "platform_machine": machine}
