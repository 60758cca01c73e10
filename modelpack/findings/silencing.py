"""Findings that the spec declares to be meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from modelpack.errors import Problem
from modelpack.findings.codes import kinds

NO_REASON = "no reason given"


def silence(problems: Iterable[Problem], ignored: Mapping[str, str]) -> tuple[Problem, ...]:
    """Mark those of a kind that the spec silences, with its reason; what nothing can go on from stays.

    Args:
        problems: what was found.
        ignored: reasons by code.
    """
    return tuple(
        replace(problem, reason=ignored[problem.code])
        if problem.code in ignored and not kinds()[problem.code].firm
        else problem
        for problem in problems
    )
