"""Folders that MLflow and its registries keep around a model: runs, logged models, versions of registered ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelpack.errors import SpecError
from modelpack.loading.inputs import load

MLMODEL = (
    "flavors: {python_function: {loader_module: mlflow.sklearn, python_version: 3.11.7}}\nmlflow_version: 3.17.2\n"
)
ID = "m-0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, text=MLMODEL):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def refusal(path):
    with pytest.raises(SpecError) as caught:
        load(Path(path))
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize("given", ["mlruns/0/run", "mlruns/0/run/artifacts", "mlruns/0/run/artifacts/wine"])
def test_a_run_of_mlflow_2_has_its_model_below_its_artifacts(given):
    write("mlruns/0/run/artifacts/wine/MLmodel")
    write("mlruns/0/run/meta.yaml", "run_id: run\n")
    spec = load(Path(given))
    assert (spec.name, spec.models["wine"].path) == ("wine", Path("mlruns/0/run/artifacts/wine").resolve())
    assert ("is taken, the MLflow model of this folder" in str(spec.notices[0])) == (not given.endswith("wine"))


@pytest.mark.parametrize("given", ["mlruns/0/run", f"mlruns/0/models/{ID}", f"mlruns/0/models/{ID}/artifacts"])
def test_a_logged_model_of_mlflow_3_has_a_name_of_its_own(given):
    write(f"mlruns/0/models/{ID}/artifacts/MLmodel")
    write(f"mlruns/0/models/{ID}/meta.yaml", f"model_id: {ID}\nname: Wine\n")
    write(f"mlruns/0/run/outputs/{ID}/meta.yaml", f"destination_id: {ID}\n")
    spec = load(Path(given))
    assert (spec.name, list(spec.models)) == ("wine", ["artifacts"])


def test_several_models_are_named():
    write("run/artifacts/a/MLmodel")
    write("run/artifacts/b/MLmodel")
    assert refusal("run") == "run: has several MLflow models (give one: run/artifacts/a, run/artifacts/b)"


def test_a_version_of_a_registered_model_says_where_it_lies(tmp_path):
    for version in (9, 10):
        text = f"name: Wine\nversion: {version}\nsource: models:/{ID}\nstorage_location: file:///gone/v%20{version}\n"
        write(f"mlruns/models/Wine/version-{version}/meta.yaml", text)
    command = "download it: mlflow artifacts download --artifact-uri 'models:/Wine/10' --dst-path model"
    assert command in refusal("mlruns/models/Wine")
    assert "'models:/Wine/9'" in refusal("mlruns/models/Wine/version-9")

    write("there/MLmodel")
    write("mlruns/models/Wine/version-11/meta.yaml", f"name: Wine\nversion: 11\nsource: file://{tmp_path}/there\n")
    assert f"(modelpack build '{tmp_path}/there')" in refusal("mlruns/models/Wine")


@pytest.mark.parametrize("uri", ["models:/wine/1", "models:/wine@best", "runs:/0123/model", "models://wine"])
def test_a_model_of_a_tracking_server_has_to_be_downloaded(uri):
    assert "mlflow artifacts download --artifact-uri models:/" in refusal(uri) or "runs:/" in refusal(uri)


def test_what_is_no_model_is_told_as_ever():
    write("mlruns/models/meta.yaml", "x: 1\n")
    assert "no modelpack.yaml in this folder" in refusal("mlruns/models")
    assert "no such file" in refusal("nothing")
