"""YAML nodes held against their shape."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from modelpack.loading.shape import (
    Anything,
    Data,
    Either,
    Key,
    Many,
    Named,
    Never,
    Number,
    Shape,
    Table,
    Text,
    noun_of,
    short_key,
)
from modelpack.loading.yamlfile import (
    Fault,
    Findings,
    ListNode,
    MapNode,
    Node,
    Place,
    Scalar,
    describe,
    join_path,
    quote,
)

_UNKNOWN, _MISSING, _WRONG = "MP101", "MP102", "MP103"
_FEW = 8
"""Keys that a message can list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A value of the right shape, and where it stands."""

    place: Place
    path: str
    """Key path, for messages."""
    data: Data | tuple[Value, ...] | Mapping[str, Value]
    wrong: frozenset[str] = frozenset()
    """Keys of a table that were given, but not kept."""
    node: Node | None = None
    """What was written; only of an ``Anything``."""

    @property
    def text(self) -> str:
        """The text; only of a ``Text``."""
        return cast("str", self.data)

    @property
    def items(self) -> tuple[Value, ...]:
        """The items; only of a ``Many``."""
        return cast("tuple[Value, ...]", self.data)

    @property
    def fields(self) -> Mapping[str, Value]:
        """The values by key, right ones and defaults only; of a ``Named`` or a ``Table``."""
        return cast("Mapping[str, Value]", self.data)

    @property
    def number(self) -> float:
        """The number; only of a ``Number``."""
        return cast("float", self.data)

    def get_text(self, key: str) -> str | None:
        """Give the text at ``key`` of a table; None when it is absent or wrong."""
        return self.fields[key].text if key in self.fields else None

    def get_number(self, key: str) -> float | None:
        """Give the number at ``key`` of a table; None when it is absent or wrong."""
        return self.fields[key].number if key in self.fields else None

    def get_texts(self, key: str) -> tuple[str, ...] | None:
        """Give the texts of the list at ``key`` of a table; None when it is absent or wrong."""
        return tuple(item.text for item in self.fields[key].items) if key in self.fields else None

    def get_mapping(self, key: str) -> dict[str, str]:
        """Give the texts of the mapping at ``key`` of a table; empty when it is absent or wrong."""
        return {name: item.text for name, item in self.fields[key].fields.items()} if key in self.fields else {}


def nearest(found: str, names: Iterable[str]) -> str | None:
    """Give the name that was probably meant; None when nothing is near."""
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(found.lower(), by_lower, n=1, cutoff=0.65)
    return by_lower[close[0]] if close else None


def near(found: str, names: Iterable[str]) -> str | None:
    """Give the hint with the name that was probably meant."""
    name = nearest(found, names)
    return f"did you mean {name}?" if name else None


def read(shape: Shape, node: Node, path: str, findings: Findings) -> Value | None:
    """Read a node that has to have ``shape``; None when it is wrong as a whole, which is then found.

    Parts of lists and mappings that are wrong are left out, so that the rest can be judged too.
    """
    chosen = _choose(shape, node)
    if chosen is None:
        message = f"expected {noun_of(shape)}, found {describe(node)}"
        findings.add(node.place, message, _spelling(shape, node), path=path, code=_WRONG)
        return None
    if isinstance(chosen, Anything):
        return Value(place=node.place, path=path, data="", node=node)
    if isinstance(node, Scalar):
        return _read_scalar(chosen, node, path, findings)
    if isinstance(node, ListNode):
        return _read_list(cast("Many", chosen), node, path, findings)
    if isinstance(chosen, Named):
        return _read_named(chosen, node, path, findings)
    return _read_table(cast("Table", chosen), node, path, findings)


def _choose(shape: Shape, node: Node) -> Shape | None:
    """Give the simple shape that a node is probably meant to have; None when it cannot be this one."""
    if isinstance(shape, Either):
        return next((chosen for one in shape.shapes if (chosen := _choose(one, node))), None)
    if isinstance(shape, Anything):
        return shape
    if isinstance(node, Scalar):
        return shape if _may_be(shape, node) else None
    if isinstance(node, ListNode):
        return shape if isinstance(shape, Many) else None
    if isinstance(shape, Table) and shape.marker:
        return shape if any(entry.key == shape.marker for entry in node.entries) else None
    return shape if isinstance(shape, Named | Table) else None


def _spelling(shape: Shape, node: Node) -> str | None:
    """Give a hint when another spelling of the same value would do."""
    shapes = shape.shapes if isinstance(shape, Either) else (shape,)
    if not isinstance(node, Scalar):
        return None
    for one in shapes:
        if isinstance(one, Text) and node.kind != "text" and not _judge_text(one, node.text):
            return 'an empty text is ""' if node.kind == "null" else f'put it in quotes: "{node.text}"'
        if isinstance(one, Number) and Scalar(place=node.place, text=node.text, plain=True).kind == "number":
            return "leave out the quotes"
        if isinstance(one, Never) and node.text.lower() in ("no", "off", "false"):
            return "write false, without quotes"
    return None


def _may_be(shape: Shape, node: Scalar) -> bool:
    if isinstance(shape, Text):
        return {"text": True, "number": shape.numbers is not None, "boolean": shape.booleans}.get(node.kind, False)
    if isinstance(shape, Never):
        return node.kind == "boolean" and node.text.lower() == "false"
    if isinstance(shape, Table) and shape.short:
        return _choose(short_key(shape).shape, node) is not None
    return isinstance(shape, Number) and node.kind == "number"


def _read_scalar(shape: Shape, node: Scalar, path: str, findings: Findings) -> Value | None:
    if isinstance(shape, Table):
        short = short_key(shape)
        value = read(short.shape, node, path, findings)
        fields = {short.name: value} if value else {}
        data = _defaults(shape, {short.name}, node.place, path) | fields
        return Value(place=node.place, path=path, data=data, wrong=frozenset({short.name} - fields.keys()))
    if isinstance(shape, Never):
        return Value(place=node.place, path=path, data=False)
    if isinstance(shape, Number):
        return _read_number(shape, node, path, findings)
    assert isinstance(shape, Text)  # noqa: S101 - told apart by _choose
    text = _unfold(shape, _whole(shape, node))
    if fault := _judge_text(shape, text):
        findings.add(node.place, *fault, path=path, code=_WRONG)
        return None
    return Value(place=node.place, path=path, data=text)


def _whole(shape: Text, node: Scalar) -> str:
    """Give a whole number as digits alone, however it is spelled, since a schema does not tell 5001.0 from 5001."""
    spelled = node.kind == "number" and shape.numbers and shape.numbers.whole and re.search("[.eE]", node.text)
    number = float(node.text) if spelled else 0.5
    return str(int(number)) if number.is_integer() else node.text


def _unfold(shape: Text, text: str) -> str:
    """Give the choice that another spelling of it stands for."""
    if not shape.folded:
        return text
    word = text.lower().replace("_", "")
    return next(
        (choice for choice in shape.choices if choice.replace("_", "") == word), dict(shape.same).get(word, text)
    )


def _judge_text(shape: Text, text: str) -> Fault | None:
    if shape.longest is not None and len(text) > shape.longest:
        return f"expected at most {shape.longest} characters, found {len(text)}: {quote(text)}", None
    if shape.choices and text not in shape.choices and not (shape.beside and re.fullmatch(shape.beside, text)):
        meant = dict(shape.mistaken).get(text.lower())
        hint = f"did you mean {meant}?" if meant else near(text, shape.choices)
        return f"expected {noun_of(shape)}, found {quote(text)}", hint
    if shape.pattern and not re.fullmatch(shape.pattern, text):
        return f"expected {shape.noun}, found {quote(text) if text else 'an empty text'}", None
    return None


def _read_number(shape: Number, node: Scalar, path: str, findings: Findings) -> Value | None:
    number = float(node.text)
    low = shape.minimum is not None and (number <= shape.minimum if shape.above else number < shape.minimum)
    high = shape.maximum is not None and number > shape.maximum
    if low or high or (shape.whole and not number.is_integer()):
        findings.add(node.place, f"expected {shape.noun}, found {node.text}", path=path, code=_WRONG)
        return None
    return Value(place=node.place, path=path, data=int(number) if shape.whole else number)


def _read_list(shape: Many, node: ListNode, path: str, findings: Findings) -> Value | None:
    if shape.some and not node.items:
        findings.add(node.place, f"expected {shape.noun}, found an empty list", path=path, code=_WRONG)
        return None
    items = (read(shape.item, item, f"{path}[{index}]", findings) for index, item in enumerate(node.items))
    return Value(place=node.place, path=path, data=tuple(item for item in items if item))


def _read_named(shape: Named, node: MapNode, path: str, findings: Findings) -> Value | None:
    if shape.some and not node.entries:
        findings.add(node.place, f"expected {shape.noun}, found an empty mapping", path=path, code=_WRONG)
        return None
    fields = {}
    for entry in node.entries:
        where = join_path(path, entry.key)
        fault = _judge_text(shape.name, entry.key)
        if fault:
            findings.add(entry.place, *fault, path=where, code=_WRONG)
        value = read(shape.value, entry.value, where, findings)
        if value and not fault:
            fields[entry.key] = value
    return Value(place=node.place, path=path, data=fields)


def _read_table(shape: Table, node: MapNode, path: str, findings: Findings) -> Value:
    known = {key.name: key for key in shape.keys}
    given = set()
    fields = {}
    for entry in node.entries:
        where = join_path(path, entry.key)
        if shape.marker and entry.key in shape.apart:
            findings.add(entry.place, f"cannot stand beside {join_path(path, shape.marker)}", path=where)
        elif entry.key not in known:
            meant, hint = _meant(entry.key, shape)
            given.add(meant)
            findings.add(entry.place, "unknown key", hint, path=where, code=_UNKNOWN)
        else:
            given.add(entry.key)
            if value := read(known[entry.key].shape, entry.value, where, findings):
                fields[entry.key] = value
    for key in shape.keys:
        if key.required and key.name not in given:
            hint = f"write {key.name}: {key.example}" if key.example else None
            findings.add(node.place, "missing", hint, path=join_path(path, key.name), code=_MISSING)
    data = _defaults(shape, given, node.place, path) | fields
    return Value(place=node.place, path=path, data=data, wrong=frozenset(given & known.keys() - fields.keys()))


def _meant(name: str, shape: Table) -> tuple[str, str | None]:
    """Give the key that an unknown one was probably meant to be, empty when none is near, and a hint."""
    names = [key.name for key in shape.keys]
    meant = next((key.name for key in shape.keys if name.lower() in key.mistaken), None) or nearest(name, names)
    if meant:
        return meant, f"did you mean {meant}?"
    if home := _home_of(name, shape):
        return "", f"it belongs to {home}: {home}.{name}"
    return "", f"known: {', '.join(names)}" if len(names) <= _FEW else None


def _home_of(name: str, shape: Shape) -> str | None:
    """Give the key below ``shape`` whose table has the key ``name``."""
    if not isinstance(shape, Table):
        return None
    for key in shape.keys:
        inner = key.shape.shapes if isinstance(key.shape, Either) else (key.shape,)
        if any(name in (part.name for part in table.keys) for table in inner if isinstance(table, Table)):
            return key.name
    return None


def _defaults(shape: Table, given: set[str], place: Place, path: str) -> dict[str, Value]:
    fields = {}
    for key in shape.keys:
        node = None if key.name in given else _default_node(key, place)
        if node and (value := read(key.shape, node, join_path(path, key.name), Findings())):
            fields[key.name] = value
    return fields


def _default_node(key: Key, place: Place) -> Node | None:
    """Give what an absent key stands for: its default, or an empty table when nothing in it is required."""
    if key.default is not None:
        return Scalar(place=place, text=str(key.default), plain=not isinstance(key.default, str))
    if isinstance(key.shape, Table) and not any(inner.required for inner in key.shape.keys):
        return MapNode(place=place, entries=())
    return None
