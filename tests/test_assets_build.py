"""Assets by address, at mount paths, and pickles that lack a module: built for real."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import real_project

LABELS = '["cat", "dog"]'


@pytest.fixture
def project(tmp_path):
    """Give a folder whose server shows the files of a mounted folder, one of which has an address."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "labels.json").write_text(LABELS)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "expected.json").write_text(LABELS)
    (folder / "model.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    digest = hashlib.sha256(LABELS.encode()).hexdigest()
    spec = {
        "name": "mounted",
        "model": "./model.pkl",
        "inputs": {
            "labels": {"url": (served / "labels.json").as_uri(), "sha256": digest, "mount_path": "/mnt/data/"},
        },
        "server": {
            "name": "custom",
            "command": ["@python@", "-m", "http.server", "@port@", "--directory", "/mnt/data"],
            "port": 8000,
            "routes": {"readiness": "/", "scoring": "/labels.json"},
        },
        "check": {"method": "GET", "response": "expected.json"},
    }
    (folder / "modelpack.yaml").write_text(json.dumps(spec))
    return folder


@pytest.mark.nix
@pytest.mark.network
def test_an_asset_by_address_is_served_from_its_mount_path_and_a_pickle_needs_its_modules(project, tmp_path):
    built = real_project.build(project, tmp_path / "cache")
    package = json.loads(Path(built["store_path"], "share/modelpack/package.json").read_text())
    assert [item["kinds"] for item in package["weights"]] == [["pickle"]]

    (project / "model.pkl").write_bytes(b"cmystery.box\nBox\n)R.")
    code, _, err = real_project.run("build", "--json", cwd=project, cache=tmp_path / "cache")
    assert code == 6
    assert "model: model.pkl: mystery.box" in err
