"""``poetry.lock``, ``pdm.lock`` and ``Pipfile.lock``: their versions as constraints of what the project asks for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelpack.loading import positions
from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.pins import digests, packages_of, pin, take_index
from modelpack.loading.pip_file import decode, read_lines
from modelpack.loading.pyproject import read_pyproject
from modelpack.loading.toml_file import TomlFile, describe, normal, read_toml, with_places
from modelpack.loading.toml_shape import PIPFILE, PIPFILE_LOCK, POETRY_LOCK

_NO_CATEGORY = ("packages", "requires", "scripts", "pipenv", "pipfile")
_MARKERS = ("sys_platform", "platform_machine", "platform_system", "os_name", "python_version", "python_full_version")
"""Markers that entries of a Pipfile may have as keys of their own."""


def read_poetry_lock(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read the ``pyproject.toml`` beside a lock of Poetry or PDM, and the lock's versions as constraints.

    Args:
        path: the lock.
        found: takes them, and what is wrong.
        selection: extras and groups of the project; none without it.
    """
    file = read_toml(path, found, POETRY_LOCK)
    if file is None:
        return
    project = path.with_name("pyproject.toml")
    if not project.is_file():
        found.findings.add(found.place(path), "there is no pyproject.toml beside it, which says what is required")
        return
    read_pyproject(project, found, selection)
    asked = {normal(one.text.split("[")[0].split(" ")[0]) for one in found.requirements if one.source}
    for package in packages_of(file, "package"):
        if normal(package["name"]) not in asked and not package.get("source") and not package.get("path"):
            files = package.get("files") or _old_files(file, package["name"])
            pinned = pin(file, package, _marker(package), (one.get("hash", "") for one in files))
            found.constraints += [pinned] if pinned else []


def _old_files(file: TomlFile, name: str) -> list[Mapping[str, Any]]:
    """Give the files of a package from where Poetry before 1.3 wrote them."""
    files = file.table("metadata", "files").get(name)
    return files if isinstance(files, list) else []


def _marker(package: Mapping[str, Any]) -> str:
    """Give the marker of one of several versions of a package."""
    for key in ("markers", "marker"):
        if isinstance(package.get(key), str):
            return str(package[key])
    return ""


def read_pipfile_lock(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read what a ``Pipfile.lock`` chose: all of it is required, or what the ``Pipfile`` beside it asks for.

    Args:
        path: the lock.
        found: takes requirements, constraints, indexes, Python's version, and what is wrong.
        selection: categories of packages beside the default one, as groups.
    """
    text = decode(path, found)
    if text is None:
        return
    try:
        content = json.loads(text)
        content["_meta"].keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found.findings.add(found.place(path), f"not a Pipfile.lock: {error}")
        return
    file = with_places(path, content, positions.of_json(text), text, found, PIPFILE_LOCK)
    groups = file.choose(
        "group", selection.groups or (), [name for name in file.data if name != "_meta"], selection.place
    )
    direct = _direct(path.with_name("Pipfile"), groups)
    for group in ("default", *groups):
        table = file.table(group)
        for name in table:
            _take(file, table, name, wanted=direct is None or normal(name) in direct)
    for source in [*file.table("_meta").get("sources", ())][1:]:
        take_index(file, file.line("", source, "url"), str(source["url"]))
    _take_python(file, file.table("_meta", "requires"))


def _take_python(file: TomlFile, requires: Mapping[str, str]) -> None:
    """Take the Python that a project of pipenv is for."""
    python = requires.get("python_full_version") or requires.get("python_version") or ""
    if match := re.match(r"3\.\d+", python):
        file.found.python = match[0]


def read_pipfile(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read what a ``Pipfile`` asks for, without the versions of its lock.

    Args:
        path: the ``Pipfile``.
        found: takes requirements, indexes, Python's version, and what is wrong.
        selection: categories of packages beside the default one, as groups.
    """
    file = read_toml(path, found, PIPFILE)
    if file is None:
        return
    others = [name for name, table in file.data.items() if isinstance(table, dict) and name not in _NO_CATEGORY]
    for category in ("packages", *file.choose("category", selection.groups or (), others, selection.place)):
        table = file.table(category)
        for name, said in table.items():
            text = _in_words_of_pip(name, {"version": said} if isinstance(said, str) else said)
            if text is None:
                found.add(file.line("", table, name), f"expected a version or a table, found {describe(said)}")
            else:
                read_lines([file.line(text, table, name)], path, found)
    _pin_to_indexes(file)
    _take_python(file, file.table("requires"))


def _pin_to_indexes(file: TomlFile) -> None:
    """Take the indexes beside the first, which pipenv asks for the packages alone that name them."""
    indexes = {}
    for source in [*file.data.get("source", ())][1:]:
        line = file.line("", source, "url")
        indexes[source.get("name")] = take_index(file, line, str(source.get("url", "")), explicit=True)
    for name, said in file.table("packages").items():
        if isinstance(said, dict) and (address := indexes.get(str(said.get("index")))):
            file.found.pins[normal(name)] = address


def _in_words_of_pip(name: str, said: object) -> str | None:
    """Give the line of a requirements file that an entry of a Pipfile means; None when it means none."""
    if not isinstance(said, dict):
        return None
    version = "" if said.get("version", "*") == "*" else str(said["version"])
    extras = f"[{','.join(map(str, said['extras']))}]" if isinstance(said.get("extras"), list) else ""
    markers = [str(said["markers"])] if said.get("markers") else []
    markers += [f"{key} {said[key]}" for key in _MARKERS if said.get(key)]
    where = f"git+{said['git']}" if "git" in said else said.get("path") or said.get("file")
    marker = f" ; {' and '.join(f'({one})' for one in markers)}" if markers else ""
    return f"{name}{extras} @ {where}{marker}" if where else f"{name}{extras}{version}{marker}"


def _direct(pipfile: Path, groups: list[str]) -> set[str] | None:
    """Give the names that a Pipfile asks for; None when there is none that can be read."""
    try:
        content = tomllib.loads(pipfile.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    tables = ("packages", *(name.replace("develop", "dev-packages") for name in groups))
    return {normal(name) for table in tables for name in content.get(table, {})}


def _take(file: TomlFile, table: Mapping[str, Any], name: str, *, wanted: bool) -> None:
    said, found, line = table[name], file.found, file.line(name, table, name)
    extras = f"[{','.join(said['extras'])}]" if said.get("extras") and wanted else ""
    marker = f" ; {said['markers']}" if said.get("markers") else ""
    if "git" in said or "file" in said:
        address = f"git+{said['git']}" if "git" in said else said["file"]
        read_lines([replace(line, text=f"{name} @ {address}")], file.path, found)
        return
    if "path" in said:
        read_lines([replace(line, text=f"{name}{extras} @ {said['path']}{marker}")], file.path, found)
        return
    before = len(found.requirements)
    read_lines([replace(line, text=f"{name}{extras}{said.get('version', '')}{marker}")], file.path, found)
    added = [replace(one, hashes=digests(said.get("hashes", ()))) for one in found.requirements[before:]]
    del found.requirements[before:]
    (found.requirements if wanted else found.constraints).extend(added)
