"""What is found in what requirements resolve to: downgrades, withdrawn releases, limits of Python, names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from example_lock import data
from local_index import Notes, isolate, make_wheel, serving

from modelpack.codec import from_json
from modelpack.findings import names, resolved
from modelpack.loading.native import load_spec
from modelpack.lock import Lock, LockedRequirement
from modelpack.locking.machine import Machine
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope
from modelpack.settings import Settings


@pytest.fixture
def folder(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def found(folder, monkeypatch, tmp_path):
    """Resolve requirements, each on a line of its own, and give what is found as code, place and message."""
    (tmp_path / "project/model").mkdir(parents=True)
    (tmp_path / "project/model/weights.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "project")
    machine = Machine(settings=Settings(), cache=tmp_path / "cache", progress=Notes())

    def found(*requirements, injected=(), facts=None):
        lines = "".join(f"  - {text}\n" for text in requirements)
        text = f"name: demo\nmodel: ./model\nrequirements:\n{lines}server: {{name: custom, command: x, port: 1,"
        text += " routes: {readiness: /, scoring: /score}}\ncheck: false\n"
        Path("modelpack.yaml").write_text(text)
        spec = load_spec(Path())
        asked = [LockedRequirement(requirement=one.text, origin=one.origin) for one in spec.requirements]
        asked += [LockedRequirement(requirement=one, origin="server x") for one in injected]
        with serving(folder) as index:
            monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
            index.facts.update(facts or {})
            options = {"python": "3.11.2", "platform": "linux/amd64", "glibc": "2.36", "progress": Notes()}
            wheels = resolve(asked, cache=machine.cache, scope=Scope(Path.cwd()), **options)
            lock = from_json(Lock, data())
            lock = replace(lock, python=replace(lock.python, requirements=tuple(asked), wheels=wheels))
            problems, complete = resolved.problems(spec, lock, machine)
        assert complete
        return [(problem.code, problem.where, problem.message) for problem in problems]

    return found


def test_a_release_that_another_requirement_holds_back_is_told_with_the_reason(found, folder):
    make_wheel(folder, "server-http", "1.0")
    make_wheel(folder, "server-http", "2.0", requires=["base<2"])
    make_wheel(folder, "base", "2.0")
    ((code, where, message),) = found("base>=2", injected=["server-http"])
    assert (code, where) == ("MP206", "modelpack.yaml:5:1: server")
    assert message == (
        "server-http is open, and got 1.0; the newest is 2.0, "
        "which requires base<2, and base 2.0 is in the package because of base>=2"
    )


def test_a_bound_of_another_distribution_is_told(found, folder):
    make_wheel(folder, "thing", "1.0")
    make_wheel(folder, "thing", "3.0")
    make_wheel(folder, "other", "1.0", requires=["thing<2"])
    assert found("thing", "other") == [
        (
            "MP206",
            "modelpack.yaml:4",
            "thing is open, and got 1.0; the newest is 3.0, which other 1.0 does not allow: it requires thing<2",
        )
    ]


def test_a_release_for_another_python_is_told_when_it_is_a_major_version_newer(found, folder):
    make_wheel(folder, "thing", "1.0")
    make_wheel(folder, "thing", "2.0", python=">=3.13")
    make_wheel(folder, "other", "1.0")
    make_wheel(folder, "other", "1.1", python=">=3.13")
    facts = {f"{name}-py3-none-any.whl": {"requires-python": ">=3.13"} for name in ("thing-2.0", "other-1.1")}
    ((code, where, message),) = found("thing", "other", facts=facts)
    assert (code, where) == ("MP206", "modelpack.yaml:4")
    assert message == ("thing is open, and got 1.0; the newest is 2.0, which needs Python >=3.13, the package has 3.11")


def test_a_release_that_is_years_older_is_told_with_both_days(found, folder):
    make_wheel(folder, "thing", "1.0")
    make_wheel(folder, "thing", "1.9", tag="cp313-cp313-manylinux_2_28_x86_64")
    facts = {
        "thing-1.0-py3-none-any.whl": {"upload-time": "2019-06-25T00:00:00Z"},
        "thing-1.9-cp313-cp313-manylinux_2_28_x86_64.whl": {"upload-time": "2026-02-25T00:00:00Z"},
    }
    ((code, _, message),) = found("thing", facts=facts)
    assert code == "MP206"
    assert "got 1.0 of 2019-06-25; the newest is 1.9 of 2026-02-25, which has no wheel for Python 3.11" in message


def test_a_withdrawn_release_is_told_with_its_reason(found, folder):
    make_wheel(folder, "thing", "1.0")
    facts = {"thing-1.0-py3-none-any.whl": {"yanked": "it is\nbroken"}}
    assert found("thing==1.0", facts=facts) == [
        ("MP208", "modelpack.yaml:4", "thing 1.0 was withdrawn by its authors: it is broken")
    ]


def test_a_young_name_near_a_known_one_is_told(found, folder):
    make_wheel(folder, "reqeusts", "1.0")
    facts = {"reqeusts-1.0-py3-none-any.whl": {"upload-time": "2026-10-01T00:00:00Z"}}
    ((code, _, message),) = found("reqeusts", facts=facts)
    assert code == "MP211"
    assert message.startswith("reqeusts is one slip of the pen away from requests, and hardly known: 1 release,")


def test_an_upper_bound_on_python_is_told(found, folder):
    make_wheel(folder, "thing", "1.0", python=">=3.8,<3.10")
    assert found("thing") == [
        (
            "MP209",
            "modelpack.yaml:4",
            "thing 1.0 says that it does not run on Python 3.11.0: Requires-Python >=3.8,<3.10",
        )
    ]


def test_exact_requirements_and_newest_releases_are_no_findings(found, folder):
    make_wheel(folder, "thing", "1.0")
    make_wheel(folder, "thing", "2.0")
    make_wheel(folder, "other", "2.0")
    assert found("thing==1.0", "other") == []


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("reqeusts", "requests", True),
        ("request", "requests", True),
        ("requestss", "requests", True),
        ("rewuests", "requests", True),
        ("requests", "requests-oauthlib", False),
        ("scipy", "numpy", False),
        ("ray", "rax", False),
    ],
)
def test_a_slip_of_the_pen_is_one_letter(one, other, near):
    assert names._one_slip(one, other) is near
