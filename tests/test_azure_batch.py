"""Azure ML's batch deployments and batch packages: what right ones mean."""

from __future__ import annotations

from pathlib import Path

import azure_project
import pytest

from modelpack.loading import inputs
from modelpack.loading.options import Options
from modelpack.spec import Server

DEPLOYMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/modelBatchDeployment.schema.json
name: nightly
endpoint_name: wine
type: model
model: {path: ./model}
code_configuration: {code: ./src, scoring_script: score.py}
environment: {image: base, conda_file: conda.yaml}
compute: azureml:cpu-cluster
resources: {instance_count: 2}
settings:
  max_concurrency_per_instance: 2
  mini_batch_size: 5
  output_action: AppendRow
  output_file_name: rows.csv
  error_threshold: 0
  logging_level: INFO
  retry_settings: {max_retries: 1, timeout: 300}
  environment_variables: {LEVEL: high}
"""
OPTIONS = {
    "mini_batch_size": "5",
    "max_concurrency_per_instance": "2",
    "error_threshold": "0",
    "output_action": "append_row",
    "output_file_name": "rows.csv",
    "logging_level": "info",
    "max_retries": "1",
    "timeout": "300",
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(azure_project.write(tmp_path))
    for name in ("sample-inputs", "expected-outputs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("1")
    return tmp_path


def load(text, file="deployment.yml"):
    Path(file).write_text(text)
    return inputs.load(Path(file), Options())


def said(spec):
    return [f"{notice.severity}: {notice}" for notice in spec.notices]


def test_a_deployment_is_a_job_with_its_settings(project):
    spec = load(DEPLOYMENT)

    assert (spec.name, spec.server) == ("wine-nightly", Server(name="azureml-batch", options=OPTIONS))
    assert spec.environment_variables == {"LEVEL": "high"}
    assert spec.check.requests[0].request.path == project / "sample-inputs"
    assert spec.check.requests[0].response.path == project / "expected-outputs"
    assert [line for line in said(spec) if "has no effect" in line] == [
        f"warning: deployment.yml:{line}: {key}: has no effect in a package: it says how a deployment is run"
        for line, key in (("3:16", "endpoint_name"), ("8:10", "compute"), ("9:12", "resources"))
    ]


def test_the_form_of_before_has_the_settings_at_the_top():
    before, after = DEPLOYMENT.split("settings:\n")
    text = before + "\n".join(line.removeprefix("  ") for line in after.splitlines()) + "\n"

    assert load(text).server.options == OPTIONS


def test_a_package_with_the_batch_server_is_a_job():
    text = "target_environment: pkg\ninferencing_server:\n  type: azureml_batch\n"
    text += "  code_configuration: {code: ./src, scoring_script: score.py}\n"
    Path("package.yml").write_text(text)

    assert inputs.load(Path("package.yml"), Options(model="./model")).server == Server(name="azureml-batch")


def test_without_sample_inputs_nothing_is_checked(project):
    (project / "sample-inputs").rename(project / "others")
    spec = load(DEPLOYMENT)

    assert spec.check is None
    assert any("there are no sample inputs: nothing is checked" in line for line in said(spec))


def test_variables_in_the_settings_are_as_free_as_those_at_the_top():
    spec = load(DEPLOYMENT.replace("{LEVEL: high}", "{BASE: $API_BASE, COUNT: 010, FLAG: no, DAY: 2023-03-15}"))

    assert spec.environment_variables == {"BASE": "$API_BASE", "COUNT": "8", "FLAG": "False", "DAY": "2023-03-15"}
    assert "note: deployment.yml:18:51: settings.environment_variables.COUNT: 010 is passed" in "\n".join(said(spec))


def test_the_model_may_be_named_by_the_command_line():
    Path("deployment.yml").write_text(DEPLOYMENT.replace("model: {path: ./model}\n", "").replace("name: nightly\n", ""))
    spec = inputs.load(Path("deployment.yml"), Options(model="./model"))

    assert (spec.name, list(spec.models)) == ("wine", ["model"])


def test_a_model_of_mlflows_needs_no_script(project):
    """As saved by MLflow, without what a check could be made of: the samples beside the deployment are it."""
    environment = "python: 3.11.7\ndependencies: [-r requirements.txt]\n"
    for name, text in {
        "MLmodel": MLMODEL,
        "python_env.yaml": environment,
        "requirements.txt": "numpy==2.3.1\n",
    }.items():
        (project / "mlflow" / name).write_text(text)
    text = DEPLOYMENT.replace("model: {path: ./model}", "model: {path: ./mlflow, type: mlflow_model}")
    text = "".join(line for line in text.splitlines(True) if not line.startswith(("code_conf", "environment:")))
    spec = load(text)

    assert spec.server.name == "mlflow-batch"
    assert (spec.server.version, spec.server.options) == ("==3.17.2", OPTIONS)
    assert (spec.code, spec.check.requests[0].request.path) == (None, project / "sample-inputs")
    assert not any("no input example" in line for line in said(spec))
    assert load_package(project).server.name == "mlflow-batch"


def load_package(project):
    """Give a package of the same model by the batch server."""
    (project / "package.yml").write_text("target_environment: pkg\ninferencing_server: {type: azureml_batch}\n")
    return inputs.load(Path("package.yml"), Options(model="./mlflow"))


MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.sklearn, env: {virtualenv: python_env.yaml}, python_version: 3.11.7}
mlflow_version: 3.17.2
"""
