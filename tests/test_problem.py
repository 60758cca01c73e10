"""``problem``: how a builder says what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from modelpack.builders import problem

FAIL = "from modelpack.builders.problem import fail; fail('base', 'patchelf ended with signal 7', program='x')"


def said(command, folder):
    variables = {**os.environ, "out": f"{folder}/out"}
    done = subprocess.run(command, cwd=folder, env=variables, check=False, capture_output=True, text=True)
    line = next(line for line in done.stderr.splitlines() if line.startswith(problem.MARK))
    return done.returncode, json.loads(line.removeprefix(problem.MARK))


def test_a_problem_is_one_line_of_json(tmp_path):
    expected = {"step": "base", "message": "patchelf ended with signal 7", "program": "x"}
    assert said([sys.executable, "-c", FAIL], tmp_path) == (1, expected)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a mount")
def test_what_fails_on_a_full_disk_fails_for_that(tmp_path):
    script = 'mount -t tmpfs -o size=64k none "$1"; cd "$1"; shift; exec "$@"'
    command = ["unshare", "--mount", "sh", "-euc", script, "sh", tmp_path, sys.executable, "-c", FAIL]
    expected = {"step": "disk", "message": "the disk is full: patchelf ended with signal 7", "program": "x"}
    assert said(command, tmp_path) == (1, expected)
