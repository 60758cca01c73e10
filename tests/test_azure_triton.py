"""Repositories in Triton's layout in Azure ML's files: ONNX models are served, the others refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import real_project
from weight_files import message, varint

from modelpack.errors import SpecError
from modelpack.loading import inputs
from modelpack.loading.options import Options

CONFIG = """\
name: "%s"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 2 ] label_filename: "labels.txt" } ]
dynamic_batching { preferred_batch_size: [ 4, 8 ] }
"""
DEPLOYMENT = "name: blue\nendpoint_name: e\nmodel: {name: squares, version: 3, path: models, type: triton_model}\n"
PACKAGE = """\
target_environment: pkg
inferencing_server: {type: triton}
model_configuration: {mount_path: /models}
base_environment_source: {type: environment_asset, resource_id: "azureml:of-a-workspace@latest"}
"""
REQUEST = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [3, 4]}]}


def square():
    """Give an ONNX model whose output is its input times itself: rows of two numbers."""
    node = message(1, message(1, b"x") + message(1, b"x") + message(2, b"y") + message(4, b"Mul"))
    shape = message(2, message(1, message(2, b"n")) + message(1, varint(1 << 3) + varint(2)))
    kind = message(2, message(1, varint(1 << 3) + varint(1) + shape))
    graph = node + message(2, b"g") + message(11, message(1, b"x") + kind) + message(12, message(1, b"y") + kind)
    return varint(1 << 3) + varint(8) + message(8, varint(2 << 3) + varint(13)) + message(7, graph)


def repository(folder, *names, config=CONFIG):
    for name in names:
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "1/model.onnx").write_bytes(square())
        (folder / name / "config.pbtxt").write_text(config % name)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    repository(tmp_path / "models", "square")
    (tmp_path / "sample-request.json").write_text(json.dumps(REQUEST))
    return tmp_path


def load(text=DEPLOYMENT, **options):
    Path("azure.yml").write_text(text)
    return inputs.load(Path("azure.yml"), Options(**options))


def problems(text=DEPLOYMENT):
    with pytest.raises(SpecError) as caught:
        load(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text", [DEPLOYMENT, "name: squares\nversion: 3\npath: models\ntype: triton_model\n"], ids=["deployment", "model"]
)
def test_onnx_models_are_served_at_tritons_routes(project, text):
    spec = load(text)

    assert (spec.name, spec.version, spec.server.name, spec.requirements) == ("squares", "3", "onnxruntime", ())
    assert {name: source.path for name, source in spec.models.items()} == {"square": project / "models/square"}
    assert [request.route for request in spec.check.requests] == ["/v2/models/square/infer"]
    said = [str(notice) for notice in spec.notices]
    assert "served by ONNX Runtime in place of Triton" in str(said)
    assert "of square/config.pbtxt is not applied: dynamic_batching, label_filename" in str(said)


def test_a_package_mounts_each_model_where_the_repository_was_to_be(project):
    repository(project / "models", "another")

    spec = load(PACKAGE, model="models")

    assert list(spec.models) == ["another", "square"]
    assert spec.links == {"/models/another": "@model@/another", "/models/square": "@model@/square"}


def test_the_folder_of_a_model_is_a_repository_of_one():
    spec = load(DEPLOYMENT.replace("path: models", "path: models/square"))

    assert list(spec.models) == ["square"]


def test_an_environment_is_not_read():
    spec = load(DEPLOYMENT + "environment: azureml:of-a-workspace@latest\n")

    assert "environment: not read" in str([str(notice) for notice in spec.notices])


@pytest.mark.parametrize(
    ("config", "files", "message"),
    [
        ('platform: "tensorrt_plan"', ["1/model.plan"], "needs the backend tensorrt_plan of NVIDIA's server"),
        ("", ["1/model.pt"], "needs the backend pytorch_libtorch of NVIDIA's server"),
        ("", ["1/other"], "needs a backend that nothing names of NVIDIA's server"),
        ("ensemble_scheduling { }", ["1/x"], "needs the backend ensemble of NVIDIA's server"),
        ('backend: "onnxruntime"', ["1/weights"], "has no version with an ONNX model"),
        ("name: {", ["1/model.onnx"], "models/other/config.pbtxt: line 1"),
    ],
)
def test_what_onnx_runtime_cannot_serve_is_refused_beside_what_it_can(project, config, files, message):
    for file in files:
        (project / "models/other" / file).parent.mkdir(parents=True)
        (project / "models/other" / file).touch()
    (project / "models/other/config.pbtxt").write_text(config)

    (found,) = problems()

    assert message in found


def test_a_folder_without_models_is_none():
    Path("other").mkdir()
    Path("other/model.onnx").touch()

    (found,) = problems(DEPLOYMENT.replace("path: models", "path: other"))

    assert "no repository of Triton's: a repository has models as NAME/VERSION/model.onnx" in found


@pytest.mark.nix
@pytest.mark.network
def test_a_deployment_of_a_repository_is_built_and_answers(project, tmp_path):
    (project / "expected-response.json").write_text(
        json.dumps(
            {
                "model_name": "square",
                "model_version": "1",
                "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [9, 16]}],
            }
        )
    )
    Path("azure.yml").write_text(DEPLOYMENT)

    built = real_project.build(project, tmp_path / "cache", "azure.yml")

    assert (built["name"], built["version"], built["checked"], built["answers"]) == ("squares", "3", True, 1)
