"""Servers of the user's own: one folder beside the spec, and no change of code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import real_project

from modelpack.errors import SpecError
from modelpack.injection import programs, resolve_server, server_requirements
from modelpack.loading import importing
from modelpack.loading.native import load_spec

DESCRIPTION = """\
description: Greets, in the words of a file made from the spec
requirements: ["six>=1.16"]
command: ["@python@", "@server@/app.py", "@port@"]
environment: {MODEL: "@model@/@model_name@"}
port: 7000
routes: {readiness: /ready, scoring: /greet}
scoring_script: [greet]
shared: [modelpack_scoring.py]
options:
  word:
    description: A word in lower case
    variable: WORD
    pattern: "[a-z]+"
    default: hello
"""
APP = """\
import http.server, json, os, sys
from pathlib import Path
import six

settings = json.loads(Path(__file__).with_name("settings.json").read_text())
model = Path(os.environ["MODEL"]).read_text()

busy = [True]  # as servers are whose readiness route says yes too early

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if busy:
            busy.clear()
            return self.send_error(503)
        words = [os.environ["WORD"], name, model, settings["name"], settings["port"], six.ensure_str(b"six")]
        self.answer(json.dumps(words).encode())
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
"""
SPEC = """\
name: greeting
model: ./model.txt
code: ./src
server: {name: ./my-server, options: {word: hi}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in {
        "my-server/server.yaml": DESCRIPTION,
        "my-server/app.py": APP,
        "my-server/settings.json.j2": '{"name": "{{ spec.name }}", "port": {{ port }}}\n',
        "model.txt": "weights",
        "src/score.py": "def greet(): ...\n",
        "sample-request.json": '"you"',
        "expected-response.json": '["hi", "you", "weights", "greeting", 7000, "six"]',
        "modelpack.yaml": SPEC,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(text):
    Path("modelpack.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_spec(Path())
    return [str(problem) for problem in caught.value.problems]


def test_the_folder_is_the_server(project):
    spec = load_spec(Path())
    server = resolve_server(spec)

    assert (spec.server.name, spec.server.folder) == ("my-server", project / "my-server")
    assert server.command == ("@python@", "@server@/app.py", "@port@")
    assert server.environment["WORD"] == "hi"
    assert [item.requirement for item in server_requirements(spec)] == ["six>=1.16"]
    assert set(programs(spec, project / "cache")) == {"app.py", "settings.json", "modelpack_scoring.py"}


def test_its_contract_is_held(project):
    (project / "src/score.py").write_text("def init(): ...\n")
    assert ["greet()" in line for line in problems(SPEC)] == [True]


def test_what_is_wrong_with_it_is_said_at_its_place(project):
    (project / "my-server/server.yaml").write_text(DESCRIPTION.replace("port: 7000", "prot: 7000"))
    assert problems(SPEC) == ["my-server/server.yaml:5:1: prot: unknown key (did you mean port?)"]

    (project / "my-server/server.yaml").unlink()
    assert "my-server/server.yaml" in problems(SPEC)[0]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./my-servr", "no such folder: ./my-servr (did you mean ./my-server?)"),
        ("./model.txt", "expected a folder, found a file: ./model.txt"),
        ("my-server", "expected one of"),
        ("./src/..", "holds the spec itself"),
    ],
)
def test_what_is_no_such_folder_is_refused(name, said):
    assert said in problems(SPEC.replace("./my-server", name))[0]


def test_a_name_that_no_package_can_have_is_refused(project):
    (project / "my-server").rename(project / "my server")
    assert "expected a folder whose name is" in problems(SPEC.replace("./my-server", "./my server"))[0]


def test_it_can_be_written_as_a_spec_again(project):
    (project / "other").mkdir()
    importing.write(load_spec(Path()), project / "other.yaml", force=False)

    assert load_spec(project / "other.yaml").server == load_spec(Path()).server


@pytest.mark.nix
@pytest.mark.network
def test_it_is_packaged_and_checked(project):
    built = real_project.build(project, project.parent / "cache")
    description = json.loads(Path(built["store_path"], "share/modelpack/package.json").read_text())

    assert description["server"]["name"] == "my-server"
    assert built["answers"] == 1
