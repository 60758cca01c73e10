"""Pythons that are not the usual suite's: real packages with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from real_project import CHECKOUT, build

pytestmark = [pytest.mark.nix, pytest.mark.network]


def starter(folder, python, more=""):
    """Give the starter with a server of its own for another Python, in words that all of them have."""
    shutil.copytree(CHECKOUT / "templates/custom-flask", folder)
    spec = folder / "modelpack.yaml"
    text = spec.read_text().replace('python: "3.11"\n', f"{python}\n{more}")
    spec.write_text(text.replace("gunicorn==27.0.1", "gunicorn").replace('"--no-control-socket", ', ""))
    code = folder / "src/app.py"
    code.write_text(code.read_text().replace(", strict=True", ""))
    return folder


def test_a_python_that_an_older_suite_has_takes_that_suite_and_newer_tools(tmp_path):
    folder = starter(tmp_path / "old", 'python: "3.9"')
    built = build(folder, tmp_path / "cache")
    lock = json.loads((folder / "modelpack.lock.json").read_text())

    assert built["checked"]
    assert built["hermetic"]
    assert (lock["base"]["suite"], lock["base"]["tools_suite"], lock["base"]["tools_python"]) == (
        "bullseye",
        "bookworm",
        "3.11",
    )
    environment = Path(built["store_path"], "share/modelpack/environment").resolve()
    site = environment / "lib/python3.9/site-packages/flask"
    assert (site / "__pycache__/app.cpython-39.pyc").is_file()
