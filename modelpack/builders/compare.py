"""Holds an answer against the expected one."""

from __future__ import annotations

import contextlib
import json
import math
import re
from typing import TypeGuard

# Not a sign within a word or after another number, as in a date.
_NUMBER = re.compile(r"(?<![\w.+-])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")


def differences(found: bytes, expected: bytes, tolerance: float, *, lines: bool = False) -> list[str]:
    """Give what differs, one line each, with its JSON path; nothing when the answers agree.

    JSON is compared by value, numbers ``a`` (found) and ``b`` (expected) with ``|a - b| <= tolerance * max(1, |b|)``;
    a string that holds JSON, as servers send when a scoring routine returns text, is looked into. Anything else has to
    be the same bytes, but for white space at the end; with ``lines``, texts are compared line by line, and numbers in
    them, whatever stands between these, as in JSON.
    """
    left, right = _parse(found), _parse(expected)
    if left and right:
        with contextlib.suppress(RecursionError):
            return _compare(left[0], right[0], "$", tolerance)
    same = found.rstrip() == expected.rstrip()
    if lines and not same:
        with contextlib.suppress(UnicodeDecodeError):
            return _compare_lines(found.decode().splitlines(), expected.decode().splitlines(), tolerance)
    return [] if same else [f"found {_shown(found)}, expected {_shown(expected)}"]


def _compare_lines(found: list[str], expected: list[str], tolerance: float) -> list[str]:
    pairs = enumerate(zip(found, expected, strict=False), 1)
    wrong = [(number, a, b) for number, (a, b) in pairs if not _alike(a, b, tolerance)]
    differing = [f"line {number}: found {a[:200]!r}, expected {b[:200]!r}" for number, a, b in wrong]
    counts = [] if len(found) == len(expected) else [f"found {len(found)} lines, expected {len(expected)}"]
    return differing + counts


def _alike(found: str, expected: str, tolerance: float) -> bool:
    if _NUMBER.split(found) != _NUMBER.split(expected):
        return False
    pairs = zip(_NUMBER.findall(found), _NUMBER.findall(expected), strict=True)
    return all(a == b or _close(float(a), float(b), tolerance) for a, b in pairs)


def _parse(data: bytes | str) -> tuple[object] | None:
    try:
        return (json.loads(data),)
    except (ValueError, RecursionError):
        return None


def _compare(found: object, expected: object, path: str, tolerance: float) -> list[str]:
    if isinstance(found, str) and isinstance(expected, str) and found != expected:
        left, right = _parse(found), _parse(expected)
        if left and right and isinstance(left[0], dict | list):
            return _compare(left[0], right[0], path, tolerance)
    if isinstance(found, dict) and isinstance(expected, dict):
        return _compare_objects(found, expected, path, tolerance)
    if isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            return [f"{path}: found {len(found)} items, expected {len(expected)}"]
        pairs = enumerate(zip(found, expected, strict=True))
        return [line for index, (a, b) in pairs for line in _compare(a, b, f"{path}[{index}]", tolerance)]
    if _number(found) and _number(expected):
        return [] if _close(found, expected, tolerance) else [_line(path, found, expected)]
    return [] if found == expected and type(found) is type(expected) else [_line(path, found, expected)]


def _compare_objects(found: dict[str, object], expected: dict[str, object], path: str, tolerance: float) -> list[str]:
    lines = [f"{path}.{key}: missing" for key in expected if key not in found]
    lines += [f"{path}.{key}: not expected" for key in found if key not in expected]
    for key, value in expected.items():
        if key in found:
            lines += _compare(found[key], value, f"{path}.{key}", tolerance)
    return lines


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _close(found: float, expected: float, tolerance: float) -> bool:
    try:
        if math.isnan(expected) or math.isinf(expected):
            return found == expected or (math.isnan(found) and math.isnan(expected))
        return abs(found - expected) <= tolerance * max(1.0, abs(expected))
    except OverflowError:  # an integer that no float holds
        return found == expected


def _line(path: str, found: object, expected: object) -> str:
    return f"{path}: found {json.dumps(found)[:200]}, expected {json.dumps(expected)[:200]}"


def _shown(data: bytes) -> str:
    return repr(data[:200].decode("utf-8", "replace"))
