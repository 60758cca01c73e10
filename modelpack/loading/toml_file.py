"""TOML files with places: parsed by the standard library, lines found again in the text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.pip_file import decode
from modelpack.loading.shape_reader import near
from modelpack.loading.yamlfile import show


@dataclass(frozen=True, kw_only=True, slots=True)
class TomlFile:
    """A TOML file and what it says."""

    path: Path
    text: str
    data: Mapping[str, Any]
    found: Dependencies

    def table(self, *keys: str) -> Mapping[str, Any]:
        """Give the table at a key path; an empty one when there is none."""
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def line(self, text: str, content: str, after: str = "") -> Line:
        """Give what stands in the file, for messages and origins.

        Args:
            text: what is said there.
            content: a part of the file's text that is looked for.
            after: another one that comes before it.
        """
        begin = max(self.text.find(after), 0)
        at = self.text.find(content, begin)
        at = begin if at < 0 else at
        before = self.text[:at]
        return Line(text, self.found.place(self.path, before.count("\n") + 1, at - before.rfind("\n")))

    def choose(self, kind: str, wanted: Iterable[str], known: Iterable[str]) -> list[str]:
        """Give the keys of what was asked for by name; those that do not exist are found wrong."""
        by_name = {normal(name): name for name in known}
        chosen = []
        for name in wanted:
            if normal(name) in by_name:
                chosen.append(by_name[normal(name)])
            else:
                hint = near(name, by_name.values()) or (f"it has: {', '.join(by_name.values())}" if by_name else None)
                self.found.findings.add(self.found.place(self.path), f"has no {kind} named {show(name)}", hint)
        return chosen


def normal(name: str) -> str:
    """Give the form in which names of distributions, extras and groups are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_toml(path: Path, found: Dependencies) -> TomlFile | None:
    """Read a TOML file; None when there is nothing to go on with, which is then found."""
    text = decode(path, found)
    if text is None:
        return None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
        place = found.place(path, int(match[2]), int(match[3])) if match else found.place(path)
        message = match[1] if match else str(error)
        found.findings.add(place, f"not TOML: {message[:1].lower()}{message[1:]}")
        return None
    return TomlFile(path=path, text=text.replace("\r\n", "\n"), data=data, found=found)
