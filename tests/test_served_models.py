"""Servers of models with versions: what their settings say, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelpack.errors import ModelpackError, SpecError
from modelpack.injection import links, programs, resolve_server
from modelpack.loading.native import load_spec
from modelpack.served_models import served_models

ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0" + bytes(46)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program").write_bytes(ELF)
    return tmp_path


def add(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")


def load(server, model, **more):
    lines = [f"{key}: {value}" for key, value in ({"inputs": "{program: ./program}", "check": "false"} | more).items()]
    Path("modelpack.yaml").write_text("\n".join(["name: demo", f"server: {server}", f"model: {model}", *lines]))
    return load_spec(Path())


def made(spec):
    return {name: path.read_text() for name, path in programs(spec, Path("cache")).items() if name != "program.py"}


def test_tensorflow_serving_is_told_every_model():
    add("a/1/saved_model.pb", "a/00012/saved_model.pb", "b/3/saved_model.pb", "b/notes.txt")
    spec = load("{name: tfserving, options: {versions: all}}", "{first: ./a, b: ./b}")
    config = made(spec)["models.config"].split()

    assert config[:4] == ["model_config_list", "{", "config", "{"]
    assert [word for word in config if '"' in word] == [
        *('"first"', '"/models/first"', '"tensorflow"', '"b"', '"/models/b"', '"tensorflow"'),
    ]
    assert config.count("model_version_policy") == 2
    assert links(spec) == {"/models": "@model@"}
    assert resolve_server(spec).routes["scoring"] == "/v1/models/first:predict"
    assert served_models(spec)[0].versions == (1, 12)


def test_a_repository_is_several_models_and_triton_gets_the_settings_that_they_lack():
    add("repo/one/1/model.onnx", "repo/two/1/model.bin", "repo/two/config.pbtxt", "repo/README")
    spec = load("triton", "./repo")
    found = made(spec)

    assert resolve_server(spec).routes["readiness"] == "/v2/models/one/ready"
    assert found["config/one.pbtxt"].split() == ["name:", '"one"', "backend:", '"onnxruntime"']
    assert '"one": {"path": "/models/repo/one", "config": false}' in found["repository.json"]
    assert '"two": {"path": "/models/repo/two", "config": true}' in found["repository.json"]


def test_a_model_that_triton_knows_no_back_end_of_is_refused():
    add("m/1/model.bin")
    with pytest.raises(ModelpackError, match=r"nothing tells the back end of m, which has model.bin: put a config"):
        made(load("triton", "./m"))


def test_what_is_no_saved_model_is_refused():
    add("m/1/saved_model.pb", "m/2/weights.h5")
    with pytest.raises(ModelpackError, match=r"no saved_model.pb in the highest version of m"):
        made(load("tfserving", "./m"))


def refused(call):
    with pytest.raises(SpecError) as caught:
        call()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["m/saved_model.pb", "m/one/saved_model.pb", "m"])
def test_a_model_without_versions_is_refused(name):
    add(name)
    spec = load("tfserving", "./m")

    (line,) = refused(lambda: resolve_server(spec))
    assert line.startswith("modelpack.yaml: model: tfserving wants a folder for each version, such as m/1/ (move ")


def test_two_models_of_one_name_are_refused():
    add("a/same/1/saved_model.pb", "b/same/1/saved_model.pb")
    spec = load("tfserving", "{x: ./a, y: ./b}")

    assert refused(lambda: served_models(spec)) == ["modelpack.yaml: model: two models have the name same"]


def test_a_program_has_to_be_brought():
    add("m/1/saved_model.pb")
    (line,) = refused(lambda: load("tfserving", "./m", inputs="{}"))

    assert "inputs.program: the server tfserving starts tensorflow_model_server, which no package index has" in line
    assert load("tfserving", "./m", inputs="{}", base="{packages: [x-y], sources: [vendor]}").base.sources == (
        "vendor",
    )


@pytest.mark.parametrize("data", [b"#!/bin/sh\n", b"", ELF[:4], ELF.replace(b"\x02\x01", b"\x01\x01", 1)])
def test_a_file_that_is_no_program_is_refused(data):
    add("m/1/saved_model.pb")
    Path("program").write_bytes(data)

    found = refused(lambda: load("tfserving", "./m"))
    assert any("inputs.program: not a program for Linux of 64 bits: program" in line for line in found)


@pytest.mark.parametrize(
    ("file", "model", "served"),
    [
        ("wine.v2.onnx", "./wine.v2.onnx", "wine.v2"),
        ("wine.onnx", "{other: ./wine.onnx}", "wine"),
        ("folder/wine.onnx", "./folder", "wine"),
        ("repository/wine.v2/3/model.onnx", "./repository", "wine.v2"),
        ("wine.v2/3/model.onnx", "./wine.v2", "wine.v2"),
        ("wine/3/model.onnx/model.onnx", "./wine", "wine"),
    ],
)
def test_onnx_runtime_is_asked_for_the_model_by_the_name_that_it_finds(file, model, served):
    add(file)

    spec = load("onnxruntime", model, inputs="{}")

    assert resolve_server(spec).routes["scoring"] == f"/v2/models/{served}/infer"
