"""Order of Debian version numbers, as section 5.6.12 of the Debian Policy Manual defines it."""

from __future__ import annotations

import functools
import re

Key = tuple[int, tuple[tuple[tuple[int, ...], int], ...], tuple[tuple[tuple[int, ...], int], ...]]

_VERSION = re.compile(
    r"(?:(?P<epoch>[0-9]+):)?"
    r"(?:(?P<upstream>[A-Za-z0-9.+~-]+)-(?P<revision>[A-Za-z0-9.+~]+)|(?P<native>[A-Za-z0-9.+~]+))"
)
_RUN = re.compile(r"([^0-9]*)([0-9]*)")
_END = ((0,), 0)


@functools.lru_cache(maxsize=4096)
def key(version: str) -> Key:
    """Give what sorts versions when compared with ``<``.

    Raises:
        ValueError: it is not a Debian version number.
    """
    match = _match(version)
    return int(match["epoch"] or 0), _part_key(_upstream(match)), _part_key(match["revision"] or "0")


def upstream(version: str) -> str:
    """Give the upstream part: ``2.36`` of ``2.36-9+deb12u14``.

    Raises:
        ValueError: it is not a Debian version number.
    """
    return _upstream(_match(version))


def compare(first: str, second: str) -> int:
    """Give -1, 0 or 1 when ``first`` is earlier than, equal to or later than ``second``.

    Raises:
        ValueError: one of them is not a Debian version number.
    """
    a, b = key(first), key(second)
    return (a > b) - (a < b)


def satisfies(version: str, operator: str, wanted: str) -> bool:
    """Tell whether ``version`` is within a relation such as ``>= 1.2``.

    Args:
        version: the version at hand.
        operator: ``<<``, ``<=``, ``=``, ``>=``, ``>>``, or the obsolete ``<`` and ``>``, which mean or-equal.
        wanted: the version that the relation names.

    Raises:
        ValueError: a version number or the operator is not one.
    """
    order = compare(version, wanted)
    match operator:
        case "<<":
            return order < 0
        case "<=" | "<":
            return order <= 0
        case "=":
            return order == 0
        case ">=" | ">":
            return order >= 0
        case ">>":
            return order > 0
        case _:
            raise ValueError(f"not an operator of Debian relations: {operator!r}")


def _match(version: str) -> re.Match[str]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"not a Debian version number: {version!r}")
    return match


def _upstream(match: re.Match[str]) -> str:
    found: str = match["upstream"] or match["native"]
    return found


def _part_key(part: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Cut into runs of other characters and of digits; the end sorts after ``~`` and before all else."""
    runs = _RUN.findall(part)[:-1]
    return (*((_text_key(text), int(digits or 0)) for text, digits in runs), _END)


def _text_key(text: str) -> tuple[int, ...]:
    return (*(_character_key(character) for character in text), 0)


def _character_key(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) + (0 if character.isalpha() else 256)
