"""Pythons that are not the usual suite's: real packages with them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import debian_python
import pytest
import stand_in_flake
from real_project import CHECKOUT, build, run
from real_project import nix as nix_words

from modelpack import lockfile
from modelpack.builders.elf import read_dynamic
from modelpack.settings import Settings
from modelpack.store.artifacts import Seed, artifacts
from modelpack.store.nix import Nix

pytestmark = [pytest.mark.nix, pytest.mark.network]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What was downloaded for one of these packages serves the next."""
    return tmp_path_factory.mktemp("pythons") / "cache"


def starter(folder, python, more=""):
    """Give the starter with a server of its own for another Python, in words that all of them have."""
    shutil.copytree(CHECKOUT / "templates/custom-flask", folder)
    spec = folder / "modelpack.yaml"
    text = spec.read_text().replace('python: "3.11"\n', f"{python}\n{more}")
    spec.write_text(text.replace("gunicorn==27.0.1", "gunicorn").replace('"--no-control-socket", ', ""))
    code = folder / "src/app.py"
    code.write_text(code.read_text().replace(", strict=True", ""))
    return folder


def test_a_python_that_an_older_suite_has_takes_that_suite_and_newer_tools(tmp_path, cache):
    folder = starter(tmp_path / "old", 'python: "3.9"')
    built = build(folder, cache)
    lock = json.loads((folder / "modelpack.lock.json").read_text())

    assert built["checked"]
    assert built["hermetic"]
    assert (lock["base"]["suite"], lock["base"]["tools_suite"], lock["base"]["tools_python"]) == (
        "bullseye",
        "bookworm",
        "3.11",
    )
    environment = Path(built["store_path"], "share/modelpack/environment").resolve()
    site = environment / "lib/python3.9/site-packages/flask"
    assert (site / "__pycache__/app.cpython-39.pyc").is_file()


def interpreter_tarball(lock, file):
    """Write a tarball in the shape of install_only."""
    header = f'#define PY_VERSION "{debian_python.version_of(lock)}"\n'.encode()
    with tarfile.open(file, "w:gz", compresslevel=1) as tarball:
        for path, mode, content in (*debian_python.files_of(lock), ("include/python3.11/patchlevel.h", 0o644, header)):
            entry = tarfile.TarInfo(f"python/{path}")
            entry.size, entry.mode = len(content), mode
            tarball.addfile(entry, io.BytesIO(content))


def test_an_interpreter_tarball_serves_on_a_suite_that_has_another_python(tmp_path, demo, cache):
    lock = lockfile.read(demo.folder / "modelpack.lock.json")
    libraries = "base: {from: debian:trixie, packages: [libssl3t64, libffi8, libbz2-1.0]}"
    file = tmp_path / "cpython+own.tar.gz"
    interpreter_tarball(lock, file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    python = f'python: {{version: "3.11", tarball: "{file.as_uri()}", sha256: {sha256}}}'
    folder = starter(tmp_path / "own", python, libraries + "\n")
    built = build(folder, cache)
    made = lockfile.read(folder / "modelpack.lock.json")
    environment = Path(built["store_path"], "share/modelpack/environment").resolve()

    assert built["checked"]
    assert made.python.interpreter.tarball.source == "interpreters"
    assert (made.base.suite, made.base.tools_python) == ("trixie", "3.13")
    assert not [package for package in made.base.target.packages if package.name.startswith("python3")]
    assert "-python-3.11." in str((environment / "bin/python3").resolve())
    assert (environment / "lib/python3.11/site-packages/flask/__pycache__/app.cpython-311.pyc").is_file()
    assert run("lock", "--check", cwd=folder, cache=cache)[0] == 0


def flake(demo, folder):
    """Make a flake whose Python is laid out as nixpkgs' is, of Debian's."""
    lock = lockfile.read(demo.folder / "modelpack.lock.json")
    header = f'#define PY_VERSION "{debian_python.version_of(lock)}"\n'.encode()
    for path, mode, content in (*debian_python.files_of(lock), ("include/python3.11/patchlevel.h", 0o644, header)):
        place = folder / "python" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)
    nix = Nix.of(Settings())
    base, tools = nix.build(demo.folder / "modelpack.lock.json", ("base", "tools"))
    (libraries,) = nix.physical(base).glob("usr/lib/*-linux-gnu")
    stand_in_flake.make_like_nixpkgs(folder, "3.11", libraries, nix.physical(tools) / "bin/patchelf")
    seed = next(item.store_path for item in artifacts(lock) if isinstance(item.origin, Seed))
    stand_in_flake.write(folder, debian_python.version_of(lock), nix.physical(seed))


def test_the_python_of_a_flake_serves_on_the_base_with_its_own_libraries_and_no_store_path_of_the_flake(
    tmp_path, demo, cache
):
    folder = starter(tmp_path / "own", 'python: {version: "3.11", flake: "./flake#python"}', "base: debian:trixie\n")
    flake(demo, folder / "flake")
    code = folder / "src/app.py"
    text = code.read_text().replace("import json\n", "import ctypes.util\nimport json\nimport ssl\n")
    found = 'assert ctypes.util.find_library("z") == "libz.so.1"\n'
    code.write_text(text.replace("app = Flask(__name__)\n", f"app = Flask(__name__)\n{found}"))
    # Without Nix's own caches and registry: nothing of this flake is there.
    built = build(folder, cache, NIX_CONFIG="substituters =")
    made = lockfile.read(folder / "modelpack.lock.json")
    python = Path(built["store_path"], "share/modelpack/environment/bin/python3").resolve().parent.parent

    assert built["checked"]
    assert (made.python.interpreter.tarball.source, made.base.suite) == ("flake", "trixie")
    assert {"libffi.so.8", "libssl.so.3"} <= {path.name for path in (python / "lib").iterdir()}
    for path in (python / "lib/python3.11/lib-dynload").glob("*.so"):
        assert read_dynamic(str(path)).search_path == ""
    assert len(nix_words("nix-store", "--query", "--references", python)) == 2  # itself and the base
    assert not list(python.rglob("sitecustomize.py"))
    assert "'/bin/sh'" in (python / "lib/python3.11/subprocess.py").read_text()
    assert "/nix/store/eeeeeeeeeeeeeeee" in (python / "lib/python3.11/_place.py").read_text()
    assert run("lock", "--check", cwd=folder, cache=cache)[0] == 0
