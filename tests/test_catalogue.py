"""The catalogue of servers: what its entries say, and that a folder is all that a new one takes."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelpack.catalogue import (
    CATALOGUE_PLACEHOLDERS,
    SERVERS,
    placeholders_in,
    read_entry,
    server_names,
)
from modelpack.errors import SpecError
from modelpack.injection import TELEMETRY_OFF, resolve_server, server_requirements
from modelpack.loading.native import load_spec
from modelpack.lock import LockedRequirement, Server

SPEC = """\
name: diabetes
model: ./model
code: {path: ./src, scoring_script: inner/score.py}
check: false
"""

ECHO = """\
description: Sends back what it gets
requirements: ["echo-server>=2,<3", "gunicorn"]
command: ["@python@", -m, echo_server, --handler, "@code@/@scoring_script@", --port, "@port@"]
environment: {ECHO_MODEL: "@model@", ECHO_WORKERS: 2}
port: 7000
routes: {readiness: /ready, scoring: /echo}
stop_signal: SIGINT
request: {method: PUT, content_type: text/plain}
scoring_script: [handle]
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "src/inner").mkdir(parents=True)
    (folder / "src/inner/score.py").write_text("def init(): ...\ndef run(data): ...\ndef handle(data): ...\n")
    (folder / "model").mkdir()
    (folder / "model/model.pkl").write_text("")
    (folder / "labels.json").write_text("{}")
    (folder / "body.txt").write_text("hello")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def servers(tmp_path):
    """A catalogue of one's own."""
    (tmp_path / "servers/echo").mkdir(parents=True)
    (tmp_path / "servers/echo/server.yaml").write_text(ECHO)
    return tmp_path / "servers"


def load(text, **options):
    Path("modelpack.yaml").write_text(text)
    return load_spec(Path(), **options)


def problems(call):
    with pytest.raises(SpecError) as caught:
        call()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", server_names())
def test_every_entry_of_ours_is_right(name):
    entry = read_entry(name)

    assert entry.description
    assert {word for text in entry.command or () for word in placeholders_in(text)} <= set(CATALOGUE_PLACEHOLDERS)


def test_we_bring_these_servers():
    assert server_names() == (
        *(
            "azureml",
            "azureml-batch",
            "bentoml",
            "custom",
            "fastapi",
            "flask",
            "kserve",
            "litserve",
            "mlflow",
            "mlflow-batch",
            "mlserver",
        ),
        *("onnxruntime", "pytriton", "tensorflow", "tfserving", "torchserve", "triton"),
    )


def test_azureml_is_started_as_azure_does():
    spec = load(SPEC + "inputs: {label-map: ./labels.json, samples: ./model}\n")

    assert resolve_server(spec) == Server(
        name="azureml",
        command=(
            *("@python@", "-m", "azureml_inference_server_http", "--entry_script", "@code@/inner/score.py"),
            *("--model_dir", "@model@", "--port", "@port@"),
        ),
        environment=TELEMETRY_OFF
        | {
            "MODELPACK_INPUT_LABEL_MAP": "@input-label-map@/labels.json",
            "MODELPACK_INPUT_SAMPLES": "@input-samples@/model",
            "AML_APP_ROOT": "@code@/inner",
            "AZUREML_ENTRY_SCRIPT": "@code@/inner/score.py",
            "AZUREML_MODEL_DIR": "@model@",
        },
        port=5001,
        routes={"liveness": "/", "readiness": "/", "scoring": "/score", "openapi": "/swagger.json"},
        stop_signal="SIGTERM",
    )


def test_requirements_are_injected_and_narrowed():
    spec = load(SPEC + "server: {name: azureml, version: '>=1.5'}\n")

    assert server_requirements(spec) == (
        LockedRequirement(requirement="azureml-inference-server-http>=1.4,<2", origin="server azureml"),
        LockedRequirement(requirement="azureml-inference-server-http>=1.5", origin="modelpack.yaml:5: server.version"),
    )


def test_one_exact_version_of_a_server_is_the_users_to_answer_for():
    spec = load(SPEC + "server: {name: azureml, version: 1.0.0}\n")

    assert server_requirements(spec) == (
        LockedRequirement(
            requirement="azureml-inference-server-http==1.0.0", origin="modelpack.yaml:5: server.version"
        ),
    )


def test_the_port_of_a_server_may_be_another():
    assert resolve_server(load(SPEC + "server: {name: azureml, port: 8080}\n")).port == 8080


def test_custom_takes_everything_from_the_spec():
    spec = load(
        SPEC.replace(", scoring_script: inner/score.py", "")
        + 'server:\n  name: custom\n  command: ["@python@", app.py]\n  port: 80\n'
        + "  routes: {readiness: /ready, scoring: /predict}\n"
    )

    assert resolve_server(spec) == Server(
        name="custom",
        command=("@python@", "app.py"),
        environment=TELEMETRY_OFF | {"AZUREML_MODEL_DIR": "@model@"},
        port=80,
        routes={"liveness": "/ready", "readiness": "/ready", "scoring": "/predict"},
        stop_signal="SIGTERM",
    )
    assert server_requirements(spec) == ()


def test_a_folder_is_all_that_a_new_server_takes(servers):
    spec = load(
        SPEC.replace("false", "{request: body.txt}") + "server: {name: echo, version: '<2.5'}\n", servers=servers
    )

    assert resolve_server(spec, servers) == Server(
        name="echo",
        command=(
            *("@python@", "-m", "echo_server", "--handler", "@code@/inner/score.py"),
            *("--port", "@port@"),
        ),
        environment=TELEMETRY_OFF | {"ECHO_MODEL": "@model@", "ECHO_WORKERS": "2"},
        port=7000,
        routes={"liveness": "/ready", "readiness": "/ready", "scoring": "/echo"},
        stop_signal="SIGINT",
    )
    assert server_requirements(spec, servers) == (
        LockedRequirement(requirement="echo-server>=2,<3", origin="server echo"),
        LockedRequirement(requirement="gunicorn", origin="server echo"),
        LockedRequirement(requirement="echo-server<2.5", origin="modelpack.yaml:5: server.version"),
    )
    assert (spec.check.requests[0].method, spec.check.requests[0].content_type) == ("PUT", "text/plain")


def test_a_spec_for_it_is_judged_by_what_the_folder_says(servers):
    Path("src/inner/score.py").write_text("def run(data): ...\n")

    assert problems(lambda: load(SPEC + "server: ehco\n", servers=servers)) == [
        'modelpack.yaml:5:9: server: expected echo, found "ehco" (did you mean echo?)'
    ]
    assert problems(lambda: load(SPEC + "server: {name: echo, command: [x], port: 1}\n", servers=servers)) == [
        "modelpack.yaml:5:31: server.command: the server echo has its own (leave it out)",
        "src/inner/score.py:1:1: code.scoring_script: defines no handle() (the server calls handle())",
    ]


def test_a_server_that_listens_on_one_port_only_says_so(servers):
    path = servers / "echo/server.yaml"
    path.write_text(ECHO.replace(', --port, "@port@"', ""))

    assert problems(lambda: load(SPEC + "server: {name: echo, port: 1}\n", servers=servers)) == [
        "modelpack.yaml:5:28: server.port: the server echo has its own (leave it out)"
    ]


def test_without_a_default_server_it_has_to_be_named(servers):
    assert problems(lambda: load(SPEC, servers=servers)) == ["modelpack.yaml:1:1: server: missing (write server: echo)"]


def test_mistakes_in_an_entry_are_told_with_their_places(servers):
    (servers / "echo/server.yaml").write_text(
        "requirements: [echo=1]\ncommand: ['@pyhton@', '@input-x@']\nenvironment: {A: '@modle@'}\n"
        "port: http\nroute: {scoring: /}\nstop_signal: TERM\nscoring_script: []\n"
    )

    signals = "SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2"
    assert problems(lambda: read_entry("echo", servers)) == [
        "echo/server.yaml:1:1: description: missing",
        'echo/server.yaml:1:16: requirements[0]: not a requirement: "echo=1" (did you mean echo==1?)',
        "echo/server.yaml:2:11: command[0]: an unknown placeholder: @pyhton@ (did you mean @python@?)",
        "echo/server.yaml:2:23: command[1]: an unknown placeholder: @input-x@",
        "echo/server.yaml:3:18: environment.A: an unknown placeholder: @modle@ (did you mean @model@?)",
        'echo/server.yaml:4:7: port: expected a whole number from 1 to 65535, found the text "http"',
        "echo/server.yaml:5:1: route: unknown key (did you mean routes?)",
        f'echo/server.yaml:6:14: stop_signal: expected one of {signals}, found "TERM" (did you mean SIGTERM?)',
        "echo/server.yaml:7:17: scoring_script: expected a list, found an empty list",
    ]


SCRIPT = """\
import os
import time
import beside
import below_code

def init():
    assert os.environ["AZUREML_MODEL_DIR"]

def run(data, request_headers):
    time.sleep(float(data))
    return [beside.NAME, below_code.NAME, os.environ["AZUREML_ENTRY_SCRIPT"]]
"""


@pytest.mark.network
def test_the_real_server_behaves_as_its_entry_says(project, tmp_path):
    """Starts from a read-only code folder, finds modules of both folders, answers, drains and exits with 0."""
    (project / "src/inner/score.py").write_text(SCRIPT)
    (project / "src/inner/beside.py").write_text("NAME = 'beside'\n")
    (project / "src/below_code.py").write_text("NAME = 'below code'\n")
    server = resolve_server(load(SPEC))
    python = install(tmp_path / "venv", [item.requirement for item in server_requirements(load_spec(Path()))])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = {"python": python, "code": project / "src", "model": project / "model", "port": port}
    for folder in (project / "src/inner", project / "src"):
        folder.chmod(0o555)

    process = subprocess.Popen(
        [fill(word, known) for word in server.command],
        env={name: fill(text, known) for name, text in server.environment.items()} | {"HOME": str(tmp_path / "home")},
        cwd=project / "src",
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(address + server.routes["readiness"])
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(ask, address + server.routes["scoring"], b"1.0")
            openapi = ask(address + server.routes["openapi"])
            time.sleep(0.3)
            process.send_signal(getattr(signal, server.stop_signal))
            body = answer.result()
        status = process.wait(20)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    assert b'"beside", "below code"' in body
    assert str(project / "src/inner/score.py").encode() in body
    assert b"/score" in openapi
    assert status == 0


def install(folder, requirements):
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


def fill(text, known):
    for name, value in known.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def ask(url, data=None):
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.read()


def wait_until_ready(url):
    for _ in range(150):
        try:
            return ask(url)
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server did not start")


def test_the_catalogue_lies_in_the_package():
    assert (SERVERS / "azureml/server.yaml").is_file()
    assert sys.modules["modelpack"].__path__[0] == str(SERVERS.parent)


OLD = [
    *(SERVERS / "mlflow").rglob("*.py"),
    *(SERVERS / "mlflow-batch").rglob("*.py"),
    *(SERVERS / "shared" / name for name in (*read_entry("mlflow").shared, "batch.py")),
]
"""Programs for models of any age."""


@pytest.mark.parametrize("path", OLD, ids=lambda path: str(path.relative_to(SERVERS)))
def test_programs_for_models_of_any_age_are_written_for_python_3_7(path):
    ast.parse(path.read_text(), feature_version=(3, 7))
