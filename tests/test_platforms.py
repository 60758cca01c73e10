"""Packages that are not for the usual platform: a newer Debian and Python, another architecture, further packages."""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from real_project import CHECKOUT, MODELPACK, build, environment, nix, run

from modelpack.builders.elf import read_dynamic

pytestmark = [
    pytest.mark.nix,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="builds for arm64 as a foreign architecture"),
]

AARCH64 = 183
SPEC = 'python: "3.13"\nbase: {from: debian:trixie, packages: [libmagic1t64]}\n'
# What the server answers comes out of a library of the base that ctypes has to find.
CODE = """
@app.after_request
def with_magic(response):
    import ctypes, ctypes.util
    library = ctypes.util.find_library("magic")
    response.headers["X-Magic"] = str(ctypes.CDLL(library).magic_version())
    if request.path == "/predict":
        response.set_data(response.get_data().rstrip(b"}\\n") + b', "library": "%s"}' % library.encode())
    return response
"""


@dataclass(frozen=True)
class Package:
    folder: Path
    cache: Path
    built: dict[str, object]

    @property
    def description(self):
        return json.loads(Path(self.built["store_path"], "share/modelpack/package.json").read_text())

    def part(self, name):
        return Path(self.built["store_path"], "share/modelpack", name).resolve()

    def labels(self, work):
        assert run("export", "oci", work / "image", self.folder, cwd=self.folder, cache=self.cache)[0] == 0
        return image_config(work / "image")


def image_config(image):
    entry = json.loads((image / "index.json").read_text())["manifests"][0]
    manifest = json.loads((image / "blobs/sha256" / entry["digest"].removeprefix("sha256:")).read_text())
    config = json.loads((image / "blobs/sha256" / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    return entry, config


def starter(folder, more=""):
    """Give the starter with a server of its own, for Debian trixie and its Python."""
    shutil.copytree(CHECKOUT / "templates/custom-flask", folder)
    spec = folder / "modelpack.yaml"
    spec.write_text(spec.read_text().replace('python: "3.11"\n', SPEC + more))
    code = folder / "src/app.py"
    code.write_text(code.read_text() + CODE)
    answer = folder / "expected-response.json"
    answer.write_text(json.dumps(json.loads(answer.read_text()) | {"library": "libmagic.so.1"}))
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("platforms")


@pytest.fixture(scope="module")
def trixie(work):
    folder = starter(work / "trixie")
    return Package(folder=folder, cache=work / "cache", built=build(folder, work / "cache"))


@pytest.fixture(scope="module")
def arm64(work):
    folder = starter(work / "arm64", "platform: linux/arm64\n")
    return Package(folder=folder, cache=work / "cache", built=build(folder, work / "cache"))


@pytest.fixture(scope="module")
def emulator(work):
    """Give a static qemu-aarch64: the machine's, or out of the package that its apt has."""
    found = shutil.which("qemu-aarch64-static")
    if found:
        return found
    for package in ("qemu-user-static", "qemu-user"):
        fetched = subprocess.run(["apt-get", "download", package], cwd=work, check=False, capture_output=True)
        for file in work.glob(f"{package}_*.deb") if fetched.returncode == 0 else ():
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file], stdout=subprocess.PIPE) as unpacking:
                with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                    for member in archive:
                        if member.isfile() and Path(member.name).name in ("qemu-aarch64-static", "qemu-aarch64"):
                            program = work / Path(member.name).name
                            program.write_bytes(archive.extractfile(member).read())
                            program.chmod(0o755)
                            return str(program)
                unpacking.kill()
    pytest.skip("no qemu-aarch64 that apt could bring")
    return None


def objects(path):
    """Give every dynamic object below a path, with what it says of itself."""
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder, name)
            if not file.is_symlink() and (found := read_dynamic(str(file))):
                yield file, found


def test_python_3_13_of_trixie_serves_and_finds_the_libraries_of_further_packages(trixie):
    assert trixie.built["checked"]
    assert trixie.part("environment").joinpath("lib/python3.13/site-packages/flask").exists()


def test_programs_of_trixie_start_from_the_store_alone(trixie):
    base = trixie.part("base")
    for program in ("python3.13", "dash"):
        found = read_dynamic(str(base / "usr/bin" / program))
        assert found.interpreter == f"{base}/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        assert (found.search_path, found.has_runpath) == (f"{base}/usr/lib/x86_64-linux-gnu", False)
        assert found.sound


def test_builders_on_python_3_13_give_the_same_bytes_again(trixie):
    library = ("--arg", "lock", trixie.folder / "modelpack.lock.json", "-A", "image")
    (derivation,) = nix("nix-instantiate", CHECKOUT / "nix", *library)
    wanted = ("-tools-trixie.drv", "-base-trixie.drv", "-environment.drv", "-jinja2-", "-werkzeug-", "-layer-base")
    derivations = (path for path in nix("nix-store", "-qR", derivation) if path.endswith(".drv") and ".whl" not in path)
    again = [path for path in derivations if any(part in path for part in wanted)]
    assert len(again) >= len(wanted)
    options = ("--option", "sandbox", "true", "--option", "substituters", "", "--cores", "1")
    nix("nix-store", "--realise", "--check", *again, *options)


def test_a_package_for_another_architecture_says_that_it_was_not_checked_and_why(arm64, work):
    assert arm64.built["checked"] is False
    assert "linux/arm64 do not start on this machine (x86_64-linux)" in arm64.built["unchecked_because"]
    assert arm64.description.items() >= {"checked": False, "emulated": False, "platform": "linux/arm64"}.items()
    entry, config = arm64.labels(work)
    assert entry["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}
    assert (config["architecture"], config["variant"]) == ("arm64", "v8")
    assert config["config"]["Labels"]["modelpack.checked"] == "false"


def test_it_holds_programs_of_that_architecture_alone(arm64):
    found = [item for path in nix("nix-store", "-qR", arm64.built["store_path"]) for item in objects(path)]
    assert len(found) > 50
    assert {dynamic.machine for _, dynamic in found} == {AARCH64}


def test_its_programs_start_from_the_store_alone_on_kernels_with_large_pages(arm64):
    base = arm64.part("base")
    for program in ("python3.13", "dash"):
        file = base / "usr/bin" / program
        found = read_dynamic(str(file))
        assert found.interpreter == f"{base}/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"
        assert found.search_path == f"{base}/usr/lib/aarch64-linux-gnu"
        assert found.sound
        assert set(alignments(file.read_bytes())) == {0x10000}


def alignments(program):
    """Give the alignments of the segments to load of a 64-bit little-endian program."""
    offset, size, count = struct.unpack_from("<Q", program, 32)[0], *struct.unpack_from("<HH", program, 54)
    headers = (struct.unpack_from("<IIQQQQQQ", program, offset + size * index) for index in range(count))
    return [header[7] for header in headers if header[0] == 1]


def test_its_libraries_are_in_the_linkers_cache(arm64):
    cache = arm64.part("base") / "etc/ld.so.cache"
    text = subprocess.run(["/sbin/ldconfig", "-p", "-C", cache], check=True, capture_output=True, text=True).stdout
    assert "libmagic.so.1 (libc6,AArch64) => /usr/lib/aarch64-linux-gnu/libmagic.so.1" in text


def test_what_cannot_start_here_is_refused_with_what_to_do(arm64):
    for command in ("check", "run"):
        code, _, err = run(command, cwd=arm64.folder, cache=arm64.cache)
        assert (code, "qemu-user-static" in err) == (7, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_where_the_kernel_has_an_emulator_it_is_checked_by_it(arm64, emulator, work):
    inside = (sys.executable, CHECKOUT / "tests/with_emulator.py", emulator)
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("the kernel has no handlers for a user namespace alone")
    command = [*inside, *MODELPACK, "build", "--json", "-o", work / "emulated"]
    variables = environment(arm64.cache, NIX_REMOTE="local")  # a daemon would build outside the namespace
    done = subprocess.run(command, cwd=arm64.folder, env=variables, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = json.loads(done.stdout)
    assert (built["checked"], built["unchecked_because"]) == (True, None)
    description = json.loads(Path(built["store_path"], "share/modelpack/package.json").read_text())
    assert description["emulated"] is True
    assert built["store_path"] != arm64.built["store_path"]
