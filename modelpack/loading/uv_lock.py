"""``uv.lock``: what the project requires directly, and the versions that uv chose for all it reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.markers import ALWAYS, NEVER, may_hold
from modelpack.loading.pins import line_of, packages_of, pin, require, take_indexes
from modelpack.loading.toml_file import TomlFile, normal, read_toml
from modelpack.loading.toml_shape import UV_LOCK
from modelpack.loading.yamlfile import show

_VERSION = 1
_EXPORT = "name one: uv export --package NAME --format pylock.toml -o pylock.toml, and require that file"
_CHOICE = re.compile(r"""extra\s*(==|!=)\s*['"]((?:extra|group)-\d+-[^'"]+)['"]""")
_LOCAL = ("virtual", "editable", "directory")


def read_uv_lock(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read the requirements of the project, and every chosen version as a constraint with its digests.

    Args:
        path: the ``uv.lock``.
        found: takes them, what Python the lock is for, and what is wrong.
        selection: extras and groups of the project; none without it.
    """
    file = read_toml(path, found, UV_LOCK)
    if file is None:
        return
    if file.data.get("version") != _VERSION:
        message = f"a lock of version {show(str(file.data.get('version')))}, version {_VERSION} is known"
        found.findings.add(found.place(path), message)
        return
    if isinstance(text := file.data.get("requires-python"), str):
        found.requires_python.append((file.line(text, file.data, "requires-python").place, text))
    packages = packages_of(file, "package")
    root = _root(file, packages)
    if root is None:
        return
    if "virtual" not in root["source"]:
        found.note(line_of(file, root), "the project itself is not packaged by this", "list its folder beside the lock")
    marker = _Markers(root, selection)
    direct = [item for item in _direct(file, root, selection) if may_hold(marker.of(item))]
    others = [one for one in _reached(packages, direct, marker) if one is not root]
    for package in others:
        _read_package(file, package, marker)
    take_indexes(file, (one["source"]["registry"] for one in others if "registry" in one.get("source", {})))
    for item in direct:
        require(file, _requirement(item, marker.of(item)), line_of(file, item))


def _root(file: TomlFile, packages: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Give the project itself: what lies in the folder of the lock, or the only project there is."""
    local = [one for one in packages if any(key in one.get("source", {}) for key in _LOCAL)]
    here = [one for one in local if "." in one["source"].values()]
    chosen = here or local
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(str(one["name"]) for one in chosen)
    message = f"locks a workspace of several projects: {names}" if names else "locks no project"
    file.found.findings.add(file.found.place(file.path), message, _EXPORT)
    return None


class _Markers:
    """The markers of a lock, in which uv writes the extras and groups that exclude each other as extras of its own.

    ``extra-4-demo-cpu`` is the extra ``cpu`` of the project ``demo``, whose name has four characters.
    """

    def __init__(self, root: Mapping[str, Any], selection: Selection) -> None:
        name = normal(root["name"])
        chosen = (("extra", selection.extras), ("group", selection.groups or ()))
        self._chosen = {f"{kind}-{len(name)}-{name}-{normal(one)}" for kind, named in chosen for one in named}

    def of(self, item: Mapping[str, Any]) -> str:
        """Give the marker of a dependency; empty when it has none."""
        return self.decided(item.get("marker", ""))

    def decided(self, marker: str) -> str:
        """Give a marker with what the choice of extras and groups decides put in."""
        return _CHOICE.sub(lambda match: ALWAYS if (match[2] in self._chosen) == (match[1] == "==") else NEVER, marker)


def _reached(
    packages: list[Mapping[str, Any]], direct: list[Mapping[str, Any]], markers: _Markers
) -> list[Mapping[str, Any]]:
    """Give the packages that something asked for needs, in the order of the lock."""
    waiting, seen, reached = list(direct), set(), set()
    by_name: dict[str, list[int]] = {}
    for index, package in enumerate(packages):
        by_name.setdefault(package["name"], []).append(index)
    while waiting:
        item = waiting.pop()
        key = (item["name"], item.get("version"), *item.get("extra", ()))
        if key in seen or not may_hold(markers.of(item)):
            continue
        seen.add(key)
        for index in by_name.get(item["name"], ()):
            package = packages[index]
            if item.get("version") in (None, package.get("version")):
                reached.add(index)
                waiting += package.get("dependencies", ())
                optional = package.get("optional-dependencies", {})
                waiting += (one for extra in item.get("extra", ()) for one in optional.get(extra, ()))
    return [packages[index] for index in sorted(reached)]


def _direct(file: TomlFile, root: Mapping[str, Any], selection: Selection) -> Iterator[Mapping[str, Any]]:
    yield from root.get("dependencies", ())
    optional, groups = root.get("optional-dependencies", {}), root.get("dev-dependencies", {})
    for extra in file.choose("extra", selection.extras, optional, selection.place):
        yield from optional[extra]
    for group in file.choose("dependency group", selection.groups or (), groups, selection.place):
        yield from groups[group]


def _requirement(item: Mapping[str, Any], marker: str) -> str:
    extras = f"[{','.join(item['extra'])}]" if item.get("extra") else ""
    version = f"=={item['version']}" if item.get("version") else ""
    return f"{item['name']}{extras}{version}" + (f" ; {marker}" if marker else "")


def _read_package(file: TomlFile, package: Mapping[str, Any], markers: _Markers) -> None:
    source, line = package.get("source", {}), line_of(file, package)
    path = next((source[key] for key in ("path", *_LOCAL) if key in source), None)
    if path is not None:
        require(file, f"{package['name']} @ {path if '/' in path else f'./{path}'}", line)
    elif "git" in source or "url" in source:
        files = [*package.get("wheels", ()), package.get("sdist", {})]
        digest = next((one["hash"] for one in files if str(one.get("hash", "")).startswith("sha256:")), "")
        address = f"git+{source['git']}" if "git" in source else source["url"] + digest.replace("sha256:", "#sha256=")
        require(file, f"{package['name']} @ {address}", line)
    else:
        forks = map(markers.decided, package.get("resolution-markers", ()))
        marker = " or ".join(f"({one})" for one in forks)
        files = [*package.get("wheels", ()), package.get("sdist", {})]
        found = pin(file, package, marker, (one.get("hash", "") for one in files))
        file.found.constraints += [found] if found else []
