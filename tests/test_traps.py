"""Traps that were met when inference servers were tried: each is reported, or does not happen.

Those that one server alone has are in ``test_server_traps``.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
from pathlib import Path

import pytest
import real_project
import small_server
from builder import write_wheel
from local_index import Notes, isolate, make_wheel, serving
from static_check import check, make_sdist, without_settings, write, write_stale_lock

from modelpack.lock import LockedRequirement
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope

CUSTOM = {"name": "custom", "command": ["serve"], "port": 8000, "routes": {"readiness": "/", "scoring": "/score"}}


@pytest.fixture
def wheels(tmp_path):
    (tmp_path / "wheels").mkdir()
    return tmp_path / "wheels"


@pytest.fixture
def report(wheels, tmp_path, monkeypatch, capsys):
    """Check a project with these keys of its spec, over what the index of the test has."""

    def report(facts=None, files=None, path="modelpack.yaml", **spec):
        spec = {"name": "demo", "model": "./model", "server": CUSTOM, "check": False, **spec}
        write(tmp_path / "project", files or {"model/weights.json": {}, "modelpack.yaml": spec})
        monkeypatch.chdir(tmp_path / "project")
        isolate(monkeypatch, tmp_path)
        without_settings(monkeypatch, tmp_path)
        write_stale_lock(Path(path), tmp_path)
        with serving(wheels) as index:
            monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
            index.facts.update(facts or {})
            return check(monkeypatch, capsys, path)

    return report


def test_upper_bound_on_requires_python(report, wheels):
    make_wheel(wheels, "server-http", "0.1")
    make_wheel(wheels, "server-http", "0.2", python=">=3.8,<3.10")
    facts = {"server_http-0.2-py3-none-any.whl": {"requires-python": ">=3.8,<3.10"}}

    said = report(facts, requirements=["server-http"])

    expected = """\
exit code 0
warning MP209: modelpack.yaml:1: server-http 0.2 says that it does not run on
    Python 3.11.0: Requires-Python >=3.8,<3.10
    fix: check that it works, or require another release of it
1 warning; modelpack explain CODE says more
"""
    assert said == expected


def test_extra_that_no_longer_exists(report, wheels):
    make_wheel(wheels, "mlflow", "2.9.0", extras=["mlserver"], requires=["mlserver; extra == 'mlserver'"])
    make_wheel(wheels, "mlflow", "3.17.2", extras=["gateway", "genai"])
    make_wheel(wheels, "mlserver", "1.7.1")

    said = report(requirements=["mlflow[mlserver]==3.17.2"])

    expected = """\
exit code 5
error MP210: modelpack.yaml:1: mlflow[mlserver]==3.17.2 (modelpack.yaml:1):
    mlflow 3.17.2 has no extra named mlserver
    fix: it has: gateway, genai
1 error; modelpack explain CODE says more
"""
    assert said == expected


def test_wheels_only_on_what_has_only_sources(report, wheels):
    make_wheel(wheels, "azureml-defaults", "1.0.45")
    make_wheel(wheels, "azureml-defaults", "1.62.0", requires=["azureml-dataset-runtime[fuse]~=1.62.0"])
    runtime = {"extras": ["fuse"], "requires": ["fusepy<4,>=3.0.1; extra == 'fuse'"]}
    make_wheel(wheels, "azureml-dataset-runtime", "1.62.0.post1", **runtime)
    make_sdist(wheels, "fusepy", "3.0.1")
    uploaded = {"1.0.45": "2019-06-25", "1.62.0": "2026-02-25"}
    facts = {
        f"azureml_defaults-{version}-py3-none-any.whl": {"upload-time": f"{day}T00:00:00Z"}
        for version, day in uploaded.items()
    }

    said = report(facts, requirements=["azureml-defaults"])

    expected = """\
exit code 0
warning MP206: modelpack.yaml:1: azureml-defaults is open, and got 1.0.45 of
    2019-06-25; the newest is 1.62.0 of 2026-02-25, which requires
    azureml-dataset-runtime[fuse]~=1.62.0, whose 1.62.0.post1 requires
    fusepy<4,>=3.0.1, which has no wheel for Python 3.11 on linux/amd64 with
    glibc 2.36
    fix: require azureml-defaults==1.62.0: fusepy is then built from its source,
        or require azureml-defaults==1.0.45 to say that it is meant
1 warning; modelpack explain CODE says more
"""
    assert said == expected


def test_sibling_not_published_yet(report, wheels):
    for version in ("3.17.2", "3.18.0"):
        make_wheel(wheels, "mlflow", version, requires=[f"mlflow-skinny=={version}"])
    make_wheel(wheels, "mlflow-skinny", "3.17.2")

    said = report(requirements=["mlflow"])

    expected = """\
exit code 0
note MP206: modelpack.yaml:1: mlflow is open, and got 3.17.2; the newest is
    3.18.0, which requires mlflow-skinny==3.18.0, which is not published yet:
    the newest is 3.17.2
    fix: wait until mlflow-skinny==3.18.0 is published, or require
        mlflow==3.17.2 to say that it is meant
1 note; modelpack explain CODE says more
"""
    assert said == expected


def test_sibling_not_published_yet_when_just_that_release_is_required(report, wheels):
    for version in ("3.17.2", "3.18.0"):
        make_wheel(wheels, "mlflow", version, requires=[f"mlflow-skinny=={version}"])
    make_wheel(wheels, "mlflow-skinny", "3.17.2")

    said = report(requirements=["mlflow==3.18.0"])

    expected = """\
exit code 5
error MP200: modelpack.yaml:1: mlflow==3.18.0 (modelpack.yaml:1) itself requires
    what cannot be had
    Because there is no version of mlflow-skinny==3.18.0 and mlflow>=3.18.0
        depends on mlflow-skinny==3.18.0, we can conclude that mlflow>=3.18.0
        cannot be used.
    And because you require mlflow==3.18.0, we can conclude that your
        requirements are unsatisfiable.
    this was tried and works:
      modelpack.yaml:1: mlflow==3.17.2 in place of mlflow==3.18.0
    fix: modelpack.yaml:1: mlflow==3.17.2 in place of mlflow==3.18.0
1 error; modelpack explain CODE says more
"""
    assert said == expected


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_default_torch_is_for_gpus(report, wheels, platform):
    make_wheel(wheels, "torch", "2.13.0", requires=["nvidia-cudnn-cu13==9.1"])
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]
    make_wheel(wheels, "nvidia-cudnn-cu13", "9.1", tag=f"py3-none-manylinux_2_27_{machine}", payload=bytes(120 << 20))

    said = report(requirements=["torch"], platform=platform)

    expected = """\
exit code 0
warning MP207: modelpack.yaml:1: torch brings 125.8 MB of NVIDIA's libraries for
    GPUs, which nothing loads on a CPU
    fix: for a CPU alone, require a build for the CPU (torch==VERSION+cpu, of
        the index of CPU builds)
1 warning; modelpack explain CODE says more
"""
    assert said == expected


def test_files_of_a_model_that_disagree(report, wheels):
    for name, version in (
        ("mlflow-skinny", "3.17.2"),
        ("scikit-learn", "1.7.0"),
        ("scikit-learn", "1.5.2"),
        ("pandas", "3.1.1"),
        ("numpy", "2.3.5"),
    ):
        make_wheel(wheels, name, version)
    flavors = {
        "python_function": {
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "loader_module": "mlflow.sklearn",
            "model_path": "model.pkl",
            "python_version": "3.11.7",
        },
        "sklearn": {"pickled_model": "model.pkl", "sklearn_version": "1.6.1"},
    }
    pip = ["mlflow==3.17.2", "scikit-learn==1.7.0", "pandas"]
    files = {
        "model/MLmodel": {"flavors": flavors, "mlflow_version": "3.17.2"},
        "model/conda.yaml": {"dependencies": ["python=3.10", "pip", {"pip": pip}]},
        "model/python_env.yaml": {"python": "3.13.1", "dependencies": ["-r requirements.txt"]},
        "model/requirements.txt": "mlflow==3.17.2\nscikit-learn==1.5.2\n",
        "model/model.pkl": pickle.dumps({"_sklearn_version": "1.4.0"}),
    }

    said = report(files=files, path="model")

    expected = """\
exit code 0
warning MP501: model: model/model.pkl: was saved by scikit-learn 1.4.0, the
    package has 1.5.2
    fix: require scikit-learn==1.4.0, or save it again
warning MP110: model/MLmodel:1:1: no input example, and no signature that one
    can be made from: the check only sees the server ready
    fix: save the model with input_example=
warning MP113: model/conda.yaml:1:1: left out, since python_env.yaml does not
    have it: pandas; python_env.yaml is taken, since MLmodel names it for
    virtualenv
warning MP113: model/python_env.yaml:1:12: Python: python_env.yaml has 3.13.1,
    conda.yaml 3.10, MLmodel 3.11.7; python_env.yaml is taken, since MLmodel
    names it for virtualenv
warning MP113: model/requirements.txt:2:1: scikit-learn: python_env.yaml has
    ==1.5.2, conda.yaml ==1.7.0, MLmodel saved with 1.6.1; python_env.yaml is
    taken, since MLmodel names it for virtualenv
note MP503: model: model/model.pkl: a pickle: loading it runs code
note MP111: model/requirements.txt:1:1: mlflow-skinny==3.17.2 serves in place of
    mlflow==3.17.2: the same server and loaders, without tracking
    fix: require mlflow[extras] to have all of it
5 warnings, 2 notes; modelpack explain CODE says more
"""
    assert said == expected


def test_a_model_that_was_saved_with_other_versions_than_the_spec_requires(report, wheels):
    make_wheel(wheels, "scikit-learn", "1.7.0")
    mlmodel = """\
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl, python_version: 3.9.18}
  sklearn: {pickled_model: model.pkl, sklearn_version: 1.5.2}
"""
    spec = {"name": "demo", "model": "./model", "server": CUSTOM, "check": False, "requirements": ["scikit-learn"]}
    model = {"model/MLmodel": mlmodel, "model/model.pkl": pickle.dumps({}), "modelpack.yaml": spec}

    said = report(files=model)

    expected = """\
exit code 0
warning MP501: model/MLmodel:2:91: the model was saved with Python 3.9.18, the
    package has 3.11
    fix: set python: "3.9", or save it again
warning MP501: model/MLmodel:3:56: the model was saved with scikit-learn 1.5.2,
    the package has 1.7.0
    fix: require scikit-learn==1.5.2, or save it again
note MP503: model: model/model.pkl: a pickle: loading it runs code
2 warnings, 1 note; modelpack explain CODE says more
"""
    assert said == expected


def test_uv_does_not_download_a_python(wheels, tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("PATH", "/nonexistent")
    make_wheel(wheels, "thing", "1.0")
    asked = [LockedRequirement(requirement="thing", origin="modelpack.yaml:1")]
    options = {"platform": "linux/amd64", "glibc": "2.41", "progress": Notes(), "cache": tmp_path / "cache"}

    with serving(wheels) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", f"{index.url}/pythons")
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", f"{index.url}/pythons.json")
        found = resolve(asked, python="3.14", scope=Scope(tmp_path), **options)

    assert [wheel.name for wheel in found] == ["thing"]
    assert not [path for path in index.paths() if "pythons" in path]


@pytest.mark.network
@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("azureml-defaults", ["MP206", "azureml-dataset-runtime[fuse]", "fusepy", "built from its source"]),
        ("mlflow[mlserver]==3.17.2", ["MP210", "no extra named mlserver", "it has: aliyun-oss"]),
    ],
)
def test_the_packages_themselves(tmp_path, monkeypatch, capsys, requirement, said):
    spec = {"name": "demo", "model": "./model", "server": CUSTOM, "check": False, "requirements": [requirement]}
    write(tmp_path, {"model/weights.json": {}, "modelpack.yaml": spec})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELPACK_CACHE", str(tmp_path / "cache"))
    write_stale_lock(Path("modelpack.yaml"), tmp_path)

    found = " ".join(check(monkeypatch, capsys).split())

    assert [words for words in said if words not in found] == []


@pytest.fixture
def make(wheels, tmp_path, monkeypatch):
    """Write a project whose requirements an index of the test has."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(wheels) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        yield lambda app, **options: small_server.make(tmp_path / "small", app, **options)


def write_torchserver(folder):
    """Write a wheel whose server starts a worker, which imports what the wheel does not declare."""
    main = """\
import http.server
import os
import subprocess
import sys

worker = subprocess.Popen([sys.executable, "-m", "torchserver.worker"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.answer(503 if worker.wait() else 200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["MODELPACK_PORT"])), Handler).serve_forever()
"""
    info = "torchserver-0.12.0.dist-info"
    files = {
        "torchserver/__main__.py": main.encode(),
        "torchserver/worker.py": b"import yaml\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: torchserver\nVersion: 0.12.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    write_wheel(folder / "torchserver-0.12.0-py3-none-any.whl", files, info=info)


@pytest.mark.nix
@pytest.mark.network
def test_undeclared_imports_of_a_server_whose_health_route_lies(make, wheels, small_cache):
    write_torchserver(wheels)
    server = {**small_server.SERVER, "command": ["python3", "-m", "torchserver"]}
    check = {"request": "request.json", "timeout": 3}
    project = make("", server=server, requirements=["torchserver"], check=check)

    said = small_server.report(project, small_cache)

    expected = """\
exit code 9
error: check failed at status: request-1: POST /score answered 503, expected 200:
  the server's log ends:
    Traceback (most recent call last):
      File "<frozen runpy>", line 198, in _run_module_as_main
      File "<frozen runpy>", line 88, in _run_code
    ModuleNotFoundError: No module named 'yaml'

hint: no locked distribution has the module yaml: add pyyaml to requirements
"""
    assert said == expected


@pytest.mark.nix
@pytest.mark.network
def test_undeclared_need_of_java(make, small_cache):
    app = """\
import subprocess

from serve import serve

subprocess.run(["java", "-version"], check=True)
serve(lambda body: body)
"""
    said = small_server.report(make(app), small_cache)

    assert "check failed at start" in said
    assert "hint: the package has no program java, which Debian has in openjdk-17-jre-headless: add" in said


@pytest.mark.nix
@pytest.mark.network
def test_undeclared_need_of_a_shell(make, small_cache):
    app = """\
import os
import subprocess

from serve import serve

subprocess.run("exit 0", shell=True, check=True)
serve(lambda body: body)
"""
    said = small_server.report(make(app), small_cache)

    assert "check failed at start" in said
    assert "hint: there is no /bin/sh in the check: start programs without a shell (shell=True, os.system)" in said


def write_tool(folder):
    """Write a wheel with a program, ``tool``."""
    info = "tool-1.0.dist-info"
    files = {
        "tool.py": b"def main():\n    print('the tool')\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\ntool = tool:main\n",
    }
    write_wheel(folder / "tool-1.0-py3-none-any.whl", files, info=info)


@pytest.mark.nix
@pytest.mark.network
def test_programs_that_are_started_by_name_are_those_of_the_package(make, wheels, small_cache, tmp_path):
    write_tool(wheels)
    app = """\
import json
import subprocess
import sys

from serve import serve


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def score(body):
    here = said("python", "-c", "import sys; print(sys.prefix)")
    return json.dumps([said("tool"), here == sys.prefix]).encode()


serve(score)
"""
    files = {"response.json": ["the tool", True]}
    built = real_project.build(make(app, files=files, requirements=["tool"]), small_cache)

    write(tmp_path / "hostile", dict.fromkeys(("python", "python3", "tool"), "#!/bin/sh\nexit 127\n"))
    for path in (tmp_path / "hostile").iterdir():
        path.chmod(0o755)
    port = real_project.free_port()
    variables = {"PATH": str(tmp_path / "hostile"), "MODELPACK_PORT": str(port)}
    with subprocess.Popen([f"{built['store_path']}/bin/serve"], env=variables) as server:
        try:
            real_project.wait_until(lambda: real_project.takes_connections(port))
            assert real_project.ask(tmp_path / "small", port, "request.json") == ["the tool", True]
        finally:
            server.terminate()


LIBPYTHON = """\
import ctypes
import json
import sys

from serve import serve

library = ctypes.CDLL("libpython3.11.so.1.0")
library.Py_GetVersion.restype = ctypes.c_char_p
version = library.Py_GetVersion().decode()
places = {line.split()[-1] for line in open("/proc/self/maps") if "libpython" in line}
serve(lambda body: json.dumps([version == sys.version, [place.startswith("/nix/store/") for place in places]]).encode())
"""


@pytest.mark.nix
@pytest.mark.network
def test_libpython_is_that_of_the_interpreter_and_not_the_machines(make, small_cache):
    files = {"response.json": [True, [True]]}
    project = make(LIBPYTHON, files=files, base={"packages": ["libpython3.11"]})

    assert small_server.report(project, small_cache) == "exit code 0\n"


@pytest.mark.nix
@pytest.mark.network
@pytest.mark.container
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("podman"), reason="needs podman as root")
def test_a_server_that_writes_to_its_home_serves_on_a_read_only_root(make, small_cache, tmp_path):
    app = """\
from pathlib import Path

from serve import serve

(Path.home() / ".cache").mkdir(exist_ok=True)
(Path.home() / ".cache/server.json").write_text("[1]")
serve(lambda body: (Path.home() / ".cache/server.json").read_bytes())
"""
    project = make(app)
    real_project.build(project, small_cache)
    code, _, err = real_project.run("export", "oci-archive", tmp_path / "small.tar", cwd=project, cache=small_cache)
    assert code == 0, err

    ask = "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000); c.request('POST', '/score', '[1]');"
    ask += " print(c.getresponse().read().decode())"
    name = f"modelpack-trap-{os.getpid()}"
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    image = f"oci-archive:{tmp_path / 'small.tar'}"
    podman("run", "--detach", "--name", name, "--read-only", "--network", "none", *limits, image)
    try:
        real_project.wait_until(lambda: podman("exec", name, "python3", "-c", ask, check=False).strip() == "[1]")
    finally:
        podman("rm", "--force", "--time", "1", name)


def podman(*words, check=True):
    done = subprocess.run(["podman", "--runtime", "runc", *words], check=check, capture_output=True, text=True)
    return done.stdout
