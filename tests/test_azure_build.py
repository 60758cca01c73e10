"""Azure ML's files to packages that answer: built for real."""

from __future__ import annotations

import json
from pathlib import Path

import base_image
import pytest
import real_project

SCORE = """\
import json
import os
from pathlib import Path


def init():
    global weights, mounted
    weights = json.loads(Path(os.environ["AZUREML_MODEL_DIR"], "model", "weights.json").read_text())
    mounted = json.loads(Path(os.environ["MOUNTED"], "model", "weights.json").read_text())


def run(raw_data):
    rows = json.loads(raw_data)["data"]
    assert mounted == weights
    return [sum(w * x for w, x in zip(weights, row)) for row in rows]
"""
FILES = {
    "src/score.py": SCORE,
    "model/weights.json": "[1, 2]",
    "conda.yaml": "channels: [conda-forge]\ndependencies:\n  - python=3.11\n  - pip\n",
    "sample-request.json": '{"data": [[1, 1], [2, 3]]}',
    "expected-response.json": "[3, 8]",
    "environment.yml": "name: plain-env\nimage: registry.example/azureml/openmpi:latest\nconda_file: conda.yaml\n",
    "model.yml": "name: adder\nversion: 4\npath: model\n",
    "deployment.yml": """\
$schema: https://schemas.example/latest/managedOnlineDeployment.schema.json
name: regular_deployment
endpoint_name: hello-packages
model: azureml:adder@latest
environment: azureml:plain-env@latest
code_configuration: {code: src, scoring_script: score.py}
environment_variables: {MOUNTED: /var/azureml-app/azureml-models/adder/4}
instance_type: Standard_DS3_v2
instance_count: 1
""",
    "serve.yml": """\
target_environment: azureml:plain-server:2
base_environment_source: {type: environment_asset, resource_id: "azureml:plain-env:1"}
inferencing_server:
  type: custom
  inference_configuration:
    entry_script: cd $AZUREML_MODEL_DIR/model && exec python3 -m http.server 8000
    liveness_route: {port: "8000", path: /}
    readiness_route: {port: 8000, path: /}
    scoring_route: {port: 8000, path: /weights.json}
model_configuration: {mode: copy}
""",
}


MODELS = "/var/azureml-app/azureml-models"
IMAGE_SERVER = """\
name: serving
endpoint_name: e
model: azureml:adder:4
environment:
  image: registry.example/team/serving:2
  inference_config:
    liveness_route: {port: 8501, path: /weights.json}
    readiness_route: {port: 8501, path: /weights.json}
    scoring_route: {port: 8501, path: /weights.json}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.nix
@pytest.mark.network
def test_a_deployment_is_built_and_answers_as_it_stands(project, tmp_path):
    built = real_project.build(project, tmp_path / "cache", "deployment.yml")

    assert (built["name"], built["version"], built["checked"], built["answers"]) == ("adder", "4", True, 1)
    assert (project / "deployment.lock.json").is_file()


@pytest.mark.nix
@pytest.mark.network
def test_a_package_without_a_sample_is_marked_as_only_ready(project, tmp_path):
    (project / "expected-response.json").unlink()
    (project / "sample-request.json").unlink()

    built = real_project.build(project, tmp_path / "cache", "serve.yml")

    assert (built["name"], built["version"], built["checked"], built["answers"]) == ("plain-server", "2", True, 0)
    package = json.loads(Path(built["store_path"], "share/modelpack/package.json").read_text())
    assert (package["checked"], package["answers"]) == (True, 0)


@pytest.mark.nix
@pytest.mark.network
@pytest.mark.skipif(not base_image.BUSYBOX, reason="needs a static busybox")
def test_an_image_that_is_a_server_starts_as_it_does_and_finds_the_model_where_azure_puts_it(project, tmp_path):
    (project / "serving.yml").write_text(IMAGE_SERVER)
    started = {"Entrypoint": ["./thing"], "Cmd": ["8501", f"{MODELS}/adder/4/model"], "WorkingDir": "/opt/thing/bin"}
    base_image.write_layout(tmp_path / "layout", config={**base_image.CONFIG, **started}, tag="2")
    (project / "sample-request.json").unlink()

    built = real_project.build(project, tmp_path / "cache", "serving.yml", MODELPACK_IMAGES=str(tmp_path / "layout"))

    assert (built["name"], built["checked"], built["answers"]) == ("adder", True, 0)


BATCH = {
    "model/MLmodel": """\
flavors:
  python_function: {loader_module: halves, code: code, data: weights.json, env: {virtualenv: python_env.yaml}}
mlflow_version: 3.17.2
signature: {inputs: '[{"name": "x", "type": "double"}, {"name": "id", "type": "string"}]'}
""",
    "model/code/halves.py": """\
class Model:
    def predict(self, table):
        assert str(table["x"].dtype) == "float64"
        return [{"half": x / 2, "id": name} for x, name in zip(table["x"], table["id"])]


def _load_pyfunc(path):
    return Model()
""",
    "model/weights.json": "0.5",
    "model/python_env.yaml": "python: 3.11.7\ndependencies: [-r requirements.txt]\n",
    "model/requirements.txt": "mlflow==3.17.2\n",
    "sample-inputs/a.csv": "x,id\n1,007\n3,b\n",
    "sample-inputs/b.jsonl": '{"x": 5, "id": "c"}\n',
    "expected-outputs/rows.csv": """\
0,"{""half"": 0.5, ""id"": ""007""}",a.csv
1,"{""half"": 1.5, ""id"": ""b""}",a.csv
0,"{""half"": 2.5, ""id"": ""c""}",b.jsonl
""",
    "deployment.yml": """\
$schema: https://schemas.example/latest/modelBatchDeployment.schema.json
name: nightly
endpoint_name: halves
type: model
model: {path: ./model, type: mlflow_model}
compute: azureml:cpu-cluster
settings: {mini_batch_size: 1, error_threshold: 0, output_file_name: rows.csv, retry_settings: {max_retries: 0}}
""",
}


@pytest.mark.nix
@pytest.mark.network
def test_a_batch_deployment_of_a_model_of_mlflows_scores_tables_without_a_script(tmp_path):
    for name, text in BATCH.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    code, out, err = real_project.run(
        *("build", "deployment.yml", "--json", "-o", tmp_path / "result"), cwd=tmp_path, cache=tmp_path / "cache"
    )

    assert code == 0, err
    assert json.loads(out)["answers"] == 1
