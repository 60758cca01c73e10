"""``pyproject.toml``: dependencies of a project (PEP 621), its extras, its groups (PEP 735), Poetry's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelpack.loading.dependencies import Dependencies, Line, Selection
from modelpack.loading.pip_file import read_lines
from modelpack.loading.toml_file import TomlFile, normal, read_toml
from modelpack.loading.yamlfile import show


def read_pyproject(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read what a project needs when it runs, and the extras and groups that are asked for.

    Args:
        path: the ``pyproject.toml``.
        found: takes the requirements, what Python they want, and what is wrong.
        selection: extras and groups; none without it.
    """
    file = read_toml(path, found)
    if file is None:
        return
    project, poetry = file.table("project"), file.table("tool", "poetry")
    if not project and not poetry:
        found.findings.add(found.place(path), "has neither a table project nor one of Poetry's", "see PEP 621")
        return
    if isinstance(text := project.get("requires-python"), str):
        found.requires_python.append((file.line(text, "requires-python").place, text))
    before = len(found.requirements)
    if poetry and ("dependencies" not in project):
        from modelpack.loading.poetry import read_poetry  # noqa: PLC0415 - imports poetry-core

        read_poetry(file, selection)
    else:
        _read_project(file, project, selection)
    _apply_sources(file, found.requirements[before:])


def _read_project(file: TomlFile, project: Mapping[str, Any], selection: Selection) -> None:
    found = file.found
    if "dependencies" in project.get("dynamic", ()):
        hint = "require the folder instead: [.]"
        place = file.line("", "dynamic", "[project]").place
        found.findings.add(place, "the dependencies are known only when it is built", hint)
    optional = file.table("project", "optional-dependencies")
    wanted = file.choose("extra", selection.extras, optional)
    lines = list(_lines(file, project.get("dependencies", []), "[project]"))
    for extra in _with_extras_of_itself(project.get("name", ""), wanted, optional):
        lines += _lines(file, optional[extra], "optional-dependencies")
    groups = file.table("dependency-groups")
    if selection.groups and not groups and file.table("tool", "poetry", "group"):
        from modelpack.loading.poetry import read_groups  # noqa: PLC0415 - imports poetry-core

        read_groups(file, selection.groups)
    else:
        for group in file.choose("dependency group", selection.groups or (), groups):
            lines += _group(file, group, groups, ())
    own = normal(str(project.get("name", "")))
    read_lines([line for line in lines if _name(line.text) != own], file.path, found)


def _with_extras_of_itself(name: str, wanted: Sequence[str], optional: Mapping[str, Any]) -> Iterator[str]:
    """Give extras and those that they include by requiring ``name[extra]``, each once."""
    waiting, seen = list(wanted), set()
    by_name = {normal(extra): extra for extra in optional}
    while waiting:
        extra = waiting.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        yield extra
        for text in optional[extra]:
            match = re.match(r"([\w.-]+)\s*\[([^\]]*)\]", str(text))
            if match and normal(match[1]) == normal(name):
                included = (normal(word.strip()) for word in match[2].split(","))
                waiting += [by_name[word] for word in included if word in by_name]


def _lines(file: TomlFile, texts: object, after: str) -> Iterator[Line]:
    if not isinstance(texts, list):
        file.found.add(file.line("", after), "expected a list of requirements")
        return
    for text in texts:
        if isinstance(text, str):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            quoted = next((q for q in (f'"{escaped}"', f"'{text}'") if q in file.text), text)
            yield file.line(text, quoted, after)
        else:
            file.found.add(file.line("", after), f"expected a requirement, found {show(str(text))}")


def _group(file: TomlFile, group: str, groups: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[Line]:
    """Give the lines of a dependency group and of those that it includes."""
    if group in above:
        file.found.add(file.line("", group, "[dependency-groups]"), f"the group includes itself: {show(group)}")
        return
    items = groups[group] if isinstance(groups[group], list) else [groups[group]]
    yield from _lines(file, [item for item in items if not isinstance(item, dict)], "[dependency-groups]")
    tables = [item for item in items if isinstance(item, dict)]
    if any(item.keys() != {"include-group"} for item in tables):
        message = f"the group {show(group)} has a table other than {{include-group = NAME}}"
        file.found.add(file.line("", group, "[dependency-groups]"), message)
    included = [str(item["include-group"]) for item in tables if item.keys() == {"include-group"}]
    for name in file.choose("dependency group", included, groups):
        yield from _group(file, name, groups, (*above, group))


def _name(text: str) -> str:
    match = re.match(r"[\w.-]+", text)
    return normal(match[0]) if match else ""


def _apply_sources(file: TomlFile, requirements: Sequence[Any]) -> None:
    """Take requirements from where ``tool.uv.sources`` says that they are."""
    sources = {normal(name): source for name, source in file.table("tool", "uv", "sources").items()}
    for requirement in requirements:
        source = sources.get(_name(requirement.text))
        for one in source if isinstance(source, list) else [source] if source else []:
            _apply_source(file, requirement, one)


def _apply_source(file: TomlFile, requirement: Any, source: Mapping[str, Any]) -> None:  # noqa: ANN401
    found, name = file.found, _name(requirement.text)
    line = file.line("", f"{name} =", "[tool.uv.sources]")
    if "path" in source:
        found.requirements.remove(requirement)
        head, _, marker = requirement.text.partition(";")
        extras = "".join(re.findall(r"\[[^\]]*\]", head)[:1])
        text = f"{name}{extras} @ {source['path']}" + (f" ; {marker.strip()}" if marker else "")
        read_lines([Line(text, line.place)], file.path, found)
    elif "git" in source or "url" in source:
        prefix = "git+" if "git" in source else ""
        read_lines([Line(f"{name} @ {prefix}{source.get('git') or source.get('url')}", line.place)], file.path, found)
    elif source.get("workspace"):
        found.add(line, f"a member of a workspace: {name}", "require its folder instead")
