"""Poetry's tables of a ``pyproject.toml``, read with poetry-core; its constraints become PEP 508 requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from poetry.core.constraints.version import parse_constraint
from poetry.core.constraints.version.exceptions import ParseConstraintError
from poetry.core.factory import Factory
from poetry.core.packages.dependency import Dependency

from modelpack.loading.dependencies import Line, Selection
from modelpack.loading.pins import take_index
from modelpack.loading.pip_file import read_lines
from modelpack.loading.toml_file import TomlFile, describe, normal
from modelpack.loading.yamlfile import quote, show


def read_poetry(file: TomlFile, selection: Selection) -> None:
    """Read the main dependencies, the optional ones of the extras, and the groups that are asked for."""
    dependencies = file.table("tool", "poetry", "dependencies")
    extras = file.table("tool", "poetry", "extras")
    chosen = file.choose("extra", selection.extras, extras, selection.place)
    wanted = {normal(re.split(r"[\[ (=<>!~;]", name)[0]) for extra in chosen for name in extras[extra]}
    for name, said in dependencies.items():
        if normal(name) == "python":
            _read_python(file, said)
        elif not _optional(said) or normal(name) in wanted:
            _read(file, dependencies, name)
    read_groups(file, selection)
    read_sources(file)


def read_groups(file: TomlFile, selection: Selection) -> None:
    """Read dependency groups of Poetry's."""
    groups = dict(file.table("tool", "poetry", "group"))
    if old := file.table("tool", "poetry", "dev-dependencies"):
        groups.setdefault("dev", {"dependencies": old})
    for group in file.choose("dependency group", selection.groups or (), groups, selection.place):
        table = groups[group].get("dependencies", {})
        for name in table:
            _read(file, table, name)


def _optional(said: object) -> bool:
    return isinstance(said, dict) and said.get("optional") is True


def _read_python(file: TomlFile, said: object) -> None:
    line = file.line("", file.table("tool", "poetry", "dependencies"), "python")
    try:
        file.found.requires_python.append((line.place, str(parse_constraint(str(said)))))
    except ParseConstraintError:
        file.found.add(line, f"not a constraint of Poetry's: {quote(str(said))}")


def _read(file: TomlFile, table: Mapping[str, Any], name: str) -> None:
    """Read one dependency; a list of them holds what differs by Python or platform."""
    said = table[name]
    for index, one in enumerate(said if isinstance(said, list) else [said]):
        line = file.line("", said, index) if isinstance(said, list) else file.line("", table, name)
        lines = [replace(line, text=text) for text in _texts(file, line, name, one)]
        read_lines(lines, file.path, file.found)


def _texts(file: TomlFile, line: Line, name: str, said: object) -> Iterator[str]:
    """Give the line of a requirements file that a dependency means; none when something is wrong with it."""
    if isinstance(said, dict) and "path" in said:
        extras = f"[{','.join(said['extras'])}]" if said.get("extras") else ""
        yield f"{name}{extras} @ {said['path']}"
        return
    version = said.get("version", "*") if isinstance(said, dict) else said
    if not isinstance(version, str) or not isinstance(said, str | dict):
        file.found.add(line, f"expected a version or a table, found {describe(version)}")
        return
    try:
        text = _pep_508(Factory.create_dependency(name, said))
    except Exception as error:  # noqa: BLE001 - poetry-core lets the errors of its parsers through
        reason = str(error).split("\n", 1)[0]
        file.found.add(line, f"not a dependency of Poetry's: {show(name)}: {show(reason[:1].lower() + reason[1:])}")
        return
    if "||" in text:
        hint = "allow one range of versions, or put a python or markers beside each"
        file.found.add(line, f"alternatives cannot be said in a requirement: {show(text)}", hint)
        return
    yield text


def _pep_508(dependency: Dependency) -> str:
    return re.sub(r" \(([^()]*(?:\|\|[^()]*)?)\)", r"\1", dependency.to_pep_508(), count=1)


def read_sources(file: TomlFile) -> None:
    """Take the package indexes of the project's own, and which dependencies come from one of them alone."""
    indexes = {}
    for source in file.table("tool", "poetry").get("source", ()):
        explicit = str(source.get("priority", "")).lower() == "explicit"
        if url := source.get("url"):
            indexes[source.get("name")] = take_index(file, file.line("", source, "url"), url, explicit=explicit)
    for name, said in file.table("tool", "poetry", "dependencies").items():
        for one in said if isinstance(said, list) else [said]:
            if isinstance(one, dict) and (address := indexes.get(str(one.get("source")))):
                file.found.pins[normal(name)] = address
