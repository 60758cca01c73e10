"""MLflow models in Azure ML's files: no script, no environment, Azure's protocol."""

from __future__ import annotations

from pathlib import Path

import azure_project
import pytest

from modelpack.errors import SpecError
from modelpack.loading import inputs

MLMODEL = """\
flavors:
  python_function:
    env: {conda: conda.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    python_version: 3.11.7
  sklearn: {pickled_model: model.pkl, sklearn_version: 1.9.1, serialization_format: cloudpickle}
mlflow_version: 3.17.2
"""
CONDA = "dependencies: [python=3.11, pip, {pip: [mlflow==3.17.2, scikit-learn==1.9.1]}]\n"
FILES = {"saved/MLmodel": MLMODEL, "saved/model.pkl": "x", "saved/conda.yaml": CONDA}
DEPLOYMENT = """\
name: blue
endpoint_name: wine
model: {name: wine-mlflow, version: 2, path: saved, type: MLFLOW_MODEL}
environment_variables: {WORKER_COUNT: 2}
"""
PACKAGE = "target_environment_name: pkg\ninferencing_server: {type: azureml_online}\n"
MODEL = "name: wine-mlflow\nversion: 5\npath: saved\ntype: mlflow_model\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(azure_project.write(tmp_path, azure_project.FILES | FILES))
    return tmp_path


def load(text):
    Path("azure.yml").write_text(text)
    return inputs.load(Path("azure.yml"))


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [(DEPLOYMENT, "wine-mlflow", "2"), (MODEL, "wine-mlflow", "5")],
    ids=["deployment", "model"],
)
def test_the_model_says_what_it_needs(project, text, name, version):
    spec = load(text)

    assert (spec.name, spec.version, spec.server.name, spec.code) == (name, version, "mlflow", None)
    assert (spec.path, spec.lock_path) == (project / "azure.yml", project / "azure.lock.json")
    assert spec.models["saved"].path == project / "saved"
    assert "scikit-learn==1.9.1" in [item.text for item in spec.requirements]
    assert spec.environment_variables["MLFLOW_MODEL_FOLDER"] == "saved"


def test_a_package_takes_the_model_of_the_command_line(project):
    (project / "saved").rename(project / "package-model")
    Path("azure.yml").write_text(PACKAGE)

    spec = inputs.load(Path("azure.yml"), inputs.Options(model="package-model"))

    assert (spec.name, spec.server.name, list(spec.models)) == ("pkg", "mlflow", ["package-model"])


def test_the_variables_of_a_deployment_are_kept():
    assert load(DEPLOYMENT).environment_variables["WORKER_COUNT"] == "2"


@pytest.mark.parametrize(
    ("body", "route"), [('{"input_data": [[1]]}', "/score"), ('{"inputs": [[1]]}', None), ("[1]", None)]
)
def test_a_sample_is_sent_in_the_protocol_that_it_is_written_in(body, route):
    Path("sample-request.json").write_text(body)

    spec = load(DEPLOYMENT)

    (request,) = spec.check.requests
    assert (request.route, request.method) == (route, "POST")
    assert "no input example" not in str([str(notice) for notice in spec.notices])


def test_an_environment_beside_it_is_said_not_to_be_read():
    spec = load(DEPLOYMENT + "environment: {image: i, conda_file: conda.yaml}\n")

    assert "azure.yml:5:14: environment: not read" in str([str(notice) for notice in spec.notices])


@pytest.mark.parametrize(
    "text",
    [
        DEPLOYMENT + "environment: azureml:unknown@latest\n",
        f"{PACKAGE}base_environment_source: {{type: environment_asset, resource_id: azureml:unknown@latest}}\n",
    ],
    ids=["deployment", "package"],
)
def test_an_environment_that_it_does_not_need_may_be_one_of_a_workspace(project, text):
    (project / "model").rename(project / "other")
    (project / "saved").rename(project / "model")

    spec = load(text.replace("path: saved", "path: model"))

    assert spec.server.name == "mlflow"
    assert "not read: without a scoring script" in str([str(notice) for notice in spec.notices])


def test_an_environment_that_is_a_server_is_taken_all_the_same():
    routes = "{scoring_route: {port: 80, path: /score}, readiness_route: {port: 80, path: /}}"
    Path("server.yml").write_text(f"name: own\nimage: registry.example/a:1\ninference_config: {routes}\n")

    assert load(DEPLOYMENT + "environment: azureml:own\n").server.name == "custom"


def test_a_model_of_an_unsaid_type_is_told_what_to_write():
    with pytest.raises(SpecError) as caught:
        load(DEPLOYMENT.replace(", type: MLFLOW_MODEL", ""))

    assert "or type: mlflow_model for the model, since MLflow saved it" in str(caught.value.problems[0])


def test_what_is_wrong_with_the_model_is_reported_with_the_rest():
    (Path("saved") / "model.pkl").unlink()

    with pytest.raises(SpecError) as caught:
        load(DEPLOYMENT + "instance_count: many\n")

    assert [str(problem).partition(" (")[0] for problem in caught.value.problems] == [
        'azure.yml:5:17: instance_count: expected a whole number, found "many"',
        "saved/MLmodel:5:17: flavors.python_function.model_path: no such file or folder: model.pkl",
    ]


def test_with_a_script_it_is_served_as_any_model():
    script = "environment: {conda_file: conda.yaml}\ncode_configuration: {code: src, scoring_script: score.py}\n"
    spec = load(DEPLOYMENT + script)

    assert (spec.server.name, spec.environment_variables["MLFLOW_MODEL_FOLDER"]) == ("azureml", "saved")
    assert [item.text for item in spec.requirements] == ["numpy==2.3.1"]
