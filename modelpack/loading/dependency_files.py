"""A file that says what a model needs, to the reader of its form."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.yamlfile import quote

_UNSUPPORTED = {
    "setup.py": "require the project's folder instead: [.]",
    "setup.cfg": "require the project's folder instead: [.]",
    "Pipfile": "name the Pipfile.lock",
    "conda-lock.yml": "name the environment file that it was made from",
}


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
    elif reader := _reader_of(path.name):
        try:
            reader(path, found, selection)
        except (AttributeError, KeyError, TypeError):
            # Tools write most of these files, and the readers trust the types that the formats have.
            found.findings.add(found.place(path), f"not laid out as a {path.name} is")
        return
    else:
        hint = "take pyproject.toml or requirements.txt"
        found.findings.add(found.place(path), f"not a form of dependencies that is known: {quote(path.name)}", hint)
        return
    if selection.extras or selection.groups:
        found.findings.add(selection.place or found.place(path), f"{path.name} has neither extras nor groups")


def _reader_of(name: str) -> Callable[[Path, Dependencies, Selection], None] | None:
    """Give the reader of a file that has extras and groups."""
    from modelpack.loading import other_locks, pylock, pyproject, uv_lock  # noqa: PLC0415 - costs start-up time

    readers = {
        "pyproject.toml": pyproject.read_pyproject,
        "uv.lock": uv_lock.read_uv_lock,
        "poetry.lock": other_locks.read_poetry_lock,
        "pdm.lock": other_locks.read_poetry_lock,
        "Pipfile.lock": other_locks.read_pipfile_lock,
    }
    return pylock.read_pylock if re.fullmatch(r"pylock(\.[^.]+)?\.toml", name) else readers.get(name)


def is_dependency_file(text: str) -> bool:
    """Tell a path of a file of dependencies from the path of a project, an archive or a wheel."""
    path = PurePosixPath(text)
    if re.match(r"\.{0,2}/", text) is None:
        return False
    return path.suffix in (".txt", ".in", ".yaml", ".yml") or _reader_of(path.name) is not None


def judge_python(python: str, found: Dependencies) -> None:
    """Find files that do not go with the package's Python (``3.11``)."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - costs start-up time

    if not found.requires_python:
        return
    for place, text in found.requires_python:
        try:
            # Poetry has alternatives.
            allowed = [SpecifierSet(part.strip()) for part in text.split("||")]
        except InvalidSpecifier:
            found.findings.add(place, f"not a set of versions: {quote(text)}")
            continue
        # The patch version is known only when the base is resolved.
        versions = [f"{python}.{patch}" for patch in (0, 5, 10, 20, 99)]
        if not any(one.contains(version, prereleases=True) for one in allowed for version in versions):
            message = f"needs Python {text}, the package has {python}"
            found.findings.add(place, message, "write python: and a version that meets both")
