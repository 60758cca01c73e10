"""What ``modelpack check`` says of an input without building anything."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from modelpack.building import Examined, refuse
from modelpack.delivery.atomic import new_file
from modelpack.errors import FindingsError, Problem, StrictError
from modelpack.findings import report
from modelpack.findings.sarif import sarif


def all_of(examined: Examined) -> tuple[Problem, ...]:
    """Give everything that was found, what the error says too, in order."""
    return report.ordered((*examined.findings, *(report.of_error(examined.error) if examined.error else ())))


def text(found: Sequence[Problem]) -> str:
    """Give the report for people."""
    return report.text(found, report.width())


def write_sarif(found: Sequence[Problem], path: Path, given: Path) -> None:
    """Write a SARIF log, whole or not at all.

    Args:
        found: what it says.
        path: of the log.
        given: the file or folder that was checked.

    Raises:
        ExportError: it cannot be written.
    """
    with new_file(path) as file:
        file.write((json.dumps(sarif(found, _subject(given)), indent=2, ensure_ascii=False) + "\n").encode())


def _subject(given: Path) -> str:
    """Name the file that a folder's check is about."""
    names = ("modelpack.yaml", "MLmodel") if given.is_dir() else ()
    return os.path.relpath(next((given / name for name in names if (given / name).is_file()), given))


def exit_code(examined: Examined, *, strict: bool) -> int:
    """Give how a program ends that only reports."""
    if examined.error:
        return examined.error.exit_code
    try:
        refuse(examined.findings, strict=strict)
    except (FindingsError, StrictError) as error:
        return error.exit_code
    return 0
