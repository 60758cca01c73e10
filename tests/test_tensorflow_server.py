"""TensorFlow Serving's REST protocol, held against upstream's own model and what upstream's server says of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from real_project import build

WEIGHTS = Path(__file__).with_name("weights")
SPEC = """\
name: half-plus-two
model: ./default
server: tensorflow
check:
  requests:
    - {request: rows.json, response: predictions.json}
    - {request: columns.json, response: outputs.json, route: "/v1/models/default/versions/123:predict"}
    - {request: examples.json, response: results.json, route: "/v1/models/default:regress"}
    - {method: GET, response: metadata.json, route: /v1/models/default/metadata}
    - {method: GET, response: status.json, route: /v1/models/default}
    - {request: rows.json, status: 404, route: "/v1/models/default/versions/9:predict"}
    - {request: columns.json, status: 400, route: "/v1/models/default:regress"}
"""
BODIES = {
    "rows": {"instances": [1.0, 2.0, 5.0]},
    "predictions": {"predictions": [2.5, 3.0, 4.5]},
    "columns": {"inputs": {"x": [[1.0], [2.0]]}},
    "outputs": {"outputs": [[2.5], [3.0]]},
    "examples": {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]},
    "results": {"results": [2.5, 3.0]},
    "status": {
        "model_version_status": [
            {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    },
}


@pytest.mark.nix
@pytest.mark.network
def test_it_answers_as_upstreams_server_does(tmp_path):
    if not os.environ.get("MODELPACK_TEST_HEAVY"):
        pytest.skip("MODELPACK_TEST_HEAVY is not set: run make servers")
    shutil.copytree(WEIGHTS / "half_plus_two/1", tmp_path / "project/default/00000123")
    shutil.copy(WEIGHTS / "half_plus_two_metadata.json", tmp_path / "project/metadata.json")
    for name, body in BODIES.items():
        (tmp_path / "project" / f"{name}.json").write_text(json.dumps(body))
    (tmp_path / "project/modelpack.yaml").write_text(SPEC)

    built = build(tmp_path / "project", tmp_path / "cache")

    assert built["answers"] == 7
