"""YAML files as trees of nodes that know where they stand and how they were spelled.

Values keep their source text: what ``1.0``, ``3.10`` or ``no`` mean is decided by the key that holds them, so
that the surprises of YAML 1.1 (``no`` is false, ``3.10`` is 3.1) do not happen.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from modelpack.errors import Problem, SpecError

MAX_BYTES = 1 << 20
"""Size of a file, in bytes, above which it is not one that a person wrote."""
MAX_DEPTH = 32
"""Levels of lists and mappings."""
MAX_VALUES = 10_000
"""Values of one file, each alias counted with all that it stands for."""

_INPUT_WRONG, _DUPLICATE, _NO_TEXT, _NOT_AS_WRITTEN, _DECIDED = "MP100", "MP104", "MP105", "MP110", "MP111"

_NULL = re.compile(r"|~|null|Null|NULL")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Place:
    """Where something was written."""

    file: str
    """As it is shown to the user."""
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Fault = tuple[str, str | None]
"""What is wrong, and a hint."""


class Findings:
    """The problems found so far, in what the user wrote.

    Args:
        first: the file whose problems come first.
    """

    def __init__(self, first: str = "") -> None:
        self._first = first
        self._found: list[tuple[Place, Problem]] = []
        self._said: list[tuple[Place, Problem]] = []
        self._settled: set[Place] = set()

    def __len__(self) -> int:
        return len(self._found)

    def add(
        self, place: Place, message: str, hint: str | None = None, *, path: str = "", code: str = _INPUT_WRONG
    ) -> None:
        """Keep one problem of the value at the key path ``path``."""
        self._keep(self._found, place, Problem(where=path, message=message, hint=hint, code=code))

    def warn(
        self, place: Place, message: str, hint: str | None = None, *, path: str = "", code: str = _NOT_AS_WRITTEN
    ) -> None:
        """Keep what does not stop anything, but may not be what was meant."""
        problem = Problem(where=path, message=message, hint=hint, severity="warning", code=code)
        self._keep(self._said, place, problem)

    def note(
        self, place: Place, message: str, hint: str | None = None, *, path: str = "", code: str = _DECIDED
    ) -> None:
        """Keep what was decided for the user, for the record."""
        self._keep(self._said, place, Problem(where=path, message=message, hint=hint, severity="note", code=code))

    def settle(self, place: Place) -> None:
        """Keep nothing more of a value: what else is wrong with it follows from what was found."""
        self._settled.add(place)

    def include(self, problems: Iterable[Problem]) -> None:
        """Keep what another reader found and said."""
        for problem in problems:
            match = re.match(r"(.*?)(?::(\d+))?(?::(\d+))?(?:: |$)", problem.where)
            file, line, column = match.groups() if match else (problem.where, None, None)
            place = Place(file=file, line=int(line or 1), column=int(column or 1))
            (self._found if problem.severity == "error" else self._said).append((place, problem))

    def _keep(self, kept: list[tuple[Place, Problem]], place: Place, problem: Problem) -> None:
        """Keep a problem that so far has the key path alone for its place."""
        where = f"{place}: {problem.where}" if problem.where else str(place)
        if place not in self._settled:
            kept.append((place, replace(problem, where=where)))

    @property
    def notices(self) -> tuple[Problem, ...]:
        """Warnings and notes, in the order of the text."""
        return self._ordered(self._said)

    def raise_any(self) -> None:
        """Raise what was found, in the order of the text.

        Raises:
            SpecError: when there is any.
        """
        if self._found:
            raise SpecError(self._ordered(self._found), self.notices)

    def _ordered(self, found: list[tuple[Place, Problem]]) -> tuple[Problem, ...]:
        files = list(dict.fromkeys([self._first, *(place.file for place, _ in found)]))
        ordered = sorted(found, key=lambda item: (files.index(item[0].file), item[0]))
        return tuple(problem for _, problem in ordered)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scalar:
    """One value: its source text without quotes."""

    place: Place
    text: str
    plain: bool
    """Written without quotes, so that YAML may read it as something else than text."""

    @property
    def kind(self) -> str:
        """``text``, or what YAML 1.2 takes plain text for: ``null``, ``boolean``, ``number``."""
        if self.plain:
            for kind, pattern in (("null", _NULL), ("boolean", _BOOLEAN), ("number", _NUMBER)):
                if pattern.fullmatch(self.text):
                    return kind
        return "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListNode:
    """Values in a row."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A key of a mapping and its value."""

    key: str
    place: Place
    value: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class MapNode:
    """Values by key; of a key written twice, the first."""

    place: Place
    entries: tuple[Entry, ...]


Node = Scalar | ListNode | MapNode


def show(text: str) -> str:
    """Make text of the user's fit for a message: on one line, without characters that a terminal acts on."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def quote(text: str) -> str:
    """Put text of the user's into a message: quoted, and not longer than a line."""
    return f'"{show(text if len(text) <= 60 else text[:57] + "...")}"'


def join_path(path: str, key: str) -> str:
    """Give the key path of ``key`` in the mapping at ``path``, which is empty at the top."""
    name = key if re.fullmatch(r"[\w$-][\w.$-]*", key, re.ASCII) else quote(key)
    return f"{path}.{name}" if path else name


def describe(node: Node) -> str:
    """Say in words what a node is: ``a list``, ``nothing``, ``the number 5``, ``the text "x"``."""
    if isinstance(node, Scalar):
        names = {"null": "nothing", "boolean": node.text, "number": f"the number {node.text}"}
        return names.get(node.kind, f"the text {quote(node.text)}")
    if isinstance(node, ListNode):
        return "a list" if node.items else "an empty list"
    return "a mapping" if node.entries else "an empty mapping"


def read_yaml(
    path: Path, shown: str, findings: Findings, *, prepare: Callable[[str], str] | None = None
) -> Node | None:
    """Read the file at ``path``, named ``shown`` in messages; None when there is nothing to go on with.

    ``prepare`` is given the text before it is parsed.
    """
    start = Place(file=shown, line=1, column=1)
    try:
        data = path.read_bytes()
    except OSError as error:
        findings.add(start, f"cannot be read: {error.strerror}", code=_NO_TEXT)
        return None
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes, more than the {MAX_BYTES:,} that are allowed"
        findings.add(start, message, code=_NO_TEXT)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(data[: error.start].decode(errors="replace"), shown)
        findings.add(place, f"not UTF-8: byte 0x{data[error.start]:02x}", code=_NO_TEXT)
        return None
    return parse_yaml(prepare(text) if prepare else text, shown, findings)


def python_text(node: Scalar) -> str:
    """Give the text that Python's ``str`` makes of a value as YAML 1.1 reads it: ``no`` is ``False``, ``010`` is ``8``.

    What programs do that load a file with pyyaml and turn its values into texts.
    """
    if not node.plain:
        return node.text
    try:
        return str(yaml.safe_load(node.text))
    except (yaml.YAMLError, ValueError):
        return node.text


def parse_yaml(text: str, shown: str, findings: Findings) -> Node | None:
    """Read one YAML document; None when there is nothing to go on with."""
    try:
        return _Composer(text, shown, findings).document()
    except _StopError:
        return None
    except yaml.MarkedYAMLError as error:
        findings.add(*_explain(error, text, shown), code=_NO_TEXT)
    except yaml.reader.ReaderError as error:
        place = _place_of(text[: error.position], shown)
        message = f"a character that YAML does not allow: U+{ord(text[error.position]):04X}"
        findings.add(place, message, code=_NO_TEXT)
    return None


class _StopError(Exception):
    """Reading cannot go on; the finding is kept."""


class _Composer:
    """Builds the tree from the parser's events; pyyaml's own composer has no limits and drops duplicates."""

    def __init__(self, text: str, shown: str, findings: Findings) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._shown = shown
        self._findings = findings
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0

    def document(self) -> Node:
        next(self._events)  # stream start
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            self._stop(start, "the file is empty")
        root = self._node(next(self._events), "", 1)
        next(self._events)  # document end
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            self._stop(after, "a second document begins here, where one is expected")
        return root

    def _node(self, event: Any, path: str, depth: int) -> Node:  # noqa: ANN401 - pyyaml's events have no common type
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._stop(event, f"tags are not supported: {show(tag)}")
        before = self._values
        self._count(event, 1)
        node = self._build(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._values - before)
        return node

    def _build(self, event: Any, path: str, depth: int) -> Node:  # noqa: ANN401
        place = self._place(event)
        if isinstance(event, yaml.ScalarEvent):
            if half := re.search("[\ud800-\udfff]", event.value):
                self._stop(event, f"half of a character: U+{ord(half[0]):04X}")
            return Scalar(place=place, text=event.value, plain=not event.style)
        if isinstance(event, yaml.SequenceStartEvent):
            return ListNode(place=place, items=tuple(self._items(path, depth + 1)))
        return MapNode(place=place, entries=tuple(self._entries(path, depth + 1).values()))

    def _items(self, path: str, depth: int) -> Iterator[Node]:
        for index in itertools.count():
            if isinstance(event := next(self._events), yaml.SequenceEndEvent):
                return
            yield self._node(event, f"{path}[{index}]", depth)

    def _entries(self, path: str, depth: int) -> dict[str, Entry]:
        """Give the entries of a mapping by key, with those that merge keys (``<<``) bring: what is written wins."""
        found: dict[str, Entry] = {}
        brought: list[MapNode] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, path, depth)
            name = key.text if isinstance(key, Scalar) else ""
            where = join_path(path, name)
            value = self._node(next(self._events), where, depth)
            if not name:
                self._findings.add(key.place, f"expected a key, found {describe(key)}", path=path, code=_NO_TEXT)
            elif name == "<<" and isinstance(key, Scalar) and key.plain and (mappings := _mappings(value)):
                brought += mappings
            elif name in found:
                message = f"already given in line {found[name].place.line}"
                self._findings.add(key.place, message, path=where, code=_DUPLICATE)
            else:
                found[name] = Entry(key=name, place=key.place, value=value)
        for mapping in brought:
            found |= {entry.key: entry for entry in mapping.entries if entry.key not in found}
        return found

    def _alias(self, event: Any) -> Node:  # noqa: ANN401
        if event.anchor not in self._anchors:
            self._stop(event, f"no value was named &{event.anchor} before this")
        node, values = self._anchors[event.anchor]
        self._count(event, values)
        return node

    def _count(self, event: Any, values: int) -> None:  # noqa: ANN401
        self._values += values
        if self._values > MAX_VALUES:
            self._stop(event, f"more than {MAX_VALUES:,} values, with what aliases stand for")

    def _place(self, event: Any) -> Place:  # noqa: ANN401
        return _place_at(event.start_mark, self._shown)

    def _stop(self, event: Any, message: str) -> NoReturn:  # noqa: ANN401
        self._findings.add(self._place(event), message, code=_NO_TEXT)
        raise _StopError


def _mappings(node: Node) -> list[MapNode]:
    """Give what may be merged: a mapping, or a list of such; none when it is anything else."""
    items = list(node.items) if isinstance(node, ListNode) else [node]
    mappings = [item for item in items if isinstance(item, MapNode)]
    return mappings if len(mappings) == len(items) else []


def _place_of(before: str, shown: str) -> Place:
    lines = before.split("\n")
    return Place(file=shown, line=len(lines), column=len(lines[-1]) + 1)


def _explain(error: yaml.MarkedYAMLError, text: str, shown: str) -> tuple[Place, str, str | None]:
    """Say in words of the spec, with a hint, what pyyaml says in words of its grammar."""
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)  # what YAML calls a line
    problem = error.problem or ""
    here = _place_at(error.problem_mark or error.context_mark, shown)
    begun = _place_at(error.context_mark or error.problem_mark, shown)
    if match := re.match(r"found character '(.+)' that cannot start any token", problem):
        if match[1] == r"\t":
            return here, "a tab, where YAML wants spaces", "indent with spaces"
        return here, f"a value cannot begin with {match[1]}", "put the value in quotes"
    if problem == "mapping values are not allowed here":
        if here.line > 1 and (match := re.match(r"\s*(- +)*[\w$-]+:(?=[^\s:/])", lines[here.line - 2])):
            return Place(file=shown, line=here.line - 1, column=match.end()), "no space after the colon", None
        hint = "indent the keys of one mapping alike, and quote text that holds a colon"
        return here, "a colon that YAML does not expect here", hint
    if problem.startswith("expected <block end>"):
        return here, f"does not fit the indentation of line {begun.line}", "indent the keys of one mapping alike"
    if problem == "found unexpected end of stream":
        return begun, "the quote that opens here is not closed", None
    if problem == "could not find expected ':'":
        return begun, f"expected a colon after the key {quote(lines[begun.line - 1].strip())}", None
    if problem.startswith("expected ',' or"):
        message = f"the bracket that opens in line {begun.line} is not closed, or a comma is missing"
        return here, message, "quote text that holds any of , ? [ ] { }"
    return here, f"not YAML: {problem}", None


def _place_at(mark: Any, shown: str) -> Place:  # noqa: ANN401 - pyyaml's marks are not typed
    return Place(file=shown, line=mark.line + 1, column=mark.column + 1)


def dump_yaml(content: object) -> str:
    """Give the text of plain values as people write it, which ``parse_yaml`` reads as the same."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
