"""Findings in SARIF 2.1.0 (OASIS), which code hosts and editors show at the lines of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modelpack import __version__
from modelpack.errors import Problem
from modelpack.findings.codes import Kind, kinds
from modelpack.findings.places import parse

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(problems: Sequence[Problem], subject: str) -> dict[str, Any]:
    """Give the log of one run.

    Args:
        problems: what was found.
        subject: the file that was checked, as seen from where the user is. What is about no file is shown there, since
            code hosts refuse results without one.
    """
    codes = sorted({problem.code for problem in problems})
    known = kinds()
    driver = {
        "name": "modelpack",
        "version": __version__,
        "rules": [_rule(known[code]) for code in codes],
    }
    results = [_result(problem, codes.index(problem.code), subject) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: Kind) -> dict[str, Any]:
    return {
        "id": kind.code,
        "shortDescription": {"text": kind.title},
        "fullDescription": {"text": kind.meaning},
        "help": {"text": kind.remedy},
        "defaultConfiguration": {"level": kind.severity},
    }


def _result(problem: Problem, index: int, subject: str) -> dict[str, Any]:
    message = problem.message + (f"\nFix: {problem.hint}" if problem.hint else "")
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": message},
        "locations": [_location(problem.where, subject)],
    }
    if problem.reason is not None:
        result["suppressions"] = [{"kind": "external", "justification": problem.reason}]
    return result


def _location(text: str, subject: str) -> dict[str, Any]:
    where = parse(text)
    file = where.file or subject
    address = Path(file).as_uri() if file.startswith("/") else quote(file)
    region = {"startLine": where.line or 1} | ({"startColumn": where.column} if where.column else {})
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": address}, "region": region}}
    if where.key:
        location["logicalLocations"] = [{"fullyQualifiedName": where.key}]
    return location
