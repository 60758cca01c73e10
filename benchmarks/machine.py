"""What the figures were taken on, without what would name the machine or its owner."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import measure
from uv import find_uv_bin

import modelpack

_PROGRAMS = {
    "Nix": ("nix-store", "--version"),
    "buildah": ("buildah", "--version"),
    "uv": (find_uv_bin(), "--version"),
    "tar": ("tar", "--version"),
    "zstd": ("zstd", "--version"),
}
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")


def describe(folder: Path) -> dict[str, str]:
    """Give what matters of this machine, by name.

    Args:
        folder: where the benchmarks work; its file system is told.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores{_virtual()}",
        "memory": f"{memory:.0f} GB",
        "file system": _file_system(folder),
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "modelpack": f"{modelpack.__version__}{_commit()}",
        "Python": platform.python_version(),
        **{name: _version(command) for name, command in _PROGRAMS.items()},
    }


def load() -> float:
    """Give how many processes ran or wanted to, averaged over the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return names[0] if names else platform.machine()


def _virtual() -> str:
    return " of a virtual machine" if re.search(r"\bhypervisor\b", Path("/proc/cpuinfo").read_text("utf-8")) else ""


def _file_system(folder: Path) -> str:
    return measure.quietly(["stat", "--file-system", "--format", "%T", str(folder)]).strip()


def _commit() -> str:
    """Give the commit of a checkout, and whether modelpack was changed since."""
    place = Path(modelpack.__file__).parent.parent
    try:
        commit = measure.quietly(["git", "-C", str(place), "rev-parse", "--short", "HEAD"]).strip()
        changed = measure.quietly(["git", "-C", str(place), "status", "--porcelain", "--", "modelpack", "nix"])
    except measure.CommandError:
        return ""
    return f" at {commit}{', changed since' if changed else ''}"


def _version(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return "not there"
    found = _VERSION.search(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return found[1] if found else "unknown"


def shown(command: tuple[str, ...], places: Mapping[str, str]) -> str:
    """Give a command as a reader can use it, with names instead of this machine's folders."""
    text = " ".join(_word(word) for word in command)
    for place, name in places.items():
        text = text.replace(place, name)
    return text


def _word(word: str) -> str:
    return f"'{word.strip()}'" if re.search(r"\s", word) else word
