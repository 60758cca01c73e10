"""Requirements by address: with a digest they are files like any other, without one they are refused."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from functools import partial
from pathlib import Path

import pytest
import real_project
from builder import write_wheel

from modelpack.errors import SpecError
from modelpack.loading.inputs import load
from modelpack.loading.write_native import write_native

HEX = "ab" * 32
WHEEL = "https://host.invalid/files/My_Pkg-1.0%2Bcpu-py3-none-any.whl"
SPEC = {
    "name": "addressed",
    "model": "./weights.json",
    "python": "3.11",
    "server": {
        "name": "custom",
        "command": ["@python@", "-m", "far", "@port@"],
        "port": 8000,
        "routes": {"readiness": "/", "scoring": "/"},
    },
    "check": {"method": "GET"},
}
FAR = "import http.server, sys\nhttp.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "weights.json").write_text("[1]")
    return folder


def read(*lines, **files):
    Path("requirements.txt").write_text("".join(f"{line}\n" for line in lines))
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text)
    Path("modelpack.yaml").write_text(json.dumps(SPEC | {"requirements": "requirements.txt"}))
    return load(Path("modelpack.yaml"))


@pytest.mark.parametrize(
    ("line", "text", "filename"),
    [
        (f"{WHEEL}#sha256={HEX}", "My-Pkg", "My_Pkg-1.0+cpu-py3-none-any.whl"),
        (f"my.pkg[a,b] @ {WHEEL}#sha256={HEX} ; python_version > '3'", "my.pkg[a,b] ; python_version > '3'", None),
        (f"{WHEEL} --hash=sha256:{HEX}", "My-Pkg", None),
        (f"http://host.invalid/old-1.0.tar.gz#egg=old&sha256={HEX.upper()}", "old", "old-1.0.tar.gz"),
        (f"mine @ https://host.invalid/archive/v1.zip?raw=1#sha256={HEX}", "mine", "v1.zip"),
    ],
)
def test_an_address_with_a_digest_is_a_file_by_that_digest(line, text, filename):
    (found,) = read(line).requirements

    assert (found.text, found.origin, found.hashes) == (text, "requirements.txt:1", ())
    assert found.source.remote.sha256 == HEX
    assert "#" not in found.source.remote.url
    assert filename in (None, found.source.path.name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (WHEEL, "names an address without a digest"),
        (f"{WHEEL}#sha256=12", "expected one sha256 of 64 hexadecimal digits, found 12"),
        (f"{WHEEL}#sha256={HEX} --hash=sha256:{'0' * 64}", "expected one sha256"),
        (f"other @ {WHEEL}#sha256={HEX}", "the wheel is of my-pkg, not of other"),
        (f"https://host.invalid/v1.zip#sha256={HEX}", "does not tell the name of the distribution"),
        (f"https://host.invalid/a.whl#sha256={HEX}", "not the name of a wheel: a.whl"),
        (f"a @ https://host.invalid/page#sha256={HEX}", "an address of neither a wheel nor a source archive"),
        (f"a @ https://host.invalid/a-1.zip#sha256={HEX}&subdirectory=b", "a project in a folder of an archive"),
        ("a @ https://me:secret@host.invalid/a-1.zip", "https://***@host.invalid/a-1.zip"),
    ],
)
def test_what_cannot_be_pinned_is_refused(line, message):
    with pytest.raises(SpecError) as caught:
        read(line)

    assert message in str(caught.value.problems[0])
    assert "secret" not in str(caught.value.problems[0])


def test_constraints_are_no_addresses():
    with pytest.raises(SpecError) as caught:
        read("-c limits.txt", limits_txt=f"{WHEEL}#sha256={HEX}\n")

    assert "a constraint cannot be an address" in str(caught.value.problems[0])


def test_a_native_spec_keeps_the_address(project):
    spec = read(f"{WHEEL}#sha256={HEX}")

    assert f"My-Pkg @ {WHEEL}#sha256={HEX}" in str(write_native(spec, project / "other.yaml").texts)


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, server
        server.shutdown()


@pytest.mark.nix
@pytest.mark.network
def test_a_wheel_by_address_is_locked_without_it_and_served(project, served, tmp_path):
    folder, server = served
    files = {
        "far/__main__.py": FAR,
        "far/__init__.py": "",
        "far-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: far\nVersion: 1.0\n",
        "far-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / "far-1.0-py3-none-any.whl"
    write_wheel(path, {name: text.encode() for name, text in files.items()}, info="far-1.0.dist-info")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    read(f"http://127.0.0.1:{server.server_port}/{path.name}#sha256={digest}")

    built = real_project.build(project, tmp_path / "cache")

    assert built["checked"]
    lock = (project / "modelpack.lock.json").read_text()
    assert "127.0.0.1" not in lock
    (wheel,) = [item for item in json.loads(lock)["python"]["wheels"] if item["name"] == "far"]
    assert (wheel["filename"], wheel["source"]) == (path.name, "local")
    server.shutdown()
    assert real_project.build(project, tmp_path / "another-cache")["store_path"] == built["store_path"]
