"""How a builder says what is wrong: one line that the front end finds in the log, and words for everyone else."""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

MARK = "@modelpack-problem "
_FULL = 1 << 20
"""Bytes: with less than this left, what fails does so for want of space, however it says it."""


def fail(step: str, message: str, **data: object) -> NoReturn:
    """End the build: ``step`` names what failed, ``data`` is what a hint can be made from.

    A program that another one starts seldom says why it could not write, so whether the disk is full is looked up here.
    """
    if _disk_is_full():
        step, message = "disk", f"the disk is full: {message}"
    print(message, file=sys.stderr)
    print(MARK + json.dumps({"step": step, "message": message, **data}, sort_keys=True), file=sys.stderr)
    raise SystemExit(1)


def _disk_is_full() -> bool:
    for place in (os.getcwd(), os.path.dirname(os.environ.get("out", "")) or "/"):
        state = os.statvfs(place)
        if state.f_blocks and state.f_bavail * state.f_frsize < _FULL:
            return True
    return False
