"""Shapes: the one description of what may stand in a YAML file, for its reader, its messages and its JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass

Data = str | int | float | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A number."""

    whole: bool = False
    minimum: float | None = 0
    maximum: float | None = None
    above: bool = False
    """The minimum itself is not allowed."""

    @property
    def noun(self) -> str:
        """What messages call it, with its limits."""
        kind = "a whole number" if self.whole else "a number"
        if self.minimum is None:
            return kind
        if self.maximum is None:
            return f"{kind} {'above' if self.above else 'of at least'} {self.minimum:g}"
        return f"{kind} {'above' if self.above else 'from'} {self.minimum:g} {'up ' * self.above}to {self.maximum:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text."""

    noun: str = "text"
    """What messages call it: ``a path``."""
    pattern: str | None = None
    """Regular expression that the whole text matches, anchored, in the words that Python and ECMA share."""
    choices: tuple[str, ...] = ()
    """All that may stand here; empty when anything may."""
    beside: str | None = None
    """Regular expression of what may stand here though it is no choice, anchored."""
    mistaken: tuple[tuple[str, str], ...] = ()
    """What people write, and the choice that they mean."""
    folded: bool = False
    """Choices are taken in any letter case, with or without ``_``, as Azure ML takes its enumerations."""
    same: tuple[tuple[str, str], ...] = ()
    """Folded words that are taken for a choice too, and which."""
    longest: int | None = None
    """In characters."""
    numbers: Number | None = None
    """Numbers without quotes are taken as they are spelled: what the schema, which sees no spelling, asks of them."""
    booleans: bool = False
    """``true`` and ``false`` without quotes are taken as they are spelled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Never:
    """The word ``false``, for what is not wanted."""

    noun: str = "false"


@dataclass(frozen=True, kw_only=True, slots=True)
class Anything:
    """A value that nobody here looks into."""

    noun: str = "anything"


@dataclass(frozen=True, kw_only=True, slots=True)
class Many:
    """A list with items of one shape."""

    item: Shape
    noun: str = "a list"
    some: bool = False
    """At least one item."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A mapping from names that the user chooses to values of one shape."""

    name: Text
    value: Shape
    noun: str = "a mapping"
    some: bool = False
    """At least one entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key of a table."""

    name: str
    shape: Shape
    doc: str
    required: bool = False
    default: Data | None = None
    """Taken when the key is absent; None when there is none, or when it depends on more than this (see ``doc``)."""
    example: str | None = None
    mistaken: tuple[str, ...] = ()
    """Words of other tools for the same thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A mapping with known keys."""

    keys: tuple[Key, ...]
    noun: str = "a mapping"
    short: str | None = None
    """The key that a text stands for when it is written in place of the mapping."""
    marker: str | None = None
    """A required key that tells this table from the other alternatives of an ``Either``."""
    apart: tuple[str, ...] = ()
    """Keys of those alternatives, which cannot stand beside ``marker``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Either:
    """One of several shapes: the first that may be meant, judged without its details."""

    shapes: tuple[Shape, ...]

    @property
    def noun(self) -> str:
        """What messages call it."""
        return " or ".join(dict.fromkeys(noun for shape in self.shapes for noun in nouns_of(shape)))


Shape = Text | Number | Never | Anything | Many | Named | Table | Either


def noun_of(shape: Shape) -> str:
    """Say what messages call a shape: ``a path or a mapping``."""
    return " or ".join(nouns_of(shape))


def nouns_of(shape: Shape) -> tuple[str, ...]:
    """Give the words of ``noun_of`` one by one."""
    if isinstance(shape, Text) and shape.choices:
        return (shape.choices[0] if len(shape.choices) == 1 else f"one of {', '.join(shape.choices)}",)
    if isinstance(shape, Table) and shape.short:
        return (*nouns_of(short_key(shape).shape), shape.noun)
    return (shape.noun,)


def short_key(shape: Table) -> Key:
    """Give the key that a text in place of the table stands for; only of a table with ``short``."""
    return next(key for key in shape.keys if key.name == shape.short)
