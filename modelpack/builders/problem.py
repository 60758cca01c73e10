"""How a builder says what is wrong: one line that the front end finds in the log, and words for everyone else."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

MARK = "@modelpack-problem "


def fail(step: str, message: str, **data: object) -> NoReturn:
    """End the build: ``step`` names what failed, ``data`` is what a hint can be made from."""
    print(message, file=sys.stderr)
    print(MARK + json.dumps({"step": step, "message": message, **data}, sort_keys=True), file=sys.stderr)
    raise SystemExit(1)
