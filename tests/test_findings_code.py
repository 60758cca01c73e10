"""What is found in the code: imports that nothing provides, own modules that hide others, variables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from example_lock import data, wheel

from modelpack.codec import from_json
from modelpack.findings import provided, scripts, unused, variables
from modelpack.findings.imports import followed
from modelpack.findings.resolution import Resolution
from modelpack.loading.native import load_spec
from modelpack.lock import Lock
from modelpack.python.contents import modules_of
from modelpack.python.metadata import MetadataStore

SPEC = """\
name: demo
model: {path: ./model}
code: {path: ./src, scoring_script: score.py}
requirements: []
check: false
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.json").write_text("{}")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/score.py").write_text("def init(): pass\ndef run(data): return data\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "src"


def write(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('_of_', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def imports(folder):
    return [(item.module, str(item.file), item.line, item.sure) for item in followed(folder, SCRIPT, ("init", "run"))]


SCRIPT = PurePosixPath("score.py")


def found(tmp_path, *wheels, spec=SPEC):
    """Give what is found, with wheels by name and the modules that each has."""
    Path("modelpack.yaml").write_text(spec)
    content = data()
    content["python"]["wheels"] = [wheel(name, "1.0") | {"sha256": name} for name, _ in wheels]
    lock = from_json(Lock, content)
    store = MetadataStore(tmp_path / "cache")
    for name, modules in wheels:
        store.keep(f"{name}.modules", modules.encode())
    resolution = Resolution(load_spec(Path()), replace(lock, image_base=None), tmp_path / "cache")
    problems, _ = provided.problems(resolution, {})
    return [(problem.code, problem.where, problem.message) for problem in problems]


def test_imports_are_followed_through_own_modules_and_relative_imports(folder):
    write(folder, score="import helper\nfrom package import part\n", helper="import numpy\n")
    write(folder, package_of___init__="", package_of_part="from . import other\n", package_of_other="import scipy\n")
    assert imports(folder) == [("numpy", "helper.py", 1, True), ("scipy", "package/other.py", 1, True)]


def test_imports_that_may_fail_and_those_of_type_checkers_are_left_out(folder):
    text = "from typing import TYPE_CHECKING\ntry:\n    import a\nexcept ImportError:\n    a = None\n"
    text += "if TYPE_CHECKING:\n    import b\nif __name__ == '__main__':\n    import c\n"
    write(folder, score=text)
    assert [module for module, *_ in imports(folder)] == ["typing"]


def test_imports_are_sure_at_the_top_and_in_what_the_server_calls(folder):
    text = "def init():\n    import a\ndef other():\n    import b\nif x:\n    import c\nclass D:\n    import d\n"
    write(folder, score=text)
    assert {module: sure for module, _, _, sure in imports(folder)} == {"a": True, "b": False, "c": False, "d": True}


def test_modules_of_wheels_are_packages_files_and_parts_of_namespaces():
    names = ["google/protobuf/__init__.py", "google/protobuf/message.py", "google/_upb/_message.abi3.so", "six.py"]
    names += ["x-1.data/purelib/inner/__init__.py", "x-1.dist-info/METADATA", "docs/conf.txt", "numpy/__init__.py"]
    names += ["numpy/core/__init__.py"]
    assert modules_of(names) == ("google._upb._message", "google.protobuf", "inner", "numpy", "six")


def test_an_import_that_nothing_provides_names_what_does(folder, tmp_path):
    write(folder, score="import cv2\nimport os, six\ndef init(): pass\ndef run(data):\n    import ours\n")
    assert found(tmp_path, ("six", '["six"]')) == [
        ("MP301", "src/score.py:1:1", "imports cv2, which no locked package has"),
        ("MP301", "src/score.py:5:5", "imports ours, which no locked package has"),
    ]


def test_an_import_that_may_not_be_reached_is_a_warning(folder, tmp_path):
    write(folder, score="def init(): pass\ndef run(data): pass\ndef other():\n    import yaml\n")
    assert found(tmp_path) == [
        (
            "MP302",
            "src/score.py:4:5",
            "imports yaml, which no locked package has, on a path that may not be taken",
        )
    ]


def test_modules_whose_names_differ_from_their_distributions_are_found_in_wheels(folder, tmp_path):
    write(folder, score="import sklearn.linear_model, odd\ndef init(): pass\ndef run(data): pass\n")
    assert found(tmp_path, ("scikit-learn", '["sklearn"]'), ("some-name", '["odd"]')) == []


def test_modules_that_the_server_makes_when_it_runs_are_there(folder, tmp_path):
    text = "from azureml.contrib.services.aml_request import rawhttp\ndef init(): pass\ndef run(data): pass\n"
    write(folder, score=text)
    assert found(tmp_path, ("azureml-inference-server-http", '["azureml_inference_server_http"]')) == []


def test_own_modules_that_hide_others_are_told(folder, tmp_path):
    write(folder, json="", numpy="", utils="", test="")
    (folder / "random").mkdir()  # no package: Python's own module comes first
    assert found(tmp_path, ("numpy", '["numpy"]')) == [
        ("MP305", "src/json.py:1:1", "hides Python's own module json, from libraries too"),
        ("MP306", "src/numpy.py:1:1", "hides the module numpy of numpy 1.0"),
    ]


def test_modules_that_python_no_longer_has_are_told(folder, tmp_path):
    write(folder, score="import imp\ndef init(): pass\ndef run(data): pass\n")
    assert found(tmp_path) == []
    ((code, _, message),) = found(tmp_path, spec=SPEC + 'python: "3.13"\n')
    assert (code, message) == ("MP308", "imports imp, which is no part of Python from 3.12 on")


@pytest.mark.usefixtures("folder")
def test_variables_of_the_package_and_the_linker_are_told_with_their_places():
    values = (
        "  AZUREML_MODEL_DIR: ./model\n  PATH: /usr/bin\n  LOG_LEVEL: info\n  WORKER_COUNT: two\n  WORKER_TIMEOUT: 30\n"
    )
    Path("modelpack.yaml").write_text(SPEC + "environment_variables:\n" + values)
    assert [(one.code, one.where) for one in variables.problems(load_spec(Path()))] == [
        ("MP401", "modelpack.yaml:7:3: environment_variables.AZUREML_MODEL_DIR"),
        ("MP404", "modelpack.yaml:8:3: environment_variables.PATH"),
        ("MP402", "modelpack.yaml:10:3: environment_variables.WORKER_COUNT"),
    ]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("def init(): pass\ndef run(data): pass\n", []),
        ("def init(path='x'): pass\ndef run(data, more=1): pass\n", []),
        ("from x import y\ndef init(): pass\n@y\ndef run(data, extra): pass\n", []),
        ("def init(model): pass\ndef run(): pass\n", ["src/score.py:1:1", "src/score.py:2:1"]),
        ("def init(): pass\ndef run(self, data): pass\n", ["src/score.py:2:1"]),
    ],
)
def test_functions_that_the_server_cannot_call_are_told(folder, script, said):
    write(folder, score=script)
    Path("modelpack.yaml").write_text(SPEC)
    assert [one.where for one in scripts.problems(load_spec(Path())) if one.code == "MP307"] == said


@pytest.mark.parametrize(
    ("script", "requirement", "told"),
    [
        ("", "polars", True),
        ("import polars\n", "polars", False),
        ("# loads polars by name\n", "polars", False),
        ("", "pyarrow", False),
        ("import cv2\n", "opencv-python-headless", False),
    ],
)
def test_requirements_that_nothing_uses_are_one_note(folder, tmp_path, script, requirement, told):
    write(folder, score=f"{script}def init(): pass\ndef run(data): return data\n")
    Path("modelpack.yaml").write_text(SPEC)
    content = data()
    content["python"]["wheels"] = [wheel(requirement, "1.0")]
    content["python"]["requirements"] = [{"requirement": requirement, "origin": "modelpack.yaml:4"}]
    resolution = Resolution(load_spec(Path()), replace(from_json(Lock, content), image_base=None), tmp_path / "cache")
    found = [(one.code, one.severity, one.message) for one in unused.problems(resolution)]
    said = f"nothing in the code or in the model makes use of: {requirement}"
    assert found == ([("MP315", "note", said)] if told else [])


def test_nothing_is_said_of_requirements_where_a_model_may_load_what_cannot_be_seen(folder, tmp_path):
    write(folder, score="def init(): pass\ndef run(data): return data\n")
    Path("model/model.pkl").write_bytes(b"?")
    Path("modelpack.yaml").write_text(SPEC)
    content = data()
    content["python"]["wheels"] = [wheel("polars", "1.0")]
    content["python"]["requirements"] = [{"requirement": "polars", "origin": "modelpack.yaml:4"}]
    resolution = Resolution(load_spec(Path()), replace(from_json(Lock, content), image_base=None), tmp_path / "cache")
    assert list(unused.problems(resolution)) == []
