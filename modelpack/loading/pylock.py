"""``pylock.toml`` (PEP 751): every package that it selects, with the digests of its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.markers import ALWAYS, NEVER
from modelpack.loading.pins import line_of, packages_of, pin, require, take_indexes
from modelpack.loading.sources import is_folder
from modelpack.loading.toml_file import TomlFile, normal, read_toml
from modelpack.loading.toml_shape import PYLOCK
from modelpack.loading.yamlfile import show
from modelpack.spec import IndexAddress

_MEMBER = re.compile(
    r"""(?P<quote>['"])(?P<name>[\w.-]+)(?P=quote)\s+(?P<no>not\s+)?in\s+(?P<kind>extras|dependency_groups)"""
)


def read_pylock(path: Path, found: Dependencies, selection: Selection) -> None:
    """Read the packages of a lock.

    Args:
        path: the ``pylock.toml``.
        found: takes them, what Python the lock is for, and what is wrong.
        selection: extras and groups; the lock's default groups when it names none.
    """
    file = read_toml(path, found, PYLOCK)
    if file is None:
        return
    version = file.data.get("lock-version")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        found.findings.add(found.place(path), f"a lock of version {show(str(version))}, version 1.0 is known")
        return
    if isinstance(text := file.data.get("requires-python"), str):
        found.requires_python.append((file.line(text, file.data, "requires-python").place, text))
    extras = set(file.choose("extra", selection.extras, file.data.get("extras", ()), selection.place))
    known = file.data.get("dependency-groups", ())
    default = file.data.get("default-groups", ())
    groups = set(
        default
        if selection.groups is None
        else file.choose("dependency group", selection.groups, known, selection.place)
    )
    packages = packages_of(file, "packages")
    for package in packages:
        _read_package(file, package, {"extras": extras, "dependency_groups": groups})
    take_indexes(file, (one["index"] for one in packages if isinstance(one.get("index"), str)))


def _read_package(file: TomlFile, package: Mapping[str, Any], chosen: Mapping[str, set[str]]) -> None:
    line = line_of(file, package)
    marker = _without_members(str(package.get("marker", "")), chosen)
    behind = f" ; {marker}" if marker else ""
    directory, archive = package.get("directory", {}), package.get("archive", {})
    if path := directory.get("path") or archive.get("path"):
        require(file, f"{package['name']} @ {path if '/' in path else f'./{path}'}{behind}", line)
        return
    if "vcs" in package or archive:
        address = f"git+{package['vcs'].get('url')}" if "vcs" in package else _address(archive)
        require(file, f"{package['name']} @ {address}{behind}", line)
        return
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
    for path in {str(Path(one["path"]).parent) for one in files if "path" in one}:
        _take_folder(file, path)
    digests = (f"sha256:{one['hashes']['sha256']}" for one in files if "sha256" in one.get("hashes", {}))
    found = pin(file, package, marker, digests)
    file.found.requirements += [found] if found else []


def _address(archive: Mapping[str, Any]) -> str:
    digest, folder = archive.get("hashes", {}).get("sha256"), archive.get("subdirectory")
    parts = [f"{key}={value}" for key, value in (("sha256", digest), ("subdirectory", folder)) if value]
    return f"{archive.get('url')}" + (f"#{'&'.join(parts)}" if parts else "")


def _take_folder(file: TomlFile, path: str) -> None:
    """Take a folder beside the lock as a place where wheels are."""
    folder = (file.path.parent / path).resolve()
    if is_folder(folder):
        file.found.links.append(IndexAddress(written=path, url=str(folder)))


def _without_members(marker: str, chosen: Mapping[str, set[str]]) -> str:
    """Decide the parts of a marker that ask for extras and groups, which markers of requirements do not know."""
    names = {kind: {normal(name) for name in named} for kind, named in chosen.items()}

    def decide(match: re.Match[str]) -> str:
        inside = normal(match["name"]) in names[match["kind"]]
        return ALWAYS if inside != bool(match["no"]) else NEVER

    return _MEMBER.sub(decide, marker)
