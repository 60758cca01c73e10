"""The Python platform that a package is made for: its marker environment and its wheel tags.

Never those of the machine: a package for arm64 can be locked on x86-64, and one for 3.13 by a Python 3.11.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags

MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
"""Machine names of the kernel by platform in OCI's words."""

_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Names from before PEP 600, by the minor version of glibc 2."""
_UV_GLIBCS = (40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 28, 17)
"""Minor versions of glibc 2 for which uv has a platform."""


@dataclass(frozen=True, slots=True)
class Target:
    """A CPython on a Linux with glibc."""

    python: str
    """``3.11``, or ``3.11.2`` where the patch is known."""
    platform: str
    """``linux/amd64`` or ``linux/arm64``."""
    glibc: str
    """``2.36``."""

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform} with glibc {self.glibc}"

    def environment(self) -> Environment:
        """Give ``target_environment`` of it."""
        return target_environment(self.python, self.platform, self.glibc)

    def tags(self) -> tuple[Tag, ...]:
        """Give ``target_tags`` of it."""
        return target_tags(self.python, self.platform, self.glibc)

    def uv_platform(self) -> str:
        """Give the name that uv has for it: the newest glibc it knows that is not newer than this one."""
        minor = _minor(self.glibc)
        known = next((known for known in _UV_GLIBCS if known <= minor), _UV_GLIBCS[-1])
        return f"{MACHINES[self.platform]}-manylinux_2_{known}"


def target_environment(python: str, platform: str, glibc: str) -> Environment:  # noqa: ARG001 - one triple for all
    """Give the values of all PEP 508 markers; a patch version that is not known counts as 0, as for uv."""
    full = python if python.count(".") > 1 else f"{python}.0"
    return Environment(
        implementation_name="cpython",
        implementation_version=full,
        os_name="posix",
        platform_machine=MACHINES[platform],
        platform_release="",
        platform_system="Linux",
        platform_version="",
        python_full_version=full,
        platform_python_implementation="CPython",
        python_version=".".join(full.split(".")[:2]),
        sys_platform="linux",
    )


@functools.cache
def target_tags(python: str, platform: str, glibc: str) -> tuple[Tag, ...]:
    """Give the tags of wheels that run there, the best first (PEP 425, PEP 600)."""
    major, minor = (int(part) for part in python.split(".")[:2])
    machine = MACHINES[platform]
    platforms: list[str] = []
    for version in range(_minor(glibc), _OLDEST_GLIBC[machine] - 1, -1):
        platforms.append(f"manylinux_2_{version}_{machine}")
        if version in _LEGACY:
            platforms.append(f"{_LEGACY[version]}_{machine}")
    platforms.append(f"linux_{machine}")
    interpreter = f"cp{major}{minor}"
    # PEP 3149's flag for pymalloc, which every build had.
    abi = f"{interpreter}m" if (major, minor) < (3, 8) else interpreter
    return (
        *cpython_tags((major, minor), [abi], platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    )


def _minor(glibc: str) -> int:
    return int(glibc.split(".")[1])
