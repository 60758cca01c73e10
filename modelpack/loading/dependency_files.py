"""A file that says what a model needs, to the reader of its form."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from modelpack import suites
from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.forms import unread_form
from modelpack.loading.yamlfile import quote

_OLDEST, _NEWEST = 8, 14
"""Minor versions of Python 3 among which one is chosen where the files leave it open."""


def read_dependencies(path: Path, found: Dependencies, selection: Selection | None = None) -> None:
    """Read a file of dependencies, whatever its form, which its name tells.

    Args:
        path: the file.
        found: takes what it asks for, and what is wrong.
        selection: which parts of it.
    """
    selection = selection or Selection()
    if fault := unread_form(path):
        found.findings.add(found.place(path), *fault)
        return
    if path.suffix in (".yaml", ".yml"):
        from modelpack.loading.conda import read_conda  # noqa: PLC0415 - only the reader that is needed

        read_conda(path, found)
    elif _is_of_pip(path):
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
        "Pipfile": other_locks.read_pipfile,
        "Pipfile.lock": other_locks.read_pipfile_lock,
    }
    return pylock.read_pylock if re.fullmatch(r"pylock(\.[^.]+)?\.toml", name) else readers.get(name)


def is_dependency_file(text: str) -> bool:
    """Tell a path of a file of dependencies from the path of a project, an archive or a wheel."""
    path = PurePosixPath(text)
    if re.match(r"\.{0,2}/", text) is None:
        return False
    return path.suffix in (".txt", ".in", ".yaml", ".yml") or _reader_of(path.name) is not None or _is_named(path.name)


def _is_of_pip(path: Path) -> bool:
    """Tell a file of pip's by its name; Rye and pip-tools write locks of that form too."""
    lock = re.fullmatch(r"(requirements|constraints)[\w.-]*\.lock", path.name)
    return path.suffix in (".txt", ".in", ".pip") or bool(lock) or (path.suffix == "" and path.name != "Pipfile")


def _is_named(name: str) -> bool:
    """Tell a file that people take for one of dependencies, so that it is said what it is."""
    return name in ("setup.py", "setup.cfg", "pixi.toml", "pixi.lock")


def judge_python(python: str, found: Dependencies) -> None:
    """Find files that do not go with the package's Python (``3.11``)."""
    for place, text in found.requires_python:
        try:
            met = meets(python, text)
        except ValueError:
            found.findings.add(place, f"not a set of versions: {quote(text)}")
            continue
        if not met:
            message = f"needs Python {text}, the package has {python}"
            found.findings.add(place, message, "write python: and a version that meets both")


def choose_python(found: Dependencies) -> str | None:
    """Give the Python to take where files only say which will do; None for that of the base."""
    texts = [text for _, text in found.requires_python]
    newest = (f"3.{minor}" for minor in range(_NEWEST, _OLDEST - 1, -1))
    usual = (suites.default_python(suites.DEFAULT), *map(suites.default_python, suites.SUITES), *newest)
    try:
        fitting = [python for python in dict.fromkeys(usual) if all(meets(python, text) for text in texts)]
    except ValueError:
        return None  # judge_python says so
    if not texts or not fitting or fitting[0] == usual[0]:
        return None
    place, text = next(item for item in found.requires_python if not meets(usual[0], item[1]))
    found.findings.note(
        place, f"Python {fitting[0]} is taken, since it needs {text}", "write python: to choose another"
    )
    return fitting[0]


def meets(python: str, text: str) -> bool:
    """Tell whether some patch version of a Python (``3.11``) is in a specifier set.

    Raises:
        ValueError: it is none.
    """
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - costs start-up time

    # Poetry has alternatives.
    allowed = [SpecifierSet(part.strip()) for part in text.split("||")]
    # The patch version is known only when the base is resolved.
    versions = [f"{python}.{patch}" for patch in (0, 5, 10, 20, 99)]
    return any(one.contains(version, prereleases=True) for one in allowed for version in versions)
