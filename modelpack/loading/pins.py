"""What lock files of other tools have in common: packages with one version each, and the digests of their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modelpack.loading.dependencies import Line
from modelpack.loading.pip_file import read_lines
from modelpack.loading.requirements import bad_address
from modelpack.loading.toml_file import TomlFile
from modelpack.loading.yamlfile import show
from modelpack.spec import IndexAddress, Requirement


def packages_of(file: TomlFile, key: str) -> list[Mapping[str, Any]]:
    """Give the packages of a lock; what is none is found wrong."""
    packages = file.data.get(key)
    if not isinstance(packages, list):
        file.found.findings.add(file.found.place(file.path), f"has no packages: {key} is missing")
        return []
    good: list[Mapping[str, Any]] = [
        one for one in packages if isinstance(one, dict) and isinstance(one.get("name"), str)
    ]
    if len(good) < len(packages):
        file.found.findings.add(file.found.place(file.path), "has a package without a name")
    return good


def line_of(file: TomlFile, package: Mapping[str, Any]) -> Line:
    """Give the place of a package: where its name stands."""
    line = file.line(str(package["name"]), package)
    return replace(line, place=file.line("", package, "name").place)


def pin(file: TomlFile, package: Mapping[str, Any], marker: str, hashes: Iterable[str]) -> Requirement | None:
    """Give ``name==version`` of a package, with its digests; None when it has no version that can be read."""
    from packaging.version import Version  # noqa: PLC0415 - costs start-up time

    line = line_of(file, package)
    try:
        version = Version(str(package.get("version", "")))
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        file.found.add(line, f"{show(line.text)} has no version that can be read")
        return None
    return Requirement(
        text=f"{line.text}=={version}" + (f" ; {marker}" if marker else ""),
        origin=file.found.origin(file.path, line.place.line),
        hashes=digests(hashes),
    )


def digests(hashes: Iterable[object]) -> tuple[str, ...]:
    """Give those digests that indexes have too."""
    return tuple(dict.fromkeys(one for one in hashes if isinstance(one, str) and one.startswith("sha256:")))


def require(file: TomlFile, text: str, line: Line) -> None:
    """Add a requirement as a line of a requirements file, at the place of another."""
    read_lines([replace(line, text=text)], file.path, file.found)


def take_indexes(file: TomlFile, addresses: Iterable[str]) -> None:
    """Take the indexes beside the one that most packages are from, for which the machine has its own."""
    counted = Counter(addresses)
    for url, _ in counted.most_common()[1:]:
        take_index(file, file.line("", file.data), url)


def take_index(file: TomlFile, line: Line, url: str, *, explicit: bool = False) -> IndexAddress | None:
    """Take an index beside those of the machine, unless it is for the packages alone that name it."""
    from modelpack.web.credentials import redact  # noqa: PLC0415 - only files that name indexes

    if fault := bad_address(url):
        file.found.add(line, fault)
        return None
    address = IndexAddress(written=redact(url), url=url)
    if not explicit:
        file.found.extra_indexes.append(address)
    return address
