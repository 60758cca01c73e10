"""``builders/job``: a job that is run on samples, and what has to come out."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from builder import REPOSITORY, Run

WRITE = "import os; open(os.path.join(target, 'rows.csv'), 'w').write('a,0.5\\nb,2\\n')"


# Outside of the sandbox there are the machine's own programs, which are in no package.
BUILD = "from modelpack.builders import job; job.Program.outside = lambda self: []; job.main()"


def build(plan, folder):
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps(plan))
    own = {"out": str(folder / "out"), "planPath": str(folder / "plan.json"), "NIX_BUILD_TOP": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        env=own | {"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"]},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Run(out=folder / "out", code=done.returncode, text=done.stdout)


@pytest.fixture
def job(tmp_path):
    """Run a job that is these lines of Python, with ``source`` and ``target``, on one sample."""

    def job(lines, *, expected=None, folder=None, timeout="20", tolerance="0.000001"):
        serve = tmp_path / "serve"
        program = tmp_path / "program.py"
        program.write_text(f"import sys\nsource, target = sys.argv[1:]\n{lines}\n")
        serve.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
        serve.chmod(0o755)
        samples = tmp_path / "samples/run-1"
        (samples / "request").mkdir(parents=True)
        (samples / "request/a").write_text("a")
        output = None
        if expected is not None:
            (samples / "response.csv").write_text(expected)
            output = "run-1/response.csv"
        for name, text in (folder or {}).items():
            path = samples / "response" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            output = "run-1/response"
        one = {"name": "run-1", "input": "run-1/request", "tolerance": tolerance}
        one |= {"output": output} if output else {}
        plan = {"serve": str(serve), "samples": str(tmp_path / "samples"), "timeout": timeout, "code": None}
        rest = {"stop_signal": "SIGTERM", "view": None, "emulated": False, "runs": [one]}
        return build(plan | rest, tmp_path / "work")

    return job


def test_what_came_out_is_reported_and_kept(job):
    done = job(WRITE, expected="a,0.50000001\nb,2.0\n")
    assert done.code == 0, done.text
    (report,) = json.loads((done.out / "report.json").read_text())["runs"]

    assert (report["name"], report["files"], report["bytes"]) == ("run-1", 1, 10)
    assert (done.out / "answers/run-1/rows.csv").read_text() == "a,0.5\nb,2\n"


def test_the_job_reads_the_sample(job):
    assert job("import os; assert open(source + '/a').read() == 'a'; print(sorted(os.listdir(target)))").code == 0


def test_what_a_job_wants_of_the_internet_is_reported(job):
    lines = "import socket\ntry:\n    socket.getaddrinfo('rates.invalid', 443)\nexcept OSError:\n    pass"
    done = job(lines)

    assert json.loads((done.out / "report.json").read_text())["internet"] == [
        {"file": None, "host": "rates.invalid", "library": None, "line": None}
    ]


def test_a_folder_is_expected_whole(job):
    assert job(WRITE, folder={"rows.csv": "a,0.5\nb,2\n"}).code == 0


@pytest.mark.parametrize(
    ("lines", "options", "step", "message"),
    [
        (WRITE, {"expected": "a,0.6\nb,2\n"}, "answer", "rows.csv: line 1: found 'a,0.5', expected 'a,0.6'"),
        ("", {"expected": "a"}, "answer", "expected one file, found none"),
        (WRITE, {"folder": {"x/y": "1"}}, "answer", "x/y: missing"),
        ("print('why'); sys.exit(3)", {}, "run", "run-1: the job ended with exit code 3"),
        ("import time; time.sleep(60)", {"timeout": "1"}, "run", "run-1: the job had not ended after 1 s"),
    ],
)
def test_a_job_that_does_otherwise_gives_no_package(job, lines, options, step, message):
    problem = job(lines, **options).problem

    assert problem["step"] == step
    assert message in problem["message"]
    assert ("why" in problem["log"]) == ("why" in lines)
