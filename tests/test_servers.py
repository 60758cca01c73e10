"""Every server: its starter is packaged, and its image answers, bears load and ends as a container should."""

from __future__ import annotations

import os
import re
import runpy
import shutil
from pathlib import Path

import pytest

from modelpack import catalogue, starter

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/servers.md"
STARTERS = {
    item.name: re.search(
        r"^server:(?:\s+name:)?\s+([a-z-]+)", (item.path / "modelpack.yaml").read_text(), re.MULTILINE
    )[1]
    for item in starter.starters()
}
CLEAN_ENDS = {0, 143}
"""Exit codes of a server that SIGTERM or SIGINT ended in good order; Java gives 143."""


HEAVY = {
    *("savedmodel-tensorflow", "sklearn-bentoml", "sklearn-kserve", "sklearn-mlflow", "sklearn-mlserver"),
    "torchscript-torchserve",
}
"""Half a minute and more each: ``make servers`` tests them too, and docs/servers.md has what was measured of them."""
ELSEWHERE = {"azureml", "azureml-batch"}
"""Servers whose starters other tests build."""
OWN = [name for name, server in STARTERS.items() if server not in ELSEWHERE]


def test_every_server_of_the_package_index_has_a_starter():
    assert set(catalogue.server_names()) - set(STARTERS.values()) == {"mlflow-batch", "tfserving", "triton"}


def test_the_page_knows_every_server_and_starter():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in (*catalogue.server_names(), *OWN) if f"| `{name}` |" not in text] == []


@pytest.mark.nix
@pytest.mark.network
@pytest.mark.container
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("podman"), reason="needs podman as root")
@pytest.mark.parametrize("name", OWN)
def test_the_image_of_a_starter_serves_without_network_on_a_read_only_root(name, tmp_path):
    if name in HEAVY and not os.environ.get("MODELPACK_TEST_HEAVY"):
        pytest.skip("MODELPACK_TEST_HEAVY is not set: run make servers")
    measure = runpy.run_path(str(ROOT / "docs/servers.py"))["measure"]

    row = measure(name, tmp_path / name)

    assert row.failed == 0
    assert row.exit_code in CLEAN_ENDS
