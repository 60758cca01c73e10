"""The user's own distributions as trees of the lock."""

from __future__ import annotations

import pytest
from example_project import write
from local_index import make_wheel

from modelpack import projects
from modelpack.errors import ResolveError
from modelpack.loading.native import load_spec

SPEC = """\
name: demo
model: ./model
code: {{path: ./src, scoring_script: score.py}}
requirements: {requirements}
check: {{request: request.json}}
"""
FILES = {
    "model/model.bin": "weights",
    "src/score.py": "def init(): ...\n\n\ndef run(data): ...\n",
    "request.json": "[1]",
    "requirements.txt": "./pkg[more]\n",
    "pkg/pyproject.toml": '[project]\nname = "My.Pkg"\n',
    "pkg/src/my/__init__.py": "",
    "pkg/src/my/__pycache__/x.pyc": "",
    "pkg/src/my.egg-info/PKG-INFO": "",
    "pkg/build/lib/x.py": "",
    "pkg/.venv/x.py": "",
    "pkg/env/pyvenv.cfg": "",
    "pkg/env/bin/python": "",
}


def layouts(folder, requirements="./requirements.txt", **more):
    write(folder, FILES | {"modelpack.yaml": SPEC.format(requirements=requirements)} | more)
    return {name: sorted(layout) for name, layout in projects.layouts(load_spec(folder), folder / "cache").items()}


def test_what_tools_leave_in_a_project_is_not_packaged(tmp_path):
    assert layouts(tmp_path) == {"project-my-pkg": ["pyproject.toml", "src/my"]}


def test_a_project_around_the_spec_leaves_out_the_packages_other_files(tmp_path):
    more = {"requirements.txt": ".", "pyproject.toml": '[project]\nname = "demo"\n', "modelpack.lock.json": "{}"}
    found = layouts(tmp_path, **more)["project-demo"]

    assert "src/score.py" in found
    assert not {"modelpack.yaml", "modelpack.lock.json", "request.json"} & set(found)
    assert not [path for path in found if path.startswith("model")]


def test_archives_and_wheels_are_trees_of_one_file(tmp_path):
    more = {"requirements.txt": "./old-1.0.tar.gz\n./new-2.0-py3-none-any.whl\n"}
    more |= {"old-1.0.tar.gz": ""}
    make_wheel(tmp_path, "new", "2.0")

    assert layouts(tmp_path, **more) == {
        "project-old": ["old-1.0.tar.gz"],
        "project-new": ["new-2.0-py3-none-any.whl"],
    }


def test_one_name_from_two_places_is_refused(tmp_path):
    more = {"requirements.txt": "./pkg\n./other\n", "other/pyproject.toml": '[project]\nname = "my-pkg"\n'}
    with pytest.raises(ResolveError, match=r"requirements\.txt:2: my-pkg is required from two places"):
        layouts(tmp_path, **more)
