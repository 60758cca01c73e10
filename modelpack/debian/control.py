"""The syntax of Debian control data: paragraphs of fields, and relations between packages.

Paragraphs follow section 5.1, relations section 7.1 of the Debian Policy Manual.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelpack.debian import version as debian_version

_RELATION = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9.+_-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>|<|>)\s*(?P<version>[^\s)]+)\s*\))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """One alternative of a dependency, or one provided name: ``libc6:any (>= 2.34)``."""

    name: str
    operator: str | None = None
    version: str | None = None
    architecture: str | None = None
    """``any``, ``native`` or an architecture, when the name is qualified with one."""

    def admits(self, version: str) -> bool:
        """Tell whether a version is within the restriction, if there is one."""
        if self.operator is None or self.version is None:
            return True
        return debian_version.satisfies(version, self.operator, self.version)

    def __str__(self) -> str:
        qualified = f"{self.name}:{self.architecture}" if self.architecture else self.name
        return f"{qualified} ({self.operator} {self.version})" if self.operator else qualified


Group = tuple[Relation, ...]
"""Alternatives, of which one is enough."""


def paragraphs(text: str) -> Iterator[Mapping[str, str]]:
    """Read paragraphs; names of fields are in lower case, lines of a value are joined by newlines.

    Lines that begin with ``#`` are comments. A continuation line of a lone dot is an empty line.
    """
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += "\n" + ("" if line.strip() == "." else line.strip())
        elif line[0] != "#" and ":" in line:
            key, value = line.split(":", 1)
            name = key.strip().lower()
            fields[name] = value.strip()
    if fields:
        yield fields


@functools.lru_cache(maxsize=4096)
def relations(text: str) -> tuple[Group, ...]:
    """Read the value of a field such as Depends: groups of alternatives.

    Raises:
        ValueError: it is not such a value.
    """
    groups = (group.strip() for group in text.split(","))
    return tuple(tuple(_relation(item.strip()) for item in group.split("|")) for group in groups if group)


def _relation(text: str) -> Relation:
    match = _RELATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a relation between packages: {text!r}")
    if match["version"]:
        debian_version.key(match["version"])
    return Relation(**match.groupdict())
