"""Azure ML's files: the exact report of wrong ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import azure_project
import pytest

from modelpack.errors import SpecError
from modelpack.loading import inputs

CASES = Path(__file__).with_name("azure")


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_a_mistake_is_reported_in_these_words(case, tmp_path, monkeypatch):
    # REWRITE_EXPECTED=1 pytest tests/test_azure_mistakes.py writes the reports anew, for review.
    monkeypatch.chdir(azure_project.write(tmp_path))
    shutil.copyfile(CASES / f"{case}.yaml", "azure.yaml")
    expected = CASES / f"{case}.txt"

    with pytest.raises(SpecError) as caught:
        inputs.load(Path("azure.yaml"))

    found = "".join(f"{problem}\n" for problem in caught.value.problems)
    if os.environ.get("REWRITE_EXPECTED"):
        expected.write_text(found)
    assert found == expected.read_text()
