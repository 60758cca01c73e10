"""Where the values of a TOML or JSON text stand, which the parsers of the standard library do not tell.

The text has been parsed by one of them before, so that it is well formed: what is read here is only where things begin.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping

Path = tuple[str | int, ...]
"""Keys of tables and indices of lists, from the top."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*+")
_STRING = re.compile(
    r'''"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+"{3,5}'''
    r"""|\'\'\'(?:[^']++|'{1,2}(?!'))*+'{3,5}"""
    r'''|"(?:[^"\\]++|\\.)*+"'''
    r"""|'[^']*+'""",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[\w-]++")
_BARE_VALUE = re.compile(r"[^\s,\]}#]++(?: (?=[0-9])[^\s,\]}#]++)?")


def of_toml(text: str) -> Mapping[Path, int]:
    """Give the offset of every key and of every item of a list in a TOML text, the first one of each."""
    return _Scanner(text, _BLANK).document()


def of_json(text: str) -> Mapping[Path, int]:
    """Give the offset of every key and of every item of a list in a JSON text, the first one of each."""
    return _Scanner(text, re.compile(r"\s*+")).json()


def in_words(path: Path) -> str:
    """Give a key path as messages have it: ``project.dependencies[2]``."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[\w$-]+", part, re.ASCII) else f'"{part}"'
            words += f".{name}" if words else name
    return words


class _Scanner:
    def __init__(self, text: str, blank: re.Pattern[str]) -> None:
        self.text = text
        self.at = 0
        self.blank = blank
        self.found: dict[Path, int] = {(): 0}
        self.last: dict[Path, int] = {}
        """Index of the table that comes last, of each array of tables."""

    def skip(self) -> str:
        """Go on to what means something; empty at the end."""
        self.at = self._end(self.blank)
        return self.text[self.at : self.at + 1]

    def _end(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        return match.end() if match else self.at + 1

    def json(self) -> Mapping[Path, int]:
        self.skip()
        self.value(())
        return self.found

    def document(self) -> Mapping[Path, int]:
        table: Path = ()
        while character := self.skip():
            if character == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.found

    def header(self) -> Path:
        start = self.at
        several = self.text.startswith("[[", start)
        self.at += 1 + several
        table = self.of_table(self.keys(), several=several)
        self.at += 1 + several
        self.note(table, start)
        return table

    def of_table(self, keys: Path, *, several: bool) -> Path:
        """Give the path of a table, with the indices of the arrays of tables that it lies in."""
        path: Path = ()
        for number, key in enumerate(keys, start=1):
            path = (*path, key)
            if number == len(keys) and several:
                self.last[path] = self.last.get(path, -1) + 1
            if path in self.last:
                path = (*path, self.last[path])
        return path

    def note(self, path: Path, offset: int) -> None:
        """Keep where something begins, and what it lies in, if that has not been seen."""
        while path not in self.found:
            self.found[path] = offset
            path = path[:-1]

    def keys(self) -> Path:
        """Read ``a."b.c".d``."""
        keys: list[str] = []
        while True:
            quoted = self.skip() in ('"', "'")
            begin, self.at = self.at, self._end(_STRING if quoted else _BARE_KEY)
            word = self.text[begin : self.at]
            keys.append(str(tomllib.loads(f"key = {word}")["key"]) if quoted else word)
            if self.skip() != ".":
                return tuple(keys)
            self.at += 1

    def pair(self, table: Path) -> None:
        """Read a key, what stands between it and its value, and the value."""
        self.skip()
        start = self.at
        path = (*table, *self.keys())
        self.note(path, start)
        self.at += 1
        self.skip()
        self.value(path)

    def value(self, path: Path) -> None:
        character = self.text[self.at : self.at + 1]
        if character == "[":
            self.items("]", lambda number: self.item((*path, number)))
        elif character == "{":
            self.items("}", lambda _: self.pair(path))
        else:
            self.at = self._end(_STRING if character in ('"', "'") else _BARE_VALUE)

    def item(self, path: Path) -> None:
        self.note(path, self.at)
        self.value(path)

    def items(self, end: str, read: Callable[[int], None]) -> None:
        self.at += 1
        number = 0
        while (character := self.skip()) not in (end, ""):
            if character == ",":
                self.at += 1
            else:
                read(number)
                number += 1
        self.at += 1
