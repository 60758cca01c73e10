"""Numbers that variables of the environment give."""

from __future__ import annotations

import os


def count(*names: str, default: int) -> int:
    """Give the number above 0 that the first variable of these which is set holds.

    Raises:
        SystemExit: it holds something else; says so.
    """
    name = next(filter(os.environ.get, names), None)
    if name is None:
        return default
    text = os.environ[name].strip()
    if not text.isdecimal() or int(text) < 1:
        raise SystemExit(f"{name}: expected a whole number above 0, found {text}")
    return int(text)
