"""``pyproject.toml``: dependencies of a project (PEP 621), its extras, its groups (PEP 735), Poetry's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelpack.loading.dependencies import Dependencies, Line, Selection
from modelpack.loading.pip_file import read_lines
from modelpack.loading.toml_file import TomlFile, describe, normal, read_toml
from modelpack.loading.toml_shape import PYPROJECT
from modelpack.loading.yamlfile import show


def read_pyproject(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read what a project needs when it runs, and the extras and groups that are asked for.

    Args:
        path: the ``pyproject.toml``.
        found: takes the requirements, what Python they want, and what is wrong.
        selection: extras and groups; none without it.
    """
    file = read_toml(path, found, PYPROJECT)
    if file is None:
        return
    project, poetry = file.table("project"), file.table("tool", "poetry")
    if not project and not poetry:
        _read_groups_alone(file, selection)
        return
    if isinstance(text := project.get("requires-python"), str):
        found.requires_python.append((file.line(text, project, "requires-python").place, text))
    before = len(found.requirements)
    if poetry and ("dependencies" not in project):
        from modelpack.loading.poetry import read_poetry  # noqa: PLC0415 - imports poetry-core

        read_poetry(file, selection)
    else:
        _read_project(file, project, selection)
        if poetry.get("source"):
            from modelpack.loading.poetry import read_sources  # noqa: PLC0415 - imports poetry-core

            read_sources(file)
    from modelpack.loading.uv_project import read_uv  # noqa: PLC0415 - costs start-up time

    read_uv(file, selection, before)


def _read_project(file: TomlFile, project: Mapping[str, Any], selection: Selection) -> None:
    found = file.found
    dynamic = project.get("dynamic", ())
    if "dependencies" in dynamic and not _read_named_files(file, ("dependencies",)):
        line = file.line("", project, "dynamic")
        found.add(line, "the dependencies are known only when built", "require the folder instead: [.]")
    optional = file.table("project", "optional-dependencies")
    in_files = file.table("tool", "setuptools", "dynamic", "optional-dependencies")
    elsewhere = [extra for extra in selection.extras if normal(extra) in map(normal, in_files)]
    for extra in elsewhere:
        _read_named_files(
            file, ("optional-dependencies", next(name for name in in_files if normal(name) == normal(extra)))
        )
    stated = [extra for extra in selection.extras if extra not in elsewhere]
    wanted = file.choose("extra", stated, optional, selection.place)
    lines = list(_lines(file, project, "dependencies"))
    for extra in _with_extras_of_itself(project.get("name", ""), wanted, optional):
        lines += _lines(file, optional, extra)
    groups = _groups(file)
    if selection.groups and not groups and file.table("tool", "poetry", "group"):
        from modelpack.loading.poetry import read_groups  # noqa: PLC0415 - imports poetry-core

        read_groups(file, selection)
    else:
        for group in file.choose("dependency group", selection.groups or (), groups, selection.place):
            lines += _group(file, group, groups, ())
    own = normal(str(project.get("name", "")))
    read_lines([line for line in lines if _name(line.text) != own], file.path, found)


def _groups(file: TomlFile) -> dict[str, Any]:
    """Give the groups of PEP 735, and those of uv and PDM from before it."""
    older = dict(file.table("tool", "pdm", "dev-dependencies"))
    if development := file.table("tool", "uv").get("dev-dependencies"):
        older["dev"] = development
    return {**older, **file.table("dependency-groups")}


def _read_groups_alone(file: TomlFile, selection: Selection) -> None:
    """Read a file without a project, such as the root of a workspace."""
    found, groups = file.found, _groups(file)
    if ("project",) in file.offsets:
        return  # which was found wrong
    if groups and selection.groups:
        for group in file.choose("dependency group", selection.groups, groups, selection.place):
            read_lines(list(_group(file, group, groups, ())), file.path, found)
        return
    message, hint = "has neither a table project nor one of Poetry's", "see PEP 621"
    if file.table("tool", "uv", "workspace"):
        from modelpack.loading.uv_project import members  # noqa: PLC0415 - only for workspaces

        message = "the root of a workspace, without a project of its own"
        hint = f"name the pyproject.toml of a member: {', '.join(members(file.path.parent)) or 'there is none'}"
    elif groups:
        message, hint = "has dependency groups alone", f"name those that are wanted: groups: [{', '.join(groups)}]"
    elif file.data.get("build-system") or file.table("tool", "flit"):
        message, hint = "does not say what the project needs", "require its folder: [.]"
    found.findings.add(found.place(file.path), message, hint)


def _read_named_files(file: TomlFile, keys: Sequence[str]) -> bool:
    """Read the requirements files that setuptools or Hatch are told to take dependencies from; False without any."""
    said: object = file.table("tool", "setuptools", "dynamic", *keys).get("file")
    if keys == ("dependencies",):
        said = said or file.table("tool", "hatch", "metadata", "hooks", "requirements_txt").get("files")
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    lines = [Line(f"-r {name}", file.line("", file.table("tool")).place) for name in names]
    read_lines(lines, file.path, file.found)
    return bool(lines)


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


def _lines(file: TomlFile, table: Mapping[str, Any], key: str) -> Iterator[Line]:
    """Give the requirements of a list, with their places."""
    texts = table.get(key, [])
    if not isinstance(texts, list):
        file.found.add(file.line("", table, key), f"expected a list of requirements, found {describe(texts)}")
        return
    for index, text in enumerate(texts):
        if isinstance(text, str):
            yield file.line(text, texts, index)
        else:
            file.found.add(file.line("", texts, index), f"expected a requirement, found {describe(text)}")


def _group(file: TomlFile, group: str, groups: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[Line]:
    """Give the lines of a dependency group and of those that it includes."""
    if group in above:
        file.found.add(file.line("", groups[group]), f"the group includes itself: {show(group)}")
        return
    items = groups[group]
    for index, item in enumerate(items):
        line = file.line(str(item), items, index)
        if isinstance(item, str):
            yield line
        elif isinstance(item, dict) and item.keys() == {"include-group"}:
            for name in file.choose("dependency group", [str(item["include-group"])], groups, line.place):
                yield from _group(file, name, groups, (*above, group))
        else:
            file.found.add(line, f"expected a requirement or {{include-group = NAME}}, found {describe(item)}")


def _name(text: str) -> str:
    match = re.match(r"[\w.-]+", text)
    return normal(match[0]) if match else ""
