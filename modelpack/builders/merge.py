"""Joins folders of several wheels into one, by links, and settles what two of them install at the same place.

pip lets the distribution that it installs last win, silently. Here, whatever the order:

- what the spec's ``file_conflicts`` says is done;
- ``__init__.py`` files that only declare a namespace mean the same: any will do;
- of files that nothing imports, and of top-level folders of tests and documents, the first wheel's are taken, and said;
- everything else is an error that names both: one of the two would not work as its author tested it.
"""

from __future__ import annotations

import ast
import filecmp
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn

from modelpack.builders.problem import fail

_MODULES = (".py", ".pyc", ".pth", ".so")
_BESIDE = ("benchmark", "benchmarks", "doc", "docs", "example", "examples", "sample", "samples", "test", "tests")


class Entry(NamedTuple):
    """A file or folder of a wheel, and where it goes."""

    owner: str
    source: str
    path: str
    """Below the environment."""


def inside(entry: Entry) -> Iterator[Entry]:
    """Give what a folder holds."""
    for name in os.listdir(entry.source):
        yield Entry(entry.owner, f"{entry.source}/{name}", f"{entry.path}/{name}".lstrip("/"))


def clash(first: str, second: str, path: str, choice: str | None = None) -> NoReturn:
    """End the build: two wheels cannot both be had as they are; ``choice`` is where a rule would help."""
    fail(
        "environment",
        f"{first} and {second} both install {path}, with different contents",
        hint=f"require only one of them, or choose in the spec: file_conflicts: {{{choice or path}: {second}}}",
        wheels=[first, second],
        file=path,
    )


class Merge:
    """The environment that is filled."""

    def __init__(self, out: str, site: str, rules: Mapping[str, str]) -> None:
        """Begin.

        Args:
            out: folder of the environment.
            site: the site-packages below it.
            rules: by path, as ``_short`` gives it, the wheel that alone is taken there and below.
        """
        self._out = out
        self._site = site
        self._rules = rules
        self._winners: dict[str, str] = {}
        self.settled: dict[str, list[str]] = {}
        """By path, the wheels that have it, the one that was taken first; what the rules settle is left out."""

    def fill(self, entries: list[Entry]) -> None:
        """Link entries: one that a single wheel has as it is, folders of several filled anew."""
        places: dict[str, list[Entry]] = {}
        for entry in entries:
            places.setdefault(entry.path, []).append(entry)
        # Bytecode last: it follows the modules that won.
        for path, found in sorted(places.items(), key=lambda item: (item[0].endswith("/__pycache__"), item)):
            if chosen := self._chosen(path, found):
                self._place(path, chosen)

    def _place(self, path: str, entries: list[Entry]) -> None:
        first, *others = entries
        place = f"{self._out}/{path}"
        folders = [os.path.isdir(entry.source) for entry in entries]
        if all(folders) and (others or os.path.isdir(place) or self._holds_losers(path)):
            os.makedirs(place, exist_ok=True)
            self.fill([inner for entry in entries for inner in inside(entry)])
            return
        differ = [
            other for other in others if any(folders) or not filecmp.cmp(first.source, other.source, shallow=False)
        ]
        if differ:
            first = self._settle(path, entries, differ[0], mere_files=not any(folders))
        os.symlink(first.source, place)

    def _chosen(self, path: str, entries: list[Entry]) -> list[Entry]:
        """Leave out what a rule, or the module that bytecode belongs to, decides against."""
        winner = self.rule(path) or self._winners.get(_module_of(path))
        owners = [entry.owner for entry in entries]
        if winner is None or (winner not in owners and not _module_of(path)):
            return entries
        if len(owners) > 1:
            self._winners[path] = winner
        return [entry for entry in entries if entry.owner == winner]

    def rule(self, path: str) -> str | None:
        """Give the wheel that has to win at a path of the environment."""
        inner = (rule for rule in self._rules if f"{self._short(path)}/".startswith(f"{rule}/"))
        longest = max(inner, key=len, default=None)
        return self._rules[longest] if longest else None

    def _holds_losers(self, path: str) -> bool:
        """Say whether a folder of bytecode may have some of a module that did not win."""
        folder, _, name = path.rpartition("/")
        return name == "__pycache__" and any(os.path.dirname(winner) == folder for winner in self._winners)

    def _settle(self, path: str, entries: list[Entry], other: Entry, *, mere_files: bool) -> Entry:
        """Give the entry to take of several that differ, or end the build."""
        if not mere_files:
            self._clash(path, entries[0], other)
        if path.endswith("/__init__.py") and all(_declares_namespace(entry.source) for entry in entries):
            winner = min(entries, key=_asks_for_setuptools)
        elif place := self._beside(path):
            winner = entries[0]
            owners = self.settled.setdefault(place, [])
            owners += [entry.owner for entry in entries if entry.owner not in owners]
        else:
            self._clash(path, entries[0], other)
        self._winners[path] = winner.owner
        return winner

    def _beside(self, path: str) -> str | None:
        """Give the place of a conflict that does no harm: the file, or the top-level folder that it is in."""
        top, _, rest = self._short(path).partition("/")
        if rest:
            return top if top in _BESIDE else None
        return None if top.endswith(_MODULES) or ".so." in top else top

    def _clash(self, path: str, first: Entry, second: Entry) -> NoReturn:
        """Refuse, and name the largest package around the path, since halves of two seldom work together."""
        choice, source = path, second.source
        while (parent := os.path.dirname(source)) and self._is_package(os.path.dirname(choice), parent):
            choice, source = os.path.dirname(choice), parent
        clash(first.owner, second.owner, self._short(path), self._short(choice))

    def _is_package(self, path: str, source: str) -> bool:
        init = f"{source}/__init__.py"
        if self._short(path) == path or not os.path.exists(init):
            return False
        return not os.path.getsize(init) or not _declares_namespace(init)

    def _short(self, path: str) -> str:
        """Give the path as messages and rules have it: below the site-packages, or else the environment."""
        return path.removeprefix(f"{self._site}/")


def _module_of(path: str) -> str:
    """Give the module that a file of bytecode was compiled from; empty for anything else."""
    folder, _, name = path.rpartition("/")
    parent, _, last = folder.rpartition("/")
    return f"{parent}/{name.split('.')[0]}.py" if last == "__pycache__" else ""


def _declares_namespace(source: str) -> bool:
    """Say whether a module does nothing but share its name with other distributions (PEP 420 and its forerunners)."""
    try:
        with open(source, "rb") as stream:
            body = ast.parse(stream.read()).body
    except (SyntaxError, ValueError, OSError):
        return False
    return all(_is_declaration(statement) for statement in body)


def _is_declaration(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Import(names=names):
            return all(alias.name in ("pkgutil", "pkg_resources") for alias in names)
        case ast.ImportFrom(module=module):
            return module in ("pkgutil", "__future__")
        case ast.Try(body=body, handlers=handlers):
            inner = (*body, *(each for handler in handlers for each in handler.body))
            return all(isinstance(each, ast.Pass) or _is_declaration(each) for each in inner)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="declare_namespace"))):
            return True
        case ast.Assign(targets=[ast.Name(id="__path__")], value=ast.Call()):
            return "extend_path" in ast.dump(statement)
    return False


def _asks_for_setuptools(entry: Entry) -> bool:
    with open(entry.source, "rb") as stream:
        return b"pkg_resources" in stream.read()
