"""modelpack installed from a wheel, without its checkout, in an environment of its own, does the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from real_project import CHECKOUT, SAME

pytestmark = [pytest.mark.nix, pytest.mark.network]

FLAKES = ("--extra-experimental-features", "nix-command flakes")
SANDBOX = ("--option", "sandbox", "true", "--option", "substituters", "")
STARTER = "sklearn-azureml"


def call(*command, **options):
    options = {"cwd": "/", "env": without_checkout()} | options
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_checkout():
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, made of a copy, since building writes into the source."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("modelpack", "nix", "templates"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "result"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", source)
    (path,) = (folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def modelpack(wheel, tmp_path_factory):
    """The command, installed."""
    folder = tmp_path_factory.mktemp("venv")
    call(sys.executable, "-m", "venv", folder)
    call(folder / "bin/python", "-m", "pip", "install", "--quiet", wheel)
    return folder / "bin/modelpack"


@pytest.fixture(scope="module")
def project(modelpack, demo, tmp_path_factory):
    """The starter of the demo, begun by the installed command, and locked as the demo."""
    folder = tmp_path_factory.mktemp("projects")
    printed = call(modelpack, "init", STARTER, cwd=folder)
    assert f"{STARTER}/flake.nix" in printed
    project = folder / STARTER
    shutil.copy(demo.folder / "modelpack.lock.json", project)
    # A new project has the name of its folder.
    shutil.copy(demo.folder / "modelpack.yaml", project)
    return project


def test_the_wheel_carries_the_library_and_the_starters_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"modelpack"}
    assert "modelpack/share/nix/lib/default.nix" in names
    assert f"modelpack/share/templates/{STARTER}/model/model.joblib" in names
    assert f"modelpack/share/templates/{STARTER}/.gitignore" in names
    assert any(name.startswith("modelpack/servers/azureml/") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", "/result"))]


def test_it_builds_the_same_store_path_from_any_folder(modelpack, demo, project, tmp_path):
    environment = without_checkout() | {"MODELPACK_CACHE": str(tmp_path / "cache")}
    text = call(modelpack, "build", "--locked", "--json", "-o", tmp_path / "result", project, env=environment)
    built = json.loads(text)
    assert {key: built[key] for key in SAME} == {key: demo.built[key] for key in SAME}


def test_a_flake_of_its_making_builds_the_same_store_path(demo, project, tmp_path):
    flake = (project / "flake.nix").read_text(encoding="utf-8")
    assert "flake:modelpack" not in flake
    assert str(CHECKOUT) not in flake
    command = ("nix", *FLAKES, *SANDBOX, "build", f"path:{project}#modelpkg", "--out-link", tmp_path / "result")
    call(*command)
    assert os.readlink(tmp_path / "result") == demo.built["store_path"]  # noqa: PTH115 - the text


def test_the_lock_of_a_checkout_is_up_to_date_for_it(modelpack, project, tmp_path):
    environment = without_checkout() | {"MODELPACK_CACHE": str(tmp_path / "cache")}
    assert call(modelpack, "lock", "--check", project, env=environment) == "modelpack.lock.json is up to date\n"
