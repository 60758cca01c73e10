"""``builders/serve``: the scripts that start a server and ask whether it lives, run by a real sh."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading

import pytest
from builder import built
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REPORT = """#!{python}
import json, os, sys
print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))
"""
AWKWARD = [
    "plain",
    "",
    "two words",
    "it's",
    'say "hi"',
    "$HOME and ${HOME} and `id` and $(id)",
    "back\\slash and \\n",
    "brace } and { and }}",
    "tab\tand\nline",
    "ünïcode ✓",
    "-n",
    "*",
    "~",
    "!x",
    "a=b;c&d|e>f<g#h",
    "\\",
    "'\"'\"'",
    "trailing\n",
]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0@"), max_size=12)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A base with sh, and an environment whose Python and whose program ``report`` run here."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "base/usr/bin").mkdir(parents=True)
    (folder / "base/usr/bin/sh").symlink_to(shutil.which("dash") or "/bin/sh")
    (folder / "environment/bin").mkdir(parents=True)
    (folder / "environment/bin/python3").symlink_to(sys.executable)
    report = folder / "environment/bin/report"
    report.write_text(REPORT.format(python=sys.executable))
    report.chmod(0o755)
    return folder


@pytest.fixture
def serve(machine, tmp_path):
    """Give what the command of ``bin/serve`` is started with: its words, its variables and its folder."""

    def serve(command=("report",), variables=None, *, environment=None, **changes):
        out = make(machine, tmp_path / "work", command=list(command), variables=variables or {}, **changes)
        done = subprocess.run(
            [out / "bin/serve"], check=True, capture_output=True, text=True, env=environment or {}, timeout=60
        )
        return json.loads(done.stdout)

    return serve


def make(machine, work, **changes):
    shutil.rmtree(work, ignore_errors=True)
    plan = {
        "base": str(machine / "base"),
        "environment": str(machine / "environment"),
        "image": None,
        "title": "demo 1",
        "port": 5001,
        "job": False,
        "folder": "/",
        "command": ["report"],
        "variables": {},
        "liveness": "/",
    }
    return built("serve", plan | changes, work)


def test_words_arrive_as_they_were_written(serve):
    assert serve(["report", *AWKWARD])[0] == AWKWARD


def test_an_images_own_command_starts_in_its_folder(serve, tmp_path):
    config = tmp_path / "config.json"
    settings = {"Entrypoint": ["report"], "Cmd": ["a b"], "WorkingDir": str(tmp_path)}
    config.write_text(json.dumps({"config": settings}))

    words, _, folder = serve((), image=str(config))

    assert (words, folder) == (["a b"], str(tmp_path))


def test_an_image_without_a_command_is_no_server(machine, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AssertionError, match="neither the spec nor the base image has a command"):
        make(machine, tmp_path / "work", command=[], image=str(tmp_path / "config.json"))


def test_a_job_is_told_where_to_read_and_write_and_has_no_port_and_no_health(machine, tmp_path):
    out = make(machine, tmp_path / "work", job=True, port=None, liveness=None, command=["report", "x"])
    done = subprocess.run([out / "bin/serve", "a b", "c"], check=True, capture_output=True, text=True, env={})
    words, variables, _ = json.loads(done.stdout)

    assert words == ["x", "a b", "c"]
    assert "MODELPACK_PORT" not in variables
    assert [path.name for path in (out / "bin").iterdir()] == ["serve"]


def test_variables_arrive_as_they_were_written(serve):
    variables = {f"V{index}": text for index, text in enumerate(AWKWARD)}
    assert serve(variables=variables)[1].items() >= variables.items()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
def test_any_text_arrives_in_words_and_variables(serve, texts):
    variables = {f"V{index}": text for index, text in enumerate(texts)}
    words, found, _ = serve(["report", *texts], variables)
    assert words == texts
    assert found.items() >= variables.items()


def test_variables_that_are_set_win_even_when_they_are_empty(serve):
    found = serve(variables={"A": "own", "B": "own", "C": "own"}, environment={"A": "set", "B": ""})[1]
    assert (found["A"], found["B"], found["C"]) == ("set", "", "own")


def test_the_port_is_the_packages_unless_one_is_set(serve):
    command, variables = ["report", "--bind=0:@port@", "@port@0", "@port@"], {"URL": "http://x:@port@/", "N": "@port@0"}
    words, found, _ = serve(command, variables)
    assert (words, found["URL"], found["N"]) == (["--bind=0:5001", "50010", "5001"], "http://x:5001/", "50010")
    words, found, _ = serve(command, variables, environment={"MODELPACK_PORT": "8080"})
    assert (words, found["URL"], found["N"]) == (["--bind=0:8080", "80800", "8080"], "http://x:8080/", "80800")


def test_clouds_say_the_port_in_variables_of_theirs(serve):
    for port, variables in {
        "8081": {"AIP_HTTP_PORT": "8081"},
        "8082": {"SAGEMAKER_BIND_TO_PORT": "8082", "AIP_HTTP_PORT": ""},
        "8080": {"SAGEMAKER_BIND_TO_PORT": "8082", "AIP_HTTP_PORT": "8081", "MODELPACK_PORT": "8080"},
        "5001": {"MODELPACK_PORT": ""},
    }.items():
        assert serve(["report", "@port@"], environment=variables)[0] == [port]


def test_what_is_no_port_is_refused(machine, tmp_path):
    out = make(machine, tmp_path / "work")
    for port in ("abc", "0", "-1", "080", "65536", "99999999999999999999", "80 80", "8080/tcp"):
        variables = {"MODELPACK_PORT": port}
        done = subprocess.run([out / "bin/serve"], check=False, capture_output=True, text=True, env=variables)
        said = f"MODELPACK_PORT is no port, expected a number from 1 to 65535: {port}\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_temporary_files_go_where_it_can_write(serve):
    assert "TMPDIR" not in serve()[1]
    assert serve(environment={"TMPDIR": "/nowhere"})[1]["TMPDIR"] == "/dev/shm"  # noqa: S108


def test_nothing_of_the_machines_python_reaches_the_server(serve, machine):
    hostile = dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH"), "")
    found = serve(environment=hostile)[1]
    assert found["PATH"] == f"{machine}/environment/bin:{machine}/base/usr/bin"
    assert not {"PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD"} & set(found)


def test_locales_are_those_of_the_base(serve, machine):
    found = serve(environment={"LOCPATH": "/usr/lib/locale", "LANG": "de_DE.ISO-8859-1"})[1]
    assert found["LOCPATH"] == f"{machine}/base/usr/lib/locale"


def test_what_it_prints_is_seen_at_once(serve):
    assert serve()[1]["PYTHONUNBUFFERED"] == "1"
    assert serve(environment={"PYTHONUNBUFFERED": ""})[1]["PYTHONUNBUFFERED"] == ""


def test_it_starts_in_the_folder_of_the_code(serve, tmp_path):
    folder = tmp_path / "it's a 'folder'"
    folder.mkdir()
    assert serve(folder=str(folder))[2] == str(folder)


def test_the_library_path_of_the_environment_is_set(serve, machine):
    path = machine / "environment/share/modelpack/library-path"
    path.parent.mkdir(parents=True)
    path.write_text("/base/lib\n")
    found = serve()[1]
    shutil.rmtree(machine / "environment/share")
    assert found["LD_LIBRARY_PATH"] == "/base/lib"


def test_a_home_is_there_for_servers_that_write_to_one(serve, tmp_path):
    assert serve()[1]["HOME"] == "/tmp"  # noqa: S108
    assert serve(environment={"HOME": str(tmp_path)})[1]["HOME"] == str(tmp_path)
    assert serve(environment={"HOME": "/nonexistent"})[1]["HOME"] == "/tmp"  # noqa: S108
    assert serve(environment={"HOME": "/nonexistent", "TMPDIR": "/var/tmp"})[1]["HOME"] == "/var/tmp"  # noqa: S108


@pytest.fixture
def server():
    """A server that answers every path with the status that is its number."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path.rsplit("/", 1)[1]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def healthcheck(machine, tmp_path, environment=None, **plan):
    program = make(machine, tmp_path / "work", **plan) / "bin/healthcheck"
    return subprocess.run([program], check=False, capture_output=True, text=True, env=environment or {}, timeout=60)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (302, 0), (404, 1), (503, 1)])
def test_the_health_is_the_status_of_the_liveness_route(machine, tmp_path, server, status, code):
    done = healthcheck(machine, tmp_path, port=server.server_port, liveness=f"/it's/{status}")
    assert (done.returncode, done.stderr) == (code, "")


def test_the_health_is_asked_at_the_port_that_is_set_and_not_through_a_proxy(machine, tmp_path, server):
    variables = {"MODELPACK_PORT": str(server.server_port), "http_proxy": "http://127.0.0.1:1", "PYTHONPATH": "/x"}
    assert healthcheck(machine, tmp_path, variables, port=1, liveness="/200").returncode == 0
    variables = {"AIP_HTTP_PORT": variables["MODELPACK_PORT"], "MODELPACK_PORT": ""}
    assert healthcheck(machine, tmp_path, variables, port=1, liveness="/200").returncode == 0


def test_a_server_that_is_gone_is_not_alive(machine, tmp_path):
    done = healthcheck(machine, tmp_path, port=1)
    assert (done.returncode, done.stderr) == (1, "not alive: [Errno 111] Connection refused\n")
