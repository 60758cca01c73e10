"""``tool.uv`` of a ``pyproject.toml``: where requirements come from, which indexes there are, what else limits them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelpack.loading.dependencies import Line, Selection
from modelpack.loading.markers import answers
from modelpack.loading.pip_file import read_constraints, read_lines
from modelpack.loading.requirements import bad_address, distribution
from modelpack.loading.sources import is_folder
from modelpack.loading.toml_file import TomlFile, describe, normal
from modelpack.spec import IndexAddress, Requirement

_TOOL = ("tool", "uv")
_KINDS = ("path", "workspace", "git", "url", "index")
_OF_UV = frozenset({"override-dependencies", "exclude-dependencies"})


def read_uv(file: TomlFile, selection: Selection, first: int) -> None:
    """Take requirements from where ``tool.uv`` says that they are, and what it says of indexes and versions.

    Args:
        file: the ``pyproject.toml``.
        selection: the extras and groups that are asked for.
        first: of the requirements found so far, the first of this file.
    """
    table = file.table(*_TOOL)
    indexes = {name: address for name, address in _indexes(file, table) if name}
    sources = {normal(name): name for name in file.table(*_TOOL, "sources")}
    for requirement in file.found.requirements[first:]:
        if name := sources.get(distribution(requirement.text)):
            _apply(file, requirement, name, selection, indexes)
    read_constraints(_lines(file, table, "constraint-dependencies"), file.path, file.found)
    if not file.found.folder.path.is_relative_to(file.path.parent.resolve()):
        # uv itself reads them beside the spec and above.
        for key in sorted(_OF_UV & table.keys()):
            hint = "move it to a uv.toml beside the spec, or require: uv export --format pylock.toml -o pylock.toml"
            file.found.add(file.line("", table, key), "followed beside the spec and above alone", hint)


def _lines(file: TomlFile, table: Mapping[str, Any], key: str) -> list[Line]:
    texts = table.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        file.found.add(file.line("", table, key), "expected a list of requirements")
        return []
    return [file.line(text, texts, index) for index, text in enumerate(texts)]


def _indexes(file: TomlFile, table: Mapping[str, Any]) -> Iterator[tuple[str, IndexAddress]]:
    """Take the indexes that hold for all packages, and give all with their names."""
    from modelpack.web.credentials import redact  # noqa: PLC0415 - only files that name indexes

    found, listed = file.found, table.get("index", [])
    for index, said in enumerate(listed if isinstance(listed, list) else [listed]):
        if not isinstance(said, dict) or not isinstance(url := said.get("url"), str):
            found.add(file.line("", listed, index), "an index without a url")
            continue
        if fault := bad_address(url):
            found.add(file.line("", said, "url"), fault)
            continue
        near = file.path.parent / url
        address = IndexAddress(written=redact(url), url=url if "://" in url else str(near.resolve()))
        yield str(said.get("name", "")), address
        if said.get("explicit") is True:
            continue
        if said.get("format") == "flat":
            found.links.append(address)
        elif said.get("default") is True:
            found.default_index = address
        else:
            found.extra_indexes.append(address)


def _apply(
    file: TomlFile,
    requirement: Requirement,
    name: str,
    selection: Selection,
    indexes: Mapping[str, IndexAddress],
) -> None:
    """Take one requirement from its source."""
    sources = file.table(*_TOOL, "sources")
    said = sources[name]
    for index, source in enumerate(said if isinstance(said, list) else [said]):
        line = file.line(name, said, index) if isinstance(said, list) else file.line(name, sources, name)
        if not isinstance(source, dict) or not any(kind in source for kind in _KINDS):
            file.found.add(line, f"a source without any of {', '.join(_KINDS)}")
        elif _chosen(file, line, source, selection):
            _take(file, line, requirement, source, indexes)
            return


def _chosen(file: TomlFile, line: Line, source: Mapping[str, Any], selection: Selection) -> bool:
    """Tell whether a source holds: its extra or group is asked for, and its marker true where packages run."""
    for key, wanted in (("extra", selection.extras), ("group", selection.groups or ())):
        if key in source and normal(str(source[key])) not in map(normal, wanted):
            return False
    if "marker" not in source:
        return True
    try:
        known = answers(str(source["marker"]))
    except ValueError:
        file.found.add(line, f"not a marker, found {describe(source['marker'])}")
        return False
    if len(known) > 1:
        file.found.add(line, "a source by machine or version of Python", "leave the one that the package is for")
    return True in known


def _take(
    file: TomlFile,
    line: Line,
    requirement: Requirement,
    source: Mapping[str, Any],
    indexes: Mapping[str, IndexAddress],
) -> None:
    found = file.found
    if "index" in source:
        if address := indexes.get(str(source["index"])):
            found.pins[distribution(requirement.text)] = address
        else:
            known = ", ".join(indexes)
            hint = f"there are: {known}" if known else "add [[tool.uv.index]] with name and url"
            found.add(line, f"no index is named {describe(source['index'])[9:]}", hint)
        return
    where = _member(file, line) if source.get("workspace") else _address(source)
    found.requirements.remove(requirement)
    if where:
        head, _, marker = requirement.text.partition(";")
        extras = "".join(re.findall(r"\[[^\]]*\]", head)[:1])
        text = f"{line.text}{extras} @ {where}" + (f" ; {marker.strip()}" if marker else "")
        read_lines([replace(line, text=text)], file.path, found)


def _address(source: Mapping[str, Any]) -> str:
    """Give a source in the words of a requirements file."""
    if "path" in source:
        path = str(source["path"])
        return path if "/" in path else f"./{path}"
    return f"git+{source['git']}" if "git" in source else str(source.get("url"))


def _member(file: TomlFile, line: Line) -> str | None:
    """Give the folder of a member of the workspace that a project lies in; None when there is none, which is found."""
    root = next((folder for folder in file.path.resolve().parents if members(folder)), None)
    if root and (folder := members(root).get(normal(line.text))):
        return str(folder)
    message = f"no member of the workspace has this name: {line.text}" if root else "lies in no workspace"
    file.found.add(line, message, "write its folder: {path = ...}")
    return None


def members(root: Path) -> dict[str, Path]:
    """Give the folders of the members of a workspace by name; none when there is no workspace."""
    workspace = _content(root).get("tool", {}).get("uv", {}).get("workspace")
    if not isinstance(workspace, dict):
        return {}
    found = [root, *_matching(root, workspace.get("members"))]
    left_out = set(_matching(root, workspace.get("exclude")))
    projects = ((folder, _content(folder).get("project")) for folder in found if folder not in left_out)
    return {normal(str(said.get("name"))): folder for folder, said in projects if isinstance(said, dict)}


def _matching(root: Path, patterns: object) -> list[Path]:
    given = [str(one) for one in patterns] if isinstance(patterns, list) else []
    relative = [one for one in given if one and not one.startswith("/") and one != "."]
    return [path for one in relative for path in sorted(root.glob(one)) if is_folder(path)]


def _content(folder: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - only for workspaces

    try:
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
