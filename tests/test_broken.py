"""Projects with one mistake each that people make, and healthy ones: exactly what ``modelpack check --static`` says.

A folder of ``tests/broken`` lies over ``tests/broken/project``, which is healthy. Their requirements are resolved on an
index of this machine, whose wheels are tiny (``broken_index``).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import broken_index
import pytest
from local_index import isolate, serving
from static_check import check, without_settings, write_stale_lock

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
    without_settings(monkeypatch, tmp_path)
    with serving(wheels) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        yield index


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Give the healthy project, with a lock whose base is right and whose requirements are not."""
    shutil.copytree(CASES / "project", tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    write_stale_lock(Path("modelpack.yaml"), tmp_path)
    return tmp_path / "project"


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
    healthy = [name for name in NAMES if name.startswith("healthy")]
    assert len(healthy) >= 12
    assert len(NAMES) - len(healthy) >= 110
