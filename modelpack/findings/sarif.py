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


def sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """Give the log of one run."""
    codes = sorted({problem.code for problem in problems})
    known = kinds()
    driver = {
        "name": "modelpack",
        "version": __version__,
        "rules": [_rule(known[code]) for code in codes],
    }
    results = [_result(problem, codes.index(problem.code)) for problem in problems]
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


def _result(problem: Problem, index: int) -> dict[str, Any]:
    message = problem.message + (f"\nFix: {problem.hint}" if problem.hint else "")
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": message},
        "locations": [_location(problem.where)],
    }
    if problem.reason is not None:
        result["suppressions"] = [{"kind": "external", "justification": problem.reason}]
    return result


def _location(text: str) -> dict[str, Any]:
    where = parse(text)
    location: dict[str, Any] = {}
    if where.file:
        address = Path(where.file).as_uri() if where.file.startswith("/") else quote(where.file)
        physical: dict[str, Any] = {"artifactLocation": {"uri": address}}
        if where.line:
            physical["region"] = {"startLine": where.line} | ({"startColumn": where.column} if where.column else {})
        location["physicalLocation"] = physical
    if where.key:
        location["logicalLocations"] = [{"fullyQualifiedName": where.key}]
    return location
