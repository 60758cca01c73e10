"""Traps that were met when inference servers were tried: each is reported, or does not happen."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from local_index import Notes, isolate, make_wheel, serving
from static_check import check, make_sdist, without_settings, write, write_stale_lock

from modelpack.lock import LockedRequirement
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope

CUSTOM = {"name": "custom", "command": ["serve"], "port": 8000, "routes": {"readiness": "/", "scoring": "/score"}}


@pytest.fixture
def wheels(tmp_path):
    (tmp_path / "wheels").mkdir()
    return tmp_path / "wheels"


@pytest.fixture
def report(wheels, tmp_path, monkeypatch, capsys):
    """Check a project with these keys of its spec, over what the index of the test has."""

    def report(facts=None, files=None, path="modelpack.yaml", **spec):
        spec = {"name": "demo", "model": "./model", "server": CUSTOM, "check": False, **spec}
        write(tmp_path / "project", files or {"model/weights.json": {}, "modelpack.yaml": spec})
        monkeypatch.chdir(tmp_path / "project")
        isolate(monkeypatch, tmp_path)
        without_settings(monkeypatch, tmp_path)
        write_stale_lock(Path(path), tmp_path)
        with serving(wheels) as index:
            monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
            index.facts.update(facts or {})
            return check(monkeypatch, capsys, path)

    return report


def test_upper_bound_on_requires_python(report, wheels):
    make_wheel(wheels, "server-http", "0.1")
    make_wheel(wheels, "server-http", "0.2", python=">=3.8,<3.10")
    facts = {"server_http-0.2-py3-none-any.whl": {"requires-python": ">=3.8,<3.10"}}

    said = report(facts, requirements=["server-http"])

    expected = """\
exit code 0
warning MP209: modelpack.yaml:1: server-http 0.2 says that it does not run on
    Python 3.11.0: Requires-Python >=3.8,<3.10
    fix: check that it works, or require another release of it
1 warning; modelpack explain CODE says more
"""
    assert said == expected


def test_extra_that_no_longer_exists(report, wheels):
    make_wheel(wheels, "mlflow", "2.9.0", extras=["mlserver"], requires=["mlserver; extra == 'mlserver'"])
    make_wheel(wheels, "mlflow", "3.17.2", extras=["gateway", "genai"])
    make_wheel(wheels, "mlserver", "1.7.1")

    said = report(requirements=["mlflow[mlserver]==3.17.2"])

    expected = """\
exit code 5
error MP210: modelpack.yaml:1: mlflow[mlserver]==3.17.2 (modelpack.yaml:1):
    mlflow 3.17.2 has no extra named mlserver
    fix: it has: gateway, genai
1 error; modelpack explain CODE says more
"""
    assert said == expected


def test_wheels_only_on_what_has_only_sources(report, wheels):
    make_wheel(wheels, "azureml-defaults", "1.0.45")
    make_wheel(wheels, "azureml-defaults", "1.62.0", requires=["azureml-dataset-runtime[fuse]~=1.62.0"])
    runtime = {"extras": ["fuse"], "requires": ["fusepy<4,>=3.0.1; extra == 'fuse'"]}
    make_wheel(wheels, "azureml-dataset-runtime", "1.62.0.post1", **runtime)
    make_sdist(wheels, "fusepy", "3.0.1")
    uploaded = {"1.0.45": "2019-06-25", "1.62.0": "2026-02-25"}
    facts = {
        f"azureml_defaults-{version}-py3-none-any.whl": {"upload-time": f"{day}T00:00:00Z"}
        for version, day in uploaded.items()
    }

    said = report(facts, requirements=["azureml-defaults"])

    expected = """\
exit code 0
warning MP206: modelpack.yaml:1: azureml-defaults is open, and got 1.0.45 of
    2019-06-25; the newest is 1.62.0 of 2026-02-25, which requires
    azureml-dataset-runtime[fuse]~=1.62.0, whose 1.62.0.post1 requires
    fusepy<4,>=3.0.1, which has no wheel for Python 3.11 on linux/amd64 with
    glibc 2.36
    fix: require azureml-defaults==1.62.0: fusepy is then built from its source,
        or require azureml-defaults==1.0.45 to say that it is meant
1 warning; modelpack explain CODE says more
"""
    assert said == expected


def test_sibling_not_published_yet(report, wheels):
    for version in ("3.17.2", "3.18.0"):
        make_wheel(wheels, "mlflow", version, requires=[f"mlflow-skinny=={version}"])
    make_wheel(wheels, "mlflow-skinny", "3.17.2")

    said = report(requirements=["mlflow"])

    expected = """\
exit code 0
note MP206: modelpack.yaml:1: mlflow is open, and got 3.17.2; the newest is
    3.18.0, which requires mlflow-skinny==3.18.0, which is not published yet:
    the newest is 3.17.2
    fix: wait until mlflow-skinny==3.18.0 is published, or require
        mlflow==3.17.2 to say that it is meant
1 note; modelpack explain CODE says more
"""
    assert said == expected


def test_sibling_not_published_yet_when_just_that_release_is_required(report, wheels):
    for version in ("3.17.2", "3.18.0"):
        make_wheel(wheels, "mlflow", version, requires=[f"mlflow-skinny=={version}"])
    make_wheel(wheels, "mlflow-skinny", "3.17.2")

    said = report(requirements=["mlflow==3.18.0"])

    expected = """\
exit code 5
error MP200: modelpack.yaml:1: mlflow==3.18.0 (modelpack.yaml:1) itself requires
    what cannot be had
    Because there is no version of mlflow-skinny==3.18.0 and mlflow>=3.18.0
        depends on mlflow-skinny==3.18.0, we can conclude that mlflow>=3.18.0
        cannot be used.
    And because you require mlflow==3.18.0, we can conclude that your
        requirements are unsatisfiable.
    this was tried and works:
      modelpack.yaml:1: mlflow==3.17.2 in place of mlflow==3.18.0
    fix: modelpack.yaml:1: mlflow==3.17.2 in place of mlflow==3.18.0
1 error; modelpack explain CODE says more
"""
    assert said == expected


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_default_torch_is_for_gpus(report, wheels, platform):
    make_wheel(wheels, "torch", "2.13.0", requires=["nvidia-cudnn-cu13==9.1"])
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]
    make_wheel(wheels, "nvidia-cudnn-cu13", "9.1", tag=f"py3-none-manylinux_2_27_{machine}", payload=bytes(120 << 20))

    said = report(requirements=["torch"], platform=platform)

    expected = """\
exit code 0
warning MP207: modelpack.yaml:1: torch brings 125.8 MB of NVIDIA's libraries for
    GPUs, which nothing loads on a CPU
    fix: for a CPU alone, require a build for the CPU (torch==VERSION+cpu, of
        the index of CPU builds)
1 warning; modelpack explain CODE says more
"""
    assert said == expected


def test_files_of_a_model_that_disagree(report, wheels):
    for name, version in (
        ("mlflow-skinny", "3.17.2"),
        ("scikit-learn", "1.7.0"),
        ("scikit-learn", "1.5.2"),
        ("pandas", "3.1.1"),
        ("numpy", "2.3.5"),
    ):
        make_wheel(wheels, name, version)
    flavors = {
        "python_function": {
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "loader_module": "mlflow.sklearn",
            "model_path": "model.pkl",
            "python_version": "3.11.7",
        },
        "sklearn": {"pickled_model": "model.pkl", "sklearn_version": "1.6.1"},
    }
    pip = ["mlflow==3.17.2", "scikit-learn==1.7.0", "pandas"]
    files = {
        "model/MLmodel": {"flavors": flavors, "mlflow_version": "3.17.2"},
        "model/conda.yaml": {"dependencies": ["python=3.10", "pip", {"pip": pip}]},
        "model/python_env.yaml": {"python": "3.13.1", "dependencies": ["-r requirements.txt"]},
        "model/requirements.txt": "mlflow==3.17.2\nscikit-learn==1.5.2\n",
        "model/model.pkl": pickle.dumps({"_sklearn_version": "1.4.0"}),
    }

    said = report(files=files, path="model")

    expected = """\
exit code 0
warning MP501: model: model/model.pkl: was saved by scikit-learn 1.4.0, the
    package has 1.5.2
    fix: require scikit-learn==1.4.0, or save it again
warning MP110: model/MLmodel:1:1: no input example, and no signature that one
    can be made from: the check only sees the server ready
    fix: save the model with input_example=
warning MP113: model/conda.yaml:1:1: left out, since python_env.yaml does not
    have it: pandas; python_env.yaml is taken, since MLmodel names it for
    virtualenv
warning MP113: model/python_env.yaml:1:12: Python: python_env.yaml has 3.13.1,
    conda.yaml 3.10, MLmodel 3.11.7; python_env.yaml is taken, since MLmodel
    names it for virtualenv
warning MP113: model/requirements.txt:2:1: scikit-learn: python_env.yaml has
    ==1.5.2, conda.yaml ==1.7.0, MLmodel saved with 1.6.1; python_env.yaml is
    taken, since MLmodel names it for virtualenv
note MP503: model: model/model.pkl: a pickle: loading it runs code
note MP111: model/requirements.txt:1:1: mlflow-skinny==3.17.2 serves in place of
    mlflow==3.17.2: the same server and loaders, without tracking
    fix: require mlflow[extras] to have all of it
5 warnings, 2 notes; modelpack explain CODE says more
"""
    assert said == expected


def test_uv_does_not_download_a_python(wheels, tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("PATH", "/nonexistent")
    make_wheel(wheels, "thing", "1.0")
    asked = [LockedRequirement(requirement="thing", origin="modelpack.yaml:1")]
    options = {"platform": "linux/amd64", "glibc": "2.41", "progress": Notes(), "cache": tmp_path / "cache"}

    with serving(wheels) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", f"{index.url}/pythons")
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", f"{index.url}/pythons.json")
        found = resolve(asked, python="3.14", scope=Scope(tmp_path), **options)

    assert [wheel.name for wheel in found] == ["thing"]
    assert not [path for path in index.paths() if "pythons" in path]
