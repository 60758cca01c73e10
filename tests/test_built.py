"""Real builds from source in the sandbox, of every kind in one package, and twice."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from example_project import write
from real_project import CHECKOUT, build, nix, run

pytestmark = [pytest.mark.nix, pytest.mark.network]

SPEC = """\
name: from-source
model: ./model
requirements: ./requirements.txt
code: {path: ./code}
server: {name: custom, command: ["@python@", "@code@/app.py"], port: 8000, routes: {readiness: /, scoring: /score}}
check: false
"""
PROGRAM = """\
#include <Python.h>
#include <math.h>
static PyObject *root(PyObject *self, PyObject *arg) { return PyFloat_FromDouble(sqrt(PyFloat_AsDouble(arg))); }
static PyMethodDef methods[] = {{"root", root, METH_O, __FILE__}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", 0, -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""
SETUP = """\
from setuptools import Extension, setup
setup(name="fast", version="1.0", ext_modules=[Extension("fast", ["fast.c"])])
"""
POET = """\
[tool.poetry]
name = "poet"
version = "0.3"
description = ""
authors = []
[tool.poetry.dependencies]
python = ">=3.9"
moody = "^1"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
HATCH = """\
[project]
name = "hatched"
dynamic = ["version"]
dependencies = ["poet"]
[tool.hatch.version]
path = "hatched/__init__.py"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
# What it requires, and what its build does, is known to nobody before it runs.
MOODY = """\
import iniconfig
from setuptools import setup
setup(name="moody", version="1.1", py_modules=["moody"], install_requires=["iniconfig"])
"""
FILES = {
    "modelpack.yaml": SPEC,
    "requirements.txt": "--find-links ./dist\n./fast\n-e ./poet\n./hatched\ndocopt==0.6.2\n",
    "model/model.txt": "weights",
    "code/app.py": "",
    "fast/setup.py": SETUP,
    "fast/fast.c": PROGRAM,
    "poet/pyproject.toml": POET,
    "poet/poet/__init__.py": "",
    "hatched/pyproject.toml": HATCH,
    "hatched/hatched/__init__.py": '__version__ = "2.5"\n',
}


def make_sdist(folder):
    folder.mkdir()
    files = {
        "setup.py": MOODY,
        "moody.py": "",
        "pyproject.toml": '[build-system]\nrequires = ["setuptools", "iniconfig"]\n',
    }
    with tarfile.open(folder / "moody-1.1.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"moody-1.1/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("project"), FILES)
    make_sdist(folder / "dist")
    return folder, build(folder, folder / "cache")


def test_sources_of_every_kind_are_built_and_work(project):
    folder, built = project
    program = f"{built['store_path']}/share/modelpack/environment/bin/python3"
    code = "import docopt, fast, hatched, iniconfig, moody, poet; print(fast.root(16.0), hatched.__version__)"
    done = subprocess.run([program, "-I", "-c", code], capture_output=True, text=True, check=True)
    lock = json.loads((folder / "modelpack.lock.json").read_text())
    versions = {wheel["name"]: wheel["version"] for wheel in lock["python"]["wheels"] if "build" in wheel}

    assert done.stdout == "4.0 2.5\n"
    assert versions == {"docopt": "0.6.2", "fast": "1.0", "hatched": "2.5", "moody": "1.1", "poet": "0.3"}


def test_the_package_has_nothing_of_what_built_it(project):
    names = [path.split("-", 1)[1] for path in nix("nix-store", "--query", "--requisites", project[1]["store_path"])]

    assert not [name for name in names if name.startswith(("build-", "built-", "compilers", "setuptools", "tools"))]


def test_a_second_build_gives_the_same_bytes(project):
    names = ("built.fast", "built.hatched", "built.moody", "built.poet")
    options = ("--check", "--no-out-link", "--option", "sandbox", "true", "--option", "sandbox-paths", "")
    lock = ("--arg", "lock", str(project[0] / "modelpack.lock.json"))
    command = ("nix-build", str(CHECKOUT / "nix"), *lock, *(word for name in names for word in ("-A", name)), *options)

    assert len(nix(*command)) == len(names)


def test_a_change_builds_only_what_changed(project):
    folder, built = project
    paths = set(nix("nix-store", "--query", "--requisites", built["store_path"]))
    with (folder / "hatched/hatched/__init__.py").open("a") as file:
        file.write("CHANGED = True\n")
    again = build(folder, folder / "cache")
    new = set(nix("nix-store", "--query", "--requisites", again["store_path"])) - paths

    assert {path.split("-", 1)[1].split("-")[0] for path in new} == {"hatched", "environment", "server", "from"}
    assert Path(again["store_path"]).exists()


def test_what_a_build_lacks_is_said_with_what_to_do(project, tmp_path):
    files = FILES | {"requirements.txt": "./fast\n", "fast/fast.c": "#include <ffi.h>\n"}
    code, _, err = run("lock", cwd=write(tmp_path / "project", files), cache=project[0] / "cache")

    assert code == 6
    assert "error: fast cannot be built from source: setuptools.build_meta:__legacy__ failed: " in err
    assert (
        "hint: the build lacks ffi.h, which Debian has in libffi-dev: write base: {build_packages: [libffi-dev]}" in err
    )
