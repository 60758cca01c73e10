"""Azure ML's model packages: what right ones mean, in every form that the schema has had."""

from __future__ import annotations

from pathlib import Path

import azure_project
import pytest
from azure_project import PACKAGE

from modelpack.errors import ModelpackError, SpecError
from modelpack.loading import inputs
from modelpack.loading.azure.kinds import kind_of
from modelpack.loading.azure.references import Reference, parse_reference
from modelpack.loading.options import Options
from modelpack.spec import Base, Check, Remote, Requirement, Server, Source

ARM = "/subscriptions/0/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(azure_project.write(tmp_path))
    return tmp_path


def load(text, file="package.yml", **options):
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(text)
    return inputs.load(Path(file), Options(**options))


def said(spec):
    return [f"{notice.severity}: {notice}" for notice in spec.notices]


def test_a_package_is_its_environment_code_and_the_model_beside_it(project):
    spec = load(PACKAGE)

    assert (spec.name, spec.version, spec.python) == ("wine-pkg", "1", "3.11")
    assert (spec.path, spec.lock_path) == (project / "package.yml", project / "package.lock.json")
    assert spec.models == {"model": Source(path=project / "model", key="model")}
    assert spec.code.source.path == project / "src"
    assert spec.code.scoring_script == "score.py"
    assert spec.server == Server(name="azureml")
    assert spec.requirements == (Requirement(text="numpy==2.3.1", origin="conda.yaml:7"),)
    assert spec.base == Base(distribution="debian", suite="bookworm")
    assert spec.check == Check(requests=())
    model, sample, image, *_ = said(spec)
    assert model == "note: package.yml:1:1: the model is the folder beside this file: model"
    assert sample == (
        "warning: package.yml:1:1: there is no sample request: the check only waits until the server is ready "
        "(put sample-request.json beside this file, or name a sample with --request FILE)"
    )
    assert image == (
        "warning: environment/sklearn-env.yml:3:8: image: the image is replaced by debian:bookworm, with the Python "
        "packages of conda_file: registry.example/azureml/openmpi4.1.0-ubuntu22.04 (system packages that the image "
        "adds are named in base.packages of a native spec: modelpack import)"
    )


def test_a_package_of_2023_means_the_same():
    old = (
        PACKAGE.replace("target_environment:", "target_environment_name:")
        .replace("scoring_script", "entry_script")
        .replace("sklearn-env:1", "sklearn-env@latest")
    )

    new, old = load(PACKAGE), load(old)

    assert old == new


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("environment_asset", "EnvironmentAsset"),
        ("environment_asset", "asset"),
        ("azureml_online", "AzureMLOnline"),
        ("azureml_online", "AZUREML_ONLINE"),
        ("target_environment: wine-pkg", "target_environment: {name: wine-pkg}"),
        ("azureml:sklearn-env:1", "azureml:sklearn-env"),
        ("azureml:sklearn-env:1", "azureml://registries/azureml/environments/sklearn-env/versions/4"),
        ("azureml:sklearn-env:1", "azureml://registries/azureml/environments/sklearn-env/labels/latest"),
        (
            "azureml:sklearn-env:1",
            f"azureml:{ARM}/environments/sklearn-env/versions/1",
        ),
        (
            "azureml:sklearn-env:1",
            f"{ARM}/environments/sklearn-env/versions/1",
        ),
        ("azureml:sklearn-env:1", "environment/sklearn-env.yml"),
    ],
)
def test_another_spelling_means_the_same(before, after):
    first, second = load(PACKAGE), load(PACKAGE.replace(before, after))

    assert second == first


@pytest.mark.parametrize(
    ("target", "name", "version"),
    [
        ("azureml:foo-bar:3", "foo-bar", "3"),
        ("azureml:foo", "foo", "1"),
        ("Foo Bar", "foo-bar", "1"),
        ("{name: foo, version: 2.10}", "foo", "2.10"),
        ("foo\ntarget_environment_version: 7", "foo", "7"),
    ],
)
def test_the_target_is_name_and_version(target, name, version):
    spec = load(PACKAGE.replace("wine-pkg", target))

    assert (spec.name, spec.version) == (name, version)


def test_the_newest_version_is_taken_when_none_is_named():
    spec = load(PACKAGE.replace("sklearn-env:1", "versioned-env@latest"))

    assert spec.requirements == ()


def test_variables_are_passed_as_azure_passes_them():
    spec = load(f"{PACKAGE}environment_variables: {{A: no, B: 010, C: 1.50, D: 'no', E: text, F: 1e3}}\n")

    assert spec.environment_variables == {"A": "False", "B": "8", "C": "1.5", "D": "no", "E": "text", "F": "1e3"}
    assert "note: package.yml:7:28: environment_variables.A: no is passed as Azure ML passes it: False" in said(spec)


def test_tags_become_labels_of_the_image():
    assert load(f"{PACKAGE}tags: {{team: risk, stage: 2}}\n").image.labels == {"team": "risk", "stage": "2"}


def test_a_custom_server_has_the_command_and_routes_that_azure_cannot_read():
    spec = load("""\
target_environment: vllm
inferencing_server:
  type: Custom
  inference_configuration:
    entry_script: |
      python -m vllm.entrypoints.openai.api_server \\
        --model /models/llm --port 8000
    liveness_route: {port: "8000", path: /health}
    readiness_route: {port: 8000, path: /health}
    scoring_route: {port: 8000, path: /v1/completions}
    configuration: {anything: [1]}
model_configuration: {mode: Download, mount_path: models/llm}
""")

    assert spec.server == Server(
        name="custom",
        command=("@python@", "-m", "vllm.entrypoints.openai.api_server", "--model", "/models/llm", "--port", "8000"),
        port=8000,
        routes={"liveness": "/health", "readiness": "/health", "scoring": "/v1/completions"},
    )
    assert spec.links == {"/models/llm": "@model@/model"}
    assert (
        "note: package.yml:12:29: model_configuration.mode: the model is part of the package, as with copy; nothing is "
        "fetched at the start: download" in said(spec)
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("serve.py", ("@python@", "serve.py")),
        ("python3 serve.py --name 'a b'", ("@python@", "serve.py", "--name", "a b")),
        ("tool serve", ("tool", "serve")),
        ("tool --model $AZUREML_MODEL_DIR", ("@base@/usr/bin/sh", "-c", "tool --model $AZUREML_MODEL_DIR")),
        ("echo it's", ("@base@/usr/bin/sh", "-c", "echo it's")),
    ],
)
def test_an_entry_script_is_a_script_or_a_command_or_of_the_shell(entry, words):
    routes = "readiness_route: {port: 80, path: /}\n    scoring_route: {port: 80, path: /}"
    spec = load(f"""\
target_environment: pkg
inferencing_server:
  type: custom
  inference_configuration:
    entry_script: {entry}
    {routes}
""")

    assert spec.server.command == words


def test_inputs_are_files_by_reference_or_path_at_their_mount_paths(project):
    spec = load(
        f"""{PACKAGE}inputs:
  - {{type: uri_file, mode: copy, mount_path: data/labels.json, path: {{resource_id: "azureml:labels:2"}}}}
  - {{type: UriFolder, mode: ReadOnlyMount, path: docker}}
  - path: {{input_path_type: PathVersion, resource_name: labels, resource_version: 2}}
    mount_path: /opt/again
""".replace("path: {input_path_type: PathVersion, resource_name: labels, resource_version: 2}", "path: conda.yaml")
    )

    assert {name: source.path for name, source in spec.inputs.items()} == {
        "labels.json": project / "labels.json",
        "docker": project / "docker",
        "conda.yaml": project / "conda.yaml",
    }
    assert spec.links == {
        "/data/labels.json": "@input-labels.json@/labels.json",
        "/opt/again": "@input-conda.yaml@/conda.yaml",
    }


@pytest.mark.parametrize("version", ["'2'", "2"])
def test_an_input_may_be_named_by_its_version(project, version):
    path = f"{{input_path_type: path_version, resource_name: labels, resource_version: {version}}}"
    spec = load(f"{PACKAGE}inputs: [{{type: uri_file, path: {path}}}]\n")

    assert spec.inputs["labels.json"].path == project / "labels.json"


def test_an_input_may_be_an_address_with_the_digest_that_azure_lacks():
    address = f"{{url: 'https://files.example/words.txt', sha256: '{'a' * 64}'}}"
    spec = load(f"{PACKAGE}inputs: [{{type: uri_file, mount_path: words.txt, path: {address}}}]\n")

    assert spec.inputs["words.txt"].remote == Remote(url="https://files.example/words.txt", sha256="a" * 64)
    assert spec.links == {"/words.txt": "@input-words.txt@/words.txt"}


def test_the_model_may_be_named_by_the_command_line(project):
    assert load(PACKAGE, model="packages/model").models["model"].path == project / "packages/model"
    registered = load(PACKAGE, model="azureml:known-model:7")
    assert (registered.models["model"].path, registered.version) == (project / "model", "7")


def test_a_model_that_is_one_file_lies_in_the_model_folder_itself(project):
    assert load(PACKAGE, model="azureml:the-weights").models == {
        "model.pkl": Source(path=project / "model/model.pkl", key="path")
    }


def test_the_command_line_names_the_package():
    assert load(PACKAGE, name="other").name == "other"


def test_assets_may_lie_elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    text = PACKAGE.replace("code: src", f"code: {tmp_path}/src")

    assert load(text, assets=tmp_path, model="../model").requirements[0].text == "numpy==2.3.1"
    with pytest.raises(ModelpackError, match="--assets: no such folder: nowhere"):
        load(text, assets=Path("nowhere"))


def test_paths_may_leave_the_folder_of_the_file_as_in_azure(project):
    spec = load(PACKAGE.replace("code: src", "code: ../../src"), file="deep/er/p.yml", assets=project, model="model")

    assert spec.code.source.path == project / "src"


def test_the_sample_request_beside_the_file_is_the_check(project):
    Path("sample-request.json").write_text('{"data": [[1]]}')
    Path("expected-response.json").write_text("[1]")

    spec = load(PACKAGE)

    (request,) = spec.check.requests
    assert request.request.path == project / "sample-request.json"
    assert request.response.path == project / "expected-response.json"
    assert "note: package.yml:1:1: the check sends the sample request sample-request.json" in said(spec)


def test_a_sample_request_may_be_named(project):
    Path("request.json").write_text("[1")
    with pytest.raises(SpecError) as caught:
        load(PACKAGE, request=Path("request.json"))
    assert [str(problem) for problem in caught.value.problems] == [
        "request.json:1:3: check.request: not JSON: expecting ',' delimiter"
    ]

    Path("request.json").write_text("[1]")
    assert load(PACKAGE, request=Path("request.json")).check.requests[0].request.path == project / "request.json"


def test_the_folder_of_the_file_may_itself_be_packaged(project):
    spec = load(
        PACKAGE.replace("code: src", "code: ..").replace("score.py", "src/score.py"),
        file="pkg/package.yml",
        assets=project,
        model="model",
    )

    assert spec.code.scoring_script == "src/score.py"
    assert spec.lock_path == project.parent / f"{project.name}.package.lock.json"


def test_the_places_of_azures_containers_are_there_for_those_who_name_them():
    Path("src/score.py").write_text('P = "/var/azureml-app/src"\ndef init(): ...\ndef run(data): ...\n')
    variables = 'environment_variables: {BASE: "/var/azureml-app/azureml-models/known-model/7/model"}\n'

    assert load(PACKAGE + variables, model="azureml:known-model").links == {
        "/var/azureml-app/azureml-models/known-model/7/model": "@model@/model",
        "/var/azureml-app/src": "@code@",
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("target_environment_name: a", "package"),
        ("name: a\nmodel: azureml:m\nenvironment: azureml:e", "deployment"),
        ("name: a\nmodel: azureml:m\nenvironment: azureml:e\nserver: azureml", None),
        ("endpoint_name: {{X}}", "deployment"),
        ("name: a\nimage: b", "environment"),
        ("name: a\nmodel: b\nimage: {user: 1}", None),
        ("name: a\npath: b", "model"),
        ("name: a\npath: b\ntype: URI_FILE", "data"),
        ("name: a\ntype: mlflow_model", "model"),
        ("name: a\nchannels: [c]\ndependencies: [python]", "conda environment"),
        ("name: a\ndependencies: [python]\nserver: azureml", None),
        ("python: 3.9\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]", "python_env"),
        ("$schema: https://h.example/latest/commandJob.schema.json\ncommand: ls", "job"),
        ("$schema: 'https://h.example/latest/pipelineJob.schema.json'\njobs: {}", "job"),
        ("$schema: https://h.example/latest/commandComponent.schema.json\ncode: ./src", "job"),
        ("$schema: https://h.example/latest/schedule.schema.json\nname: a", "schedule"),
        (
            "$schema: https://h.example/latest/pipelineComponentBatchDeployment.schema.json\nname: a",
            "pipeline deployment",
        ),
        ("$schema: https://h.example/latest/batchDeployment.schema.json\ntype: pipeline", "pipeline deployment"),
        ("type: pipeline\ncomponent: a\nendpoint_name: b", "pipeline deployment"),
        ("type: distillation\nresources: {instance_type: t}", "job"),
        ("type: command\ncode: .\ncommand: ls\nenvironment: azureml:e", "job"),
        ("code: .\ncommand: ls\nenvironment: azureml:e", "job"),
        ("code: .\ncommand: ls\nserver: azureml", None),
        ("type: amlcompute\nname: a", "compute"),
        ("name: a\ntype: git\ntarget: b", "connection"),
        ("name: a\nmodel_id: b", "endpoint"),
        ("managed_network: {}", "workspace"),
        ("name: a\nidentity: {type: system_assigned}", None),
        ("$schema: https://h.example/latest/kubernetesOnlineDeployment.schema.json\nname: a", "deployment"),
        ("$schema: https://h.example/latest/kubernetesOnlineEndpoint.schema.json\nname: a", "endpoint"),
        ("$schema: https://h.example/latest/environment.schema.json\nname: a", "environment"),
        ("auth_mode: key", "endpoint"),
        ("", None),
    ],
)
def test_files_are_told_by_their_schema_or_keys(text, kind):
    assert kind_of(text) == kind


def test_a_file_called_modelpack_yaml_is_never_azures():
    with pytest.raises(SpecError) as caught:
        load(PACKAGE, file="modelpack.yaml")
    assert "target_environment: unknown key" in str(caught.value.details)


def test_a_reference_knows_its_registry():
    text = "azureml://registries/shared/models/m/versions/2"
    assert parse_reference(text, "model") == Reference(
        kind="model", name="m", version="2", registry="shared", text=text
    )
