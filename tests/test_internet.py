"""What a check notices of code that wants the internet."""

from __future__ import annotations

import subprocess
import sys

import pytest
from real_project import run

from modelpack.builders.attempts import Watch
from modelpack.findings.internet import problems

ASKS = """\
import multiprocessing
import socket
import sys


def ask(host):
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        pass


if __name__ == "__main__":
    ask("localhost")
    ask("127.0.0.1")
    ask("weights.invalid")
    worker = multiprocessing.get_context("spawn").Process(target=ask, args=("worker.invalid",))
    worker.start()
    worker.join()
    print(sys.path[0])
"""


@pytest.fixture
def code(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/score.py").write_text(ASKS)
    (tmp_path / "serve").write_text(
        f"#!/bin/sh\nset -eu\nunset PYTHONPATH\nexec {sys.executable} {tmp_path}/code/score.py\n"
    )
    return tmp_path / "code"


def test_hosts_are_noted_with_the_line_of_the_users_code_in_workers_too(code, tmp_path):
    watch = Watch(str(tmp_path / "watch"), str(code))

    said = subprocess.run([watch.started_by(str(tmp_path / "serve"))], check=True, capture_output=True, text=True)

    assert said.stdout == f"{code}\n"
    assert said.stderr == ""
    assert watch.attempts() == [
        {"file": "score.py", "host": "weights.invalid", "library": None, "line": 8},
        {"file": "score.py", "host": "worker.invalid", "library": None, "line": 8},
    ]


def test_a_program_that_asks_nobody_has_no_notes(code, tmp_path):
    (code / "score.py").write_text("print(1)\n")
    watch = Watch(str(tmp_path / "watch"), None)

    subprocess.run([watch.started_by(str(tmp_path / "serve"))], check=True, capture_output=True)

    assert watch.attempts() == []


def test_the_module_that_is_hidden_is_run_as_ever(code, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("print('as ever')\n")
    (code / "score.py").write_text("")
    serve = tmp_path / "serve"
    serve.write_text(serve.read_text().replace("unset PYTHONPATH", f"export PYTHONPATH={other}"))
    watch = Watch(str(tmp_path / "watch"), str(code))

    said = subprocess.run([watch.started_by(str(serve))], check=True, capture_output=True, text=True)

    assert said.stdout == "as ever\n"


@pytest.mark.parametrize(
    ("host", "said", "hint"),
    [
        ("cdn-lfs.huggingface.example", "downloads from", "HF_HUB_OFFLINE=1"),
        ("eu.posthog.example", "reports its use to", "telemetry"),
        ("rates.example", "wants", "as model or as input"),
    ],
)
def test_hubs_and_telemetry_are_told_apart(host, said, hint):
    (found,) = problems([{"host": host, "file": "score.py", "line": 8, "library": "lib"}], "code")

    assert (found.where, found.code, found.severity) == ("code/score.py:8", "MP309", "warning")
    assert found.message.startswith(f"{said} {host} through lib")
    assert hint in found.hint


@pytest.mark.nix
@pytest.mark.network
def test_a_right_answer_in_spite_of_it_is_a_warning(demo, tmp_path):
    project = demo.copy(tmp_path / "demo")
    score = project / "src/score.py"
    lookup = "    import socket\n\n    _try(socket)\n"
    text = score.read_text(encoding="utf-8").replace("def init():\n", f"def init():\n{lookup}", 1)
    helper = "\n\ndef _try(socket):\n    try:\n        socket.getaddrinfo('weights.invalid', 443)\n"
    score.write_text(f"{text}{helper}    except OSError:\n        pass\n", encoding="utf-8")

    code, _, err = run("build", cwd=project, cache=demo.cache)

    assert code == 0, err
    line = (
        score.read_text(encoding="utf-8").splitlines().index("        socket.getaddrinfo('weights.invalid', 443)") + 1
    )
    assert f"warning MP309: code/score.py:{line}: wants weights.invalid" in err
