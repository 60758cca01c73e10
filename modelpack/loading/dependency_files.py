"""A file that says what a model needs, to the reader of its form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from modelpack.loading.dependencies import Dependencies
from modelpack.loading.yamlfile import Place, quote

_UNSUPPORTED = {
    "setup.py": "require the project's folder instead: [.]",
    "setup.cfg": "require the project's folder instead: [.]",
    "Pipfile": "name the Pipfile.lock",
    "conda-lock.yml": "name the environment file that it was made from",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which parts of a project's dependencies are wanted beside the main ones."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """None: those that the file itself says are wanted by default."""
    place: Place | None = None
    """Where that was written."""


def read_dependencies(path: Path, found: Dependencies, selection: Selection | None = None) -> None:
    """Read a file of dependencies, whatever its form, which its name tells.

    Args:
        path: the file.
        found: takes what it asks for, and what is wrong.
        selection: which parts of it.
    """
    selection = selection or Selection()
    if path.name in _UNSUPPORTED:
        found.findings.add(found.place(path), "not a form that is taken", _UNSUPPORTED[path.name])
        return
    if path.suffix in (".yaml", ".yml"):
        from modelpack.loading.conda import read_conda  # noqa: PLC0415 - only the reader that is needed

        read_conda(path, found)
    elif path.suffix in (".txt", ".in", ".pip", ""):
        from modelpack.loading.pip_file import read_requirements_file  # noqa: PLC0415

        read_requirements_file(path, found)
    else:
        message = f"not a form of dependencies that is known: {quote(path.name)}"
        found.findings.add(found.place(path), message, "take requirements.txt, pyproject.toml, a lock or conda.yaml")
        return
    if re.fullmatch(r".*\.(txt|in|pip|yaml|yml)", path.name) and (selection.extras or selection.groups):
        found.findings.add(selection.place or found.place(path), f"{path.name} has neither extras nor groups")


def judge_python(python: str, found: Dependencies) -> None:
    """Find files that do not go with the package's Python (``3.11``)."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - costs start-up time

    if not found.requires_python:
        return
    for place, text in found.requires_python:
        try:
            allowed = SpecifierSet(text)
        except InvalidSpecifier:
            found.findings.add(place, f"not a set of versions: {quote(text)}")
            continue
        # The patch version is known only when the base is resolved.
        if not any(allowed.contains(f"{python}.{patch}", prereleases=True) for patch in (0, 5, 10, 20, 99)):
            message = f"needs Python {text}, the package has {python}"
            found.findings.add(place, message, "write python: and a version that meets both")
