from __future__ import annotations

import json

import builder
import pytest


@pytest.fixture
def plan(tmp_path):
    """Give a plan with an environment and a folder of code."""
    site = tmp_path / "env/lib/python3.11/site-packages"
    (site / "sklearn").mkdir(parents=True)
    (site / "_speedups.cpython-311-x86_64-linux-gnu.so").touch()
    (tmp_path / "code/deep").mkdir(parents=True)
    (tmp_path / "code/deep/cleaning.py").touch()

    def make(*imports):
        files = [{"tree": "model", "path": "a.pkl", "imports": list(imports)}]
        return {"prefixes": [str(tmp_path / "env")], "folders": [str(tmp_path / "code")], "files": files}

    return make


def test_modules_are_found_in_the_environment_the_standard_library_and_the_code(tmp_path, plan):
    names = ("sklearn.svm:SVC", "_speedups:x", "collections:OrderedDict", "copy_reg:_reconstructor", "__builtin__:set")
    made = plan(*names, "cleaning:Cleaner", "deep.cleaning:Cleaner", "__main__:X")
    assert json.loads(builder.built("weights", made, tmp_path / "b").read_text()) == {"model: a.pkl": []}


def test_a_module_that_is_nowhere_ends_the_build_and_is_named_with_its_file(tmp_path, plan):
    problem = builder.run("weights", plan("sklearn.svm:SVC", "mystery.box:Box"), tmp_path / "b").problem
    assert problem["step"] == "weights"
    assert problem["message"].endswith("has: model: a.pkl: mystery.box")
    assert "code folder" in problem["hint"]
