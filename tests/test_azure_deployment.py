"""Azure ML's online deployments, and single assets: what right ones mean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import azure_project
import pytest
from azure_project import DEPLOYMENT

from modelpack.loading import inputs
from modelpack.loading.options import Options
from modelpack.spec import Base, BaseImage, Requirement, Server

CLOUD = """\
instance_type: Standard_DS3_v2
instance_count: '1'
app_insights_enabled: true
egress_public_network_access: Disabled
scale_settings: {type: target_utilization, min_instances: 1, max_instances: 3}
request_settings: {request_timeout_ms: 3000, max_concurrent_requests_per_instance: 1, max_queue_wait_ms: 500}
liveness_probe: {initial_delay: 10, period: 10, timeout: 2, success_threshold: 1, failure_threshold: 30}
readiness_probe: {initial_delay: 10}
data_collector:
  collections: {model_inputs: {enabled: 'True', data: {name: n, path: p, version: 1}}, request: {enabled: 'false'}}
  rolling_rate: Hour
  sampling_rate: 0.5
  request_logging: {capture_headers: [x-a]}
resources: {requests: {cpu: "0.5", memory: 1Gi}, limits: {nvidia.com/gpu: "1"}}
private_network_connection: false
identity: {type: system_assigned}
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(azure_project.write(tmp_path))
    return tmp_path


def load(text, file="deployment.yml", **options):
    Path(file).write_text(text)
    return inputs.load(Path(file), Options(**options))


def said(spec):
    return [f"{notice.severity}: {notice}" for notice in spec.notices]


def test_a_deployment_with_all_inline(project):
    spec = load(DEPLOYMENT)

    assert (spec.name, spec.version, spec.python, spec.server) == ("wine-blue", "1", "3.11", Server(name="azureml"))
    assert spec.models["model"].path == project / "model"
    assert spec.code.source.path == project / "src"
    assert spec.requirements == (Requirement(text="numpy==2.3.1", origin="conda.yaml:7"),)
    assert spec.base == Base(distribution="debian", suite="bookworm")


def test_a_deployment_of_registered_assets(project):
    spec = load("""\
type: Kubernetes
name: blue_1
endpoint_name: <ENDPOINT_NAME>
model: azureml:known-model@latest
environment: azureml:sklearn-env:3
code_configuration: {code: ./src/, scoring_script: ./score.py}
environment_variables: {WORKER_COUNT: 2}
tags: {team: risk}
with_package: true
package_model: true
""")

    assert (spec.name, spec.version, spec.description) == ("known-model", "7", "A known one")
    assert spec.models["model"].path == project / "model"
    assert spec.requirements[0].text == "numpy==2.3.1"
    assert spec.environment_variables == {"WORKER_COUNT": "2"}
    assert spec.image.labels == {"team": "risk"}
    assert [text for text in said(spec) if "anyway" in text] == [
        "note: deployment.yml:9:15: with_package: is what modelpack does anyway",
        "note: deployment.yml:10:16: package_model: is what modelpack does anyway",
    ]


def test_what_has_no_effect_outside_the_cloud_is_said_once_each():
    spec = load(DEPLOYMENT + CLOUD)

    warned = [text.split(": ")[2] for text in said(spec) if "has no effect in a package" in text]
    assert warned == ["endpoint_name", *(line.partition(":")[0] for line in CLOUD.splitlines() if line[0] != " ")]


def test_a_conda_environment_may_be_written_inside():
    conda = "{dependencies: [python=3.13, {pip: [scipy==1.16.0]}], variables: {OMP_NUM_THREADS: 1}}"
    spec = load(DEPLOYMENT.replace("conda_file: conda.yaml", f"conda_file: {conda}"))

    assert (spec.python, spec.base.suite) == ("3.13", "trixie")
    assert spec.requirements == (Requirement(text="scipy==1.16.0", origin="deployment.yml:5"),)
    assert spec.environment_variables == {"OMP_NUM_THREADS": "1"}


def test_an_image_that_is_only_a_base_is_replaced():
    spec = load(DEPLOYMENT.replace(", conda_file: conda.yaml", ""))

    assert spec.requirements == ()
    assert any(
        "the image is replaced by debian:bookworm: registry.example/azureml/openmpi" in text for text in said(spec)
    )


def test_a_dockerfile_is_replaced_by_the_conda_file_beside_it():
    build = "environment: {build: {path: docker}, conda_file: conda.yaml}"
    spec = load("\n".join(build if line.startswith("environment:") else line for line in DEPLOYMENT.splitlines()))

    assert spec.requirements[0].text == "numpy==2.3.1"
    assert any("environment.build: not built" in text for text in said(spec))


def test_the_routes_of_azures_own_server_may_be_written():
    routes = """\
environment:
  conda_file: conda.yaml
  inference_config:
    liveness_route: {port: 8080, path: /}
    readiness_route: {port: 8080, path: /}
    scoring_route: {port: 8080, path: /score}
"""
    spec = load("\n".join(line for line in DEPLOYMENT.splitlines() if "environment:" not in line) + f"\n{routes}")

    assert spec.server == Server(name="azureml", port=8080)


IMAGE_SERVER = """\
name: tfserving
endpoint_name: half
model: {name: half-plus-two, version: 3, path: ./model}
code_configuration: {code: ./src, scoring_script: plumber.R}
environment:
  image: registry.example/tensorflow/serving:2
  inference_config:
    liveness_route: {port: 8501, path: /v1/models/half}
    readiness_route: {port: 8501, path: /v1/models/half}
    scoring_route: {port: 8501, path: "/v1/models/half:predict"}
"""


def test_an_image_that_is_a_server_is_built_on_and_finds_what_azure_gives_it():
    spec = load(IMAGE_SERVER)

    routes = {"liveness": "/v1/models/half", "readiness": "/v1/models/half", "scoring": "/v1/models/half:predict"}
    assert spec.server == Server(name="custom", port=8501, routes=routes)
    assert spec.base.image == BaseImage(name="tensorflow/serving:2", host="registry.example")
    assert spec.links == {
        "/var/azureml-app/azureml-models/half-plus-two/3/model": "@model@/model",
        "/var/azureml-app/src": "@code@",
    }
    assert spec.environment_variables == {"AML_APP_ROOT": "/var/azureml-app/src", "AZUREML_ENTRY_SCRIPT": "plumber.R"}
    assert any("environment.image: the package is built on the image" in text for text in said(spec))


def test_a_deployment_of_a_package_is_that_package_with_its_own_variables(project):
    spec = load("""\
name: with-package
endpoint_name: hello
environment: azureml:other-pkg@latest
environment_variables: {LEVEL: deployment}
""")

    assert (spec.name, spec.version) == ("other-pkg", "4")
    assert spec.path == project / "deployment.yml"
    assert spec.models["model"].path == project / "packages/model"
    assert spec.environment_variables == {"LEVEL": "deployment", "ONLY": "package"}


def test_of_two_packages_of_one_name_the_one_with_a_copy_of_the_model_is_taken():
    text = Path("packages/other.yml").read_text()
    Path("packages/another.yml").write_text(text.replace("package}", "copy}") + "model_configuration: {mode: COPY}\n")

    spec = load("name: b\nendpoint_name: e\nenvironment: azureml:other-pkg\n")

    assert spec.environment_variables["ONLY"] == "copy"


def test_a_model_that_no_file_registers_is_named_by_the_command_line(project):
    text = DEPLOYMENT.replace("{path: ./model/}", "azureml:wine-model:3")
    spec = load(text, model="model")

    assert (spec.name, spec.version, spec.models["model"].path) == ("wine-model", "3", project / "model")


def test_the_model_is_mounted_where_the_deployment_says():
    named = "{name: half, version: 2, path: ./model/}"
    mount = "model_mount_path: /models\n"

    assert load(DEPLOYMENT + mount).links == {"/models/model": "@model@/model"}
    assert load(DEPLOYMENT.replace("{path: ./model/}", named) + mount).links == {
        "/models/half/2/model": "@model@/model"
    }


def test_the_folder_of_the_deployment_may_be_the_model(project):
    spec = load(DEPLOYMENT.replace("./model/", "."))

    assert spec.models == {project.name: spec.models[project.name]}
    assert spec.lock_path == project.parent / f"{project.name}.deployment.lock.json"


def test_the_sample_request_may_lie_beside_the_code():
    deployment = (
        DEPLOYMENT.replace("code: src", "code: ../src")
        .replace("./model/", "../model")
        .replace("conda_file: ", "conda_file: ../")
    )
    Path("sample-request.json").write_text("[1]")
    Path("deeper").mkdir()

    spec = load(deployment, file="deeper/deployment.yml")

    assert spec.requirements[0].origin == "../conda.yaml:7"
    assert "note: deeper/deployment.yml:1:1: the check sends the sample request sample-request.json" in said(spec)


def test_a_model_with_a_script_may_be_mlflows():
    assert load(DEPLOYMENT.replace("{path: ./model/}", "{path: mlflow, type: mlflow_model}")).models.keys() == {
        "mlflow"
    }


def test_the_commands_of_the_guide_read_their_inputs(project, monkeypatch):
    guide = Path(__file__).resolve().parent.parent / "docs/how-to/azure.md"
    block = guide.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    commands = [line.partition("#")[0].split() for line in block.splitlines()]
    folder = azure_project.write(project / "here")
    azure_project.write(project / "registry")
    (folder / "deployment.yml").write_text(DEPLOYMENT)
    (folder / "package.yml").write_text(azure_project.PACKAGE)
    (folder / "sample.json").write_text("[1]")
    monkeypatch.chdir(folder)

    for _, _, *words in commands:
        names = [word for word in words if word not in {"-o", "modelpack.yaml"}]
        done = subprocess.run(
            [sys.executable, "-m", "modelpack", "import", *names, "--force"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, "modelpack.yaml\n"), done.stderr
    assert len(commands) == 5
