"""Findings as people read them: place, what, and what to do, in lines that fit a narrow terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from modelpack.errors import ModelpackError, Problem, SpecError
from modelpack.findings.places import parse

EXPLAINED = frozenset(f"MP2{number:02}" for number in range(100))
"""Codes of errors that end a command, and have more to be said of than their message."""
_WIDTH = 80
"""Columns where there is no terminal, as in the logs of CI."""
_NARROWEST = 40
_SEVERITIES = ("error", "warning", "note")


def width() -> int:
    """Give the columns there are for a report on standard error."""
    if not sys.stderr or not sys.stderr.isatty():
        return _WIDTH
    return max(_NARROWEST, min(100, shutil.get_terminal_size((_WIDTH, 24)).columns))


def of_error(error: ModelpackError) -> tuple[Problem, ...]:
    """Give what an error says as findings."""
    if isinstance(error, SpecError):
        return (*error.problems, *error.notices)
    message = "\n".join((error.message, *(f"  {line}" for line in error.details)))
    return (Problem(where=next(iter(error.origins), ""), message=message, hint=error.hint, code=error.code),)


def text(problems: Sequence[Problem], columns: int) -> str:
    """Give a report: one block for each finding, and a line that counts them; empty for none.

    Findings that the spec silences are counted alone.
    """
    shown = [problem for problem in problems if problem.reason is None]
    blocks = [block(problem, columns) for problem in shown]
    return "\n".join([*blocks, *([summary(problems)] if problems else [])])


def block(problem: Problem, columns: int) -> str:
    """Give one finding."""
    head = f"{problem.severity} {problem.code}: " + (f"{problem.where}: " if problem.where else "")
    first, *more = problem.message.split("\n")
    lines = _wrapped(head + first, columns, "")
    for line in more:
        lines += _wrapped(line.lstrip(), columns, " " * (2 + len(line) - len(line.lstrip())))
    if problem.hint:
        lines += _wrapped(f"fix: {problem.hint}", columns, "    ")
    return "\n".join(lines)


def _wrapped(line: str, columns: int, indent: str) -> list[str]:
    return textwrap.wrap(
        line,
        columns,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def summary(problems: Iterable[Problem]) -> str:
    """Count findings: ``1 error, 2 warnings (1 silenced by the spec); modelpack explain CODE says more``."""
    problems = list(problems)
    counted = Counter(problem.severity for problem in problems if problem.reason is None)
    parts = [f"{counted[name]} {name}{'s' if counted[name] != 1 else ''}" for name in _SEVERITIES if counted[name]]
    silenced = sum(problem.reason is not None for problem in problems)
    text = ", ".join(parts) or "nothing found"
    return (
        text
        + (f" ({silenced} silenced by the spec)" if silenced else "")
        + ("; modelpack explain CODE says more" if parts else "")
    )


def to_json(problem: Problem) -> dict[str, object]:
    """Give a finding for programs."""
    where = parse(problem.where)
    return {
        "code": problem.code,
        "severity": problem.severity,
        "file": where.file,
        "line": where.line,
        "column": where.column,
        "key": where.key,
        "message": problem.message,
        "remedy": problem.hint,
        "silenced": problem.reason,
    }


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort findings: errors first, each kind of severity by place; the same one once."""
    unique = dict.fromkeys(problems)

    def key(problem: Problem) -> tuple[int, str, int, int]:
        where = parse(problem.where)
        return _SEVERITIES.index(problem.severity), where.file or "", where.line or 0, where.column or 0

    return tuple(sorted(unique, key=key))


def lines(problems: Iterable[Problem]) -> Iterator[str]:
    """Give each finding that is not silenced as text for a log."""
    columns = width()
    return (block(problem, columns) for problem in problems if problem.reason is None)
