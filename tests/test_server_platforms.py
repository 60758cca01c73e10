"""SageMaker's and Vertex AI's routes, and what servers around a scoring script answer to bad requests; for real."""

from __future__ import annotations

import json
import os
import runpy
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import real_project

pytestmark = [pytest.mark.nix, pytest.mark.network]

SCORE = """\
import json
import {helper}

def init(): ...

def run(raw):
    return {helper}.double(json.loads(raw)["instances"])
"""
HELPER = "def double(rows): return {'predictions': [2 * row for row in rows]}\n"
LITSERVE = """\
import litserve

class Double(litserve.LitAPI):
    def setup(self, device): ...
    def predict(self, request):
        return {"predictions": [2 * row for row in request["instances"]]}
"""
RESPONSE = """\
import time

import flask

def double(rows):
    if rows == "slow":
        print("slow began")
        time.sleep(2)
        rows = [1, 2.5]
    if rows == "few":
        return flask.Response("some rows, please", 422, mimetype="text/plain")
    return {'predictions': [2 * row for row in rows]}
"""
ROWS, DOUBLED = {"instances": [1, 2.5]}, {"predictions": [2, 5.0]}


def project(folder, server, platform, *requests, **files):
    """Write a project whose first request is one of Vertex AI's form, at the server's own route."""
    texts = {
        "sample.json": json.dumps(ROWS),
        "expected.json": json.dumps(DOUBLED),
        "broken.json": '{"instances": [1, ',
        "model/weights": "",
        **files,
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    spec = {
        "name": "doubles",
        "model": "./model",
        "code": {"path": "./src", "scoring_script": next(Path(name).name for name in files)},
        "server": {"name": server, "options": {"platform": platform}},
        "check": {"requests": [{"request": "sample.json", "response": "expected.json"}, *requests]},
    }
    (folder / "modelpack.yaml").write_text(json.dumps(spec))
    return folder


@pytest.mark.container
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("podman"), reason="needs podman as root")
def test_flask_serves_as_sagemaker_starts_it_and_refuses_what_is_no_json(tmp_path):
    requests = (
        {"request": "sample.json", "response": "expected.json", "route": "/invocations"},
        {"method": "GET", "route": "/ping"},
        {"request": "broken.json", "status": 400},
        {"request": "few.json", "status": 422},
        {"request": "other.json", "status": 500},
    )
    files = {
        "src/score.py": SCORE.format(helper="scoring"),
        "src/scoring.py": RESPONSE,
        "few.json": '{"instances": "few"}',
        "other.json": '{"rows": []}',
        "slow.json": '{"instances": "slow"}',
    }
    folder = project(tmp_path / "p", "flask", "sagemaker", *requests, **files)
    assert real_project.build(folder, tmp_path / "cache")["answers"] == 6

    ask_image(folder, tmp_path / "cache", 8090, "--user", "12345:0", "--env", "SAGEMAKER_BIND_TO_PORT=8090")


def ask_image(folder, cache, port, *options):
    """Start the exported image under the word ``serve``, with nothing that it can write to but memory; ask it.

    It is stopped while it scores ``slow.json``, and answers that all the same.
    """
    tools = runpy.run_path(str(real_project.CHECKOUT / "docs/servers.py"))
    archive = folder / "image.tar"
    assert real_project.run("export", "oci-archive", archive, cwd=folder, cache=cache)[0] == 0
    plan = {
        "url": f"http://127.0.0.1:{port}/invocations",
        "method": "POST",
        "type": "application/json",
        "body": str(folder / "sample.json"),
        "expected": str(folder / "expected.json"),
        "tolerance": 0,
    }
    with tools["container"](archive, (*options, "--read-only-tmpfs=false"), words=("serve",)) as (pid, _):
        tools["inside"](pid, plan, 1)
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(tools["inside"], pid, {**plan, "body": str(folder / "slow.json")}, 1)
            real_project.wait_until(lambda: "slow began" in tools["podman"]("logs", tools["CONTAINER"]))
            tools["podman"]("stop", "--time", "30", tools["CONTAINER"])
            assert slow.result() == {}
        assert tools["podman"]("inspect", "--format", "{{.State.ExitCode}}", tools["CONTAINER"]).strip() == "0"


def test_fastapi_serves_for_vertex_whatever_the_users_modules_are_called(tmp_path):
    requests = (
        {"request": "sample.json", "response": "expected.json", "route": "/predict"},
        {"method": "GET", "route": "/health"},
        {"request": "broken.json", "status": 400},
    )
    files = {"src/app.py": SCORE.format(helper="user_module"), "src/user_module.py": HELPER}
    built = real_project.build(project(tmp_path / "p", "fastapi", "vertex", *requests, **files), tmp_path / "cache")
    assert built["answers"] == 4


def test_litserve_serves_for_sagemaker(tmp_path):
    folder = project(
        tmp_path / "p", "litserve", "sagemaker", {"method": "GET", "route": "/ping"}, **{"src/score.py": LITSERVE}
    )
    assert real_project.build(folder, tmp_path / "cache")["answers"] == 2


def test_onnxruntime_takes_vertex_instances(tmp_path):
    folder = Path(shutil.copytree(real_project.CHECKOUT / "templates/onnx-onnxruntime", tmp_path / "p"))
    asked = json.loads((folder / "sample-request.json").read_text())["inputs"][0]
    rows, given = asked["data"], json.loads((folder / "expected-response.json").read_text())["outputs"][0]["data"]
    expected = [given[start : start + 3] for start in (0, 3, 6)]
    for name, value in {
        "rows": {"instances": rows},
        "objects": {"instances": [{asked["name"]: row} for row in rows]},
        "predictions": {"predictions": expected},
        "ragged": {"instances": [rows[0], rows[0][:1]]},
        "strange": {"inputs": {"x": 1}},
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    spec = {
        "name": "iris",
        "model": "./model",
        "server": {"name": "onnxruntime", "options": {"platform": "vertex"}},
        "check": {
            "requests": [
                {"request": "rows.json", "response": "predictions.json", "route": "/predict"},
                {"request": "objects.json", "response": "predictions.json", "route": "/predict"},
                {"request": "sample-request.json", "response": "expected-response.json"},
                {"request": "ragged.json", "route": "/predict", "status": 400},
                {"request": "strange.json", "status": 400},
            ]
        },
    }
    (folder / "modelpack.yaml").write_text(json.dumps(spec))
    assert real_project.build(folder, tmp_path / "cache")["answers"] == 5
