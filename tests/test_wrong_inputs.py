"""A corpus of wrong inputs: for each the exact report, all problems at once, in their places, and the exit code.

A folder of ``tests/wrong`` lies over ``tests/wrong/project``. Without a ``modelpack.yaml`` of its own, the beginning of
its name says what it is.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from modelpack import cli

CASES = Path(__file__).with_name("wrong")
SPEC = "name: wrong\nmodel: ./model\ncode: ./src\ncheck: {request: request.json}\n"
NO_ARCHIVE = """\
[[debian.archives]]
uri = "file:///no-archive"
suite = "bookworm"
components = ["main"]
keyring = "/no-archive.gpg"
"""
KINDS = {
    "conda": "requirements: ./conda.yaml\n",
    "pipfile": "requirements: ./Pipfile\n",
    "pyproject": "requirements: ./pyproject.toml\n",
    "pylock": "requirements: ./pylock.toml\n",
    "requirements": "requirements: ./requirements.txt\n",
    "uvlock": "requirements: ./uv.lock\n",
    "weights": "",
}


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Keep out what this machine is configured for; what passes the reading ends at the missing archive."""
    for name in [name for name in os.environ if name.startswith(("MODELPACK_", "PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "config/modelpack").mkdir(parents=True)
    (tmp_path / "config/modelpack/config.toml").write_text(NO_ARCHIVE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MODELPACK_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.name != "project"))
def test_a_wrong_input_is_reported_in_these_words(case, tmp_path, monkeypatch, capsys):
    # REWRITE_EXPECTED=1 pytest tests/test_wrong_inputs.py writes the reports anew, for review.
    shutil.copytree(CASES / "project", tmp_path / "project")
    shutil.copytree(CASES / case, tmp_path / "project", dirs_exist_ok=True)
    (tmp_path / "project/expected.txt").unlink(missing_ok=True)
    monkeypatch.chdir(tmp_path / "project")
    kind = case.partition("-")[0]
    if kind in KINDS and not Path("modelpack.yaml").exists():
        Path("modelpack.yaml").write_text(SPEC + KINDS[kind])
    monkeypatch.setattr("sys.argv", ["modelpack", "lock", "--quiet", "mlmodel" if kind == "mlmodel" else "."])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    said = capsys.readouterr()
    assert said.out == ""
    assert "no-archive" not in said.err, "nothing was found to be wrong"
    found = f"exit code {ended.value.code}\n{said.err}"
    expected = CASES / case / "expected.txt"
    if os.environ.get("REWRITE_EXPECTED"):
        expected.write_text(found)
    assert found == expected.read_text()
