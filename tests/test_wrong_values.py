"""Every value of every form of input, replaced by values of other types: a report or a spec, and no traceback."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import azure_project
import pytest
import yaml

from modelpack.errors import ModelpackError
from modelpack.loading import inputs

WRONG = Path(__file__).with_name("wrong")
SPEC = "name: wrong\nmodel: ./model\ncode: ./src\ncheck: {{request: request.json}}\nrequirements: {}\n"
OTHERS = ("two words", 3, [], [["x"]], {"x": 1}, None)
HEX = "0" * 64
DEPENDENCIES = {
    "pyproject.toml": {
        "project": {
            "name": "wrong",
            "version": "1",
            "requires-python": ">=3.9",
            "dependencies": ["numpy"],
            "optional-dependencies": {"gpu": ["torch"]},
        },
        "dependency-groups": {"a": ["numpy"], "b": [{"include-group": "a"}]},
        "build-system": {"requires": ["hatchling"], "build-backend": "hatchling.build"},
        "tool": {
            "uv": {
                "default-groups": ["b"],
                "sources": {"numpy": {"index": "own"}},
                "index": [{"name": "own", "url": "https://host.invalid/simple"}],
            }
        },
    },
    "poetry/pyproject.toml": {
        "tool": {
            "poetry": {
                "name": "wrong",
                "version": "1",
                "dependencies": {
                    "python": "^3.9",
                    "numpy": "^1.2",
                    "scipy": {"version": "*", "extras": ["a"], "markers": "os_name == 'posix'", "optional": True},
                },
                "extras": {"more": ["scipy"]},
                "group": {"own": {"optional": True, "dependencies": {"pandas": "2.*"}}},
                "source": [{"name": "own", "url": "https://host.invalid/simple"}],
            }
        }
    },
    "pylock.toml": {
        "lock-version": "1.0",
        "created-by": "hand",
        "requires-python": ">=3.9",
        "extras": ["x"],
        "dependency-groups": ["y"],
        "default-groups": ["y"],
        "packages": [
            {
                "name": "numpy",
                "version": "2.0.0",
                "marker": "os_name == 'posix'",
                "index": "https://host.invalid/simple",
                "wheels": [
                    {"name": "numpy-2.0.0-py3-none-any.whl", "url": "https://host.invalid/x", "hashes": {"sha256": HEX}}
                ],
                "sdist": {"name": "numpy-2.0.0.tar.gz", "hashes": {"sha256": HEX}},
            },
            {"name": "here", "directory": {"path": "./here"}},
            {"name": "there", "archive": {"url": "https://host.invalid/there.tar.gz", "hashes": {"sha256": HEX}}},
            {"name": "far", "vcs": {"type": "git", "url": "https://host.invalid/far", "commit-id": "0"}},
        ],
    },
    "uv.lock": {
        "version": 1,
        "requires-python": ">=3.9",
        "resolution-markers": ["os_name == 'posix'"],
        "package": [
            {
                "name": "wrong",
                "version": "1",
                "source": {"virtual": "."},
                "dependencies": [{"name": "numpy", "extra": ["a"], "marker": "os_name == 'posix'"}],
                "optional-dependencies": {"gpu": [{"name": "numpy"}]},
                "dev-dependencies": {"dev": [{"name": "numpy"}]},
                "metadata": {"requires-dist": [{"name": "numpy", "specifier": ">1"}]},
            },
            {
                "name": "numpy",
                "version": "2.0.0",
                "source": {"registry": "https://host.invalid/simple"},
                "sdist": {"url": "https://host.invalid/x", "hash": f"sha256:{HEX}", "size": 1},
                "wheels": [{"url": "https://host.invalid/numpy-2.0.0-py3-none-any.whl", "hash": f"sha256:{HEX}"}],
            },
        ],
    },
    "poetry.lock": {
        "package": [
            {
                "name": "numpy",
                "version": "2.0.0",
                "optional": False,
                "python-versions": ">=3.9",
                "groups": ["main"],
                "markers": "os_name == 'posix'",
                "files": [{"file": "numpy-2.0.0-py3-none-any.whl", "hash": f"sha256:{HEX}"}],
                "dependencies": {"scipy": ">1"},
                "source": {"type": "legacy", "url": "https://host.invalid/simple", "reference": "own"},
            }
        ],
        "extras": {"x": ["numpy"]},
        "metadata": {"lock-version": "2.1", "python-versions": ">=3.9", "content-hash": "0"},
    },
    "pdm.lock": {
        "metadata": {"groups": ["default"], "lock_version": "4.5.0", "strategy": ["x"], "content_hash": "0"},
        "package": [
            {
                "name": "numpy",
                "version": "2.0.0",
                "requires_python": ">=3.9",
                "groups": ["default"],
                "marker": "os_name == 'posix'",
                "dependencies": ["scipy"],
                "files": [{"file": "numpy-2.0.0-py3-none-any.whl", "hash": f"sha256:{HEX}"}],
            }
        ],
    },
    "Pipfile.lock": {
        "_meta": {
            "hash": {"sha256": HEX},
            "pipfile-spec": 6,
            "requires": {"python_version": "3.11"},
            "sources": [{"name": "own", "url": "https://host.invalid/simple", "verify_ssl": True}],
        },
        "default": {
            "numpy": {
                "hashes": [f"sha256:{HEX}"],
                "version": "==2.0.0",
                "markers": "os_name == 'posix'",
                "index": "own",
            }
        },
        "develop": {"pytest": {"version": "==8"}},
    },
    "conda.yaml": {
        "name": "wrong",
        "channels": ["conda-forge"],
        "variables": {"A": "1"},
        "dependencies": ["python=3.11", "numpy=1.26", {"pip": ["scipy", "-r requirements.txt"]}],
    },
}
MODEL = {
    "MLmodel": {
        "flavors": {
            "python_function": {
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn",
                "model_path": "model.pkl",
                "python_version": "3.11.7",
                "predict_fn": "predict",
            },
            "sklearn": {
                "pickled_model": "model.pkl",
                "serialization_format": "cloudpickle",
                "sklearn_version": "1.5.2",
            },
        },
        "mlflow_version": "2.19.0",
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
        },
        "signature": {
            "inputs": '[{"type": "long", "name": "a"}]',
            "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
            "params": '[{"name": "p", "type": "float", "default": 1.0, "shape": null}]',
        },
    },
    "python_env.yaml": {"python": "3.11.7", "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]},
    "conda.yaml": {"dependencies": ["python=3.11.7", {"pip": ["mlflow==2.19.0", "scikit-learn==1.5.2"]}]},
    "input_example.json": {"columns": ["a"], "data": [[1]]},
    "serving_input_example.json": {"dataframe_split": {"columns": ["a"], "data": [[1]]}},
}
AZURE = {
    "package": {
        "target_environment": {"name": "pkg"},
        "base_environment_source": {"type": "environment_asset", "resource_id": "azureml:env:1"},
        "inferencing_server": {
            "type": "azureml_online",
            "code_configuration": {"code": "src", "scoring_script": "score.py"},
        },
        "model_configuration": {"mode": "copy", "mount_path": "/models"},
        "inputs": [{"type": "uri_file", "mode": "download", "path": {"url": "https://host.invalid/x"}}],
        "environment_variables": {"A": "1"},
        "tags": {"a": "b"},
    },
    "deployment": {
        "name": "blue",
        "endpoint_name": "wrong",
        "model": {"name": "m", "version": "1", "path": "./model", "type": "custom_model"},
        "code_configuration": {"code": "./src", "scoring_script": "score.py"},
        "environment": {
            "image": "registry.example/azureml/openmpi:latest",
            "conda_file": {"dependencies": ["python=3.11", {"pip": ["numpy"]}]},
            "inference_config": {"liveness_route": {"path": "/", "port": 5001}},
        },
        "environment_variables": {"A": "1"},
        "instance_type": "Standard_DS3_v2",
        "instance_count": 1,
        "request_settings": {"request_timeout_ms": 3000},
        "liveness_probe": {"initial_delay": 10},
        "data_collector": {"collections": {"model_inputs": {"enabled": "True"}}},
        "tags": {"a": "b"},
    },
}


def places(value, path=()):
    """Give the key paths of everything in a value, itself first."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(value, path, other):
    """Give a copy in which something else stands at a key path."""
    if not path:
        return other
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = other
    return changed


def text_of(name, value):
    """Give a file's text; None for what its form cannot say."""
    if not name.endswith((".toml", ".lock")) or name == "Pipfile.lock":
        return json.dumps(value) if name.endswith((".json", ".lock")) else yaml.safe_dump(value)
    if not isinstance(value, dict) or "null" in json.dumps(value):
        return None
    return "".join(f"{json.dumps(key)} = {inline(item)}\n" for key, item in value.items())


def inline(value):
    """Write a value of TOML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def hold(file, name, value, given, options=None):
    """Read an input once for every value that is replaced in one of its files."""
    broken = []
    for path in places(value):
        for other in OTHERS:
            text = text_of(name, replaced(value, path, other))
            if text is None:
                continue
            file.write_text(text)
            try:
                inputs.load(given, options)
            except ModelpackError:
                continue
            except Exception as error:  # noqa: BLE001 - what users must never see
                broken.append(f"{'.'.join(map(str, path))} = {other!r}: {type(error).__name__}: {error}")
    file.write_text(text_of(name, value))
    assert not broken, "\n".join(broken)


@pytest.fixture
def project(tmp_path, monkeypatch):
    shutil.copytree(WRONG / "project", tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    for name in ("requirements.txt", "poetry/requirements.txt", "here/pyproject.toml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("")
    return Path()


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_no_value_in_a_file_of_dependencies_breaks_its_reader(project, name):
    (project / "modelpack.yaml").write_text(SPEC.format(name))
    hold(project / name, Path(name).name, DEPENDENCIES[name], project)


@pytest.mark.parametrize("name", MODEL)
def test_no_value_in_a_model_of_mlflow_breaks_its_reader(project, name):
    folder = project / "mlmodel"
    folder.mkdir()
    for other, content in MODEL.items():
        (folder / other).write_text(text_of(other, content))
    (folder / "requirements.txt").write_text("mlflow==2.19.0\nscikit-learn==1.5.2\n")
    (folder / "model.pkl").write_bytes(b"\x80\x04N.")
    hold(folder / name, name, MODEL[name], folder)


@pytest.mark.parametrize("kind", AZURE)
def test_no_value_in_a_file_of_azure_ml_breaks_its_reader(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(azure_project.write(tmp_path))
    hold(Path("azure.yaml"), "azure.yaml", AZURE[kind], Path("azure.yaml"))
