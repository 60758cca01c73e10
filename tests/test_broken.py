"""Projects with one mistake each that people make, and healthy ones: exactly what ``modelpack check --static`` says.

A folder of ``tests/broken`` lies over ``tests/broken/project``, which is healthy. Their requirements are resolved on an
index of this machine, whose wheels are tiny (``broken_index``).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import broken_index
import example_project
import pytest
from local_index import isolate, serving

from modelpack import cli, lockfile
from modelpack.loading.native import load_spec

CASES = Path(__file__).with_name("broken")
NAMES = sorted(path.name for path in CASES.iterdir() if path.name != "project")
HEALTHY = "exit code 0\n\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    broken_index.make(folder)
    return folder


@pytest.fixture
def index(wheels, monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    for name in [name for name in os.environ if name.startswith("MODELPACK_")]:
        monkeypatch.delenv(name)
    with serving(wheels) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        yield index


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Give the healthy project, with a lock whose base is right and whose requirements are not."""
    shutil.copytree(CASES / "project", tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("MODELPACK_CACHE", str(tmp_path / "cache"))
    lock = example_project.lock_of(load_spec(Path("modelpack.yaml")), example_project.machine(tmp_path))
    lock = replace(lock, digests=replace(lock.digests, python="stale"), python=replace(lock.python, wheels=()))
    lockfile.write(lock, Path("modelpack.lock.json"))
    return tmp_path / "project"


def check(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["modelpack", "check", "--static"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return f"exit code {ended.value.code}\n{said.out}{said.err}"


@pytest.mark.parametrize("case", NAMES)
def test_a_broken_project_is_reported_in_these_words(case, project, index, monkeypatch, capsys):
    # REWRITE_EXPECTED=1 pytest tests/test_broken.py writes the reports anew, for review.
    shutil.copytree(CASES / case, project, dirs_exist_ok=True)
    (project / "expected.txt").unlink(missing_ok=True)

    found = check(monkeypatch, capsys).replace(index.url, "INDEX")

    expected = CASES / case / "expected.txt"
    if os.environ.get("REWRITE_EXPECTED"):
        expected.write_text(found)
    assert found == expected.read_text()
    assert case.startswith("healthy") == (found == HEALTHY), "healthy projects alone have nothing reported"


def test_there_are_many():
    assert len([name for name in NAMES if not name.startswith("healthy")]) >= 60
