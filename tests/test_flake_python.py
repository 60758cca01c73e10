"""``flake_python.realise``: which state of a flake is locked, how its Python is had again, what goes wrong."""

from __future__ import annotations

import subprocess

import pytest
import stand_in_flake
from elf_objects import make_elf
from example_project import SPEC, write

from modelpack import lockfile
from modelpack.errors import BuildError, FetchError, ResolveError, ToolError
from modelpack.flake_python.realise import addresses, make
from modelpack.loading.native import load_spec
from modelpack.settings import Settings
from modelpack.store.artifacts import Seed, artifacts
from modelpack.store.nix import Nix

pytestmark = [pytest.mark.nix, pytest.mark.network]


@pytest.fixture(scope="module")
def seed(demo):
    lock = lockfile.read(demo.folder / "modelpack.lock.json")
    nix = Nix.of(Settings())
    return next(nix.physical(item.store_path) for item in artifacts(lock) if isinstance(item.origin, Seed))


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Nix asks no cache and no registry here, and gives up at once."""
    monkeypatch.setenv("NIX_CONFIG", "substituters =\ndownload-attempts = 1\nconnect-timeout = 1")


@pytest.fixture
def project(tmp_path, seed):
    """A project beside a flake whose Python is only there to be looked at."""
    folder = write(tmp_path / "project") / "flake"
    program = make_elf(["libc.so.6"]) + b"Py_BytesMain\0GLIBC_2.34\0"
    for name, content in {
        "bin/python3.12": program,
        "include/python3.12/patchlevel.h": b'#define PY_VERSION "3.12.4"\n',
        "lib/python3.12/os.py": b"",
    }.items():
        path = folder / "python" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    stand_in_flake.write(folder, "3.12.4", seed)
    return folder.parent


def spec_of(project, reference="./flake#python", more=""):
    text = f'python: {{version: "3.12", flake: "{reference}"}}\n{more}'
    (project / "modelpack.yaml").write_text(SPEC + text)
    return load_spec(project)


def made(spec, cache, pin=None):
    return make(spec, spec.interpreter, Nix.of(Settings()), cache, pin)


def had(spec, tarball, cache):
    return list(addresses(spec, tarball, Nix.of(Settings()), cache))


def refused(spec, tmp_path):
    with pytest.raises((BuildError, FetchError, ResolveError, ToolError)) as caught:
        made(spec, tmp_path / "cache")
    assert caught.value.message.startswith(spec.interpreter.origin)
    return caught.value


def test_the_state_of_the_flake_is_locked_and_gives_the_same_bytes_again(project, tmp_path):
    spec = spec_of(project)
    tarball = made(spec, tmp_path / "one").tarball

    assert (tarball.filename, tarball.source) == ("cpython-3.12.4-x86_64-linux.tar", "flake")
    assert (tarball.flake.attribute, tarball.flake.rev) == ("python", None)
    assert tarball.flake.nar_hash.startswith("sha256-")
    assert str(tmp_path) not in repr(tarball)
    (kept,) = had(spec, tarball, tmp_path / "one")
    (again,) = had(spec, tarball, tmp_path / "two")
    assert kept.rpartition("/")[2] == again.rpartition("/")[2] == tarball.filename


def test_a_folder_that_is_another_flake_now_does_not_give_the_locks_python(project, tmp_path):
    spec = spec_of(project)
    tarball = made(spec, tmp_path / "one").tarball
    (project / "flake/python/lib/python3.12/os.py").write_text("import sys\n")

    assert had(spec, tarball, tmp_path / "one")
    with pytest.raises(FetchError, match="is another flake now than the one that the lock was made from"):
        had(spec, tarball, tmp_path / "two")


def test_a_repository_that_has_gone_on_gives_the_locked_commit(project, tmp_path):
    def git(*words):
        command = ("git", "-C", project / "flake", "-c", "user.name=a", "-c", "user.email=a@b.c", *words)
        subprocess.run(command, check=True, capture_output=True)

    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        git(*words)
    spec = spec_of(project)
    tarball = made(spec, tmp_path / "one").tarball
    (project / "flake/python/lib/python3.12/os.py").write_text("import sys\n")
    git("commit", "-qam", "two")

    assert len(tarball.flake.rev) == 40
    assert had(spec, tarball, tmp_path / "two")
    assert made(spec, tmp_path / "three").tarball.sha256 != tarball.sha256


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("./flake#nothing", ResolveError, "./flake#nothing: the flake has no such attribute"),
        ("./flake#wrong", ResolveError, "./flake#wrong: the flake does not evaluate: not for use"),
        ("./flake#failing", BuildError, "./flake#failing: Nix cannot build it"),
        ("./flake#elsewhere", BuildError, "./flake#elsewhere: this machine cannot build it for its platform"),
        ("./flake#folder", ResolveError, "./flake#folder is no CPython: folder lacks bin/python3.12"),
        ("gitlb:own/flake#python", ResolveError, "gitlb:own/flake#python: there is no such flake"),
        ("https://127.0.0.1:9/x.tar.gz#x", FetchError, "https://127.0.0.1:9/x.tar.gz#x: Nix cannot fetch it"),
        ("git+https://me:secret@127.0.0.1:9/x#x", FetchError, "git+https://***@127.0.0.1:9/x#x: Nix cannot fetch it"),
    ],
)
def test_what_gives_no_python_is_told(project, tmp_path, reference, error, message):
    found = refused(spec_of(project, reference), tmp_path)
    assert isinstance(found, error)
    assert message in found.message
    assert "secret" not in repr((found.message, found.hint, found.details))


def test_inputs_that_are_not_pinned_are_refused_and_not_written_down(project, tmp_path):
    flake = project / "flake/flake.nix"
    inputs = 'inputs.other = { url = "path:./seed"; flake = false; };'
    flake.write_text(flake.read_text().replace("{\n", f"{{\n  {inputs}\n", 1))
    found = refused(spec_of(project), tmp_path)

    assert "its inputs are not pinned by a flake.lock" in found.message
    assert found.hint == f"run: nix flake lock {project / 'flake'}"
    assert not (project / "flake/flake.lock").exists()


def test_a_base_with_an_older_c_library_is_refused_with_one_that_would_do(project, tmp_path):
    found = refused(spec_of(project, more="base: debian:bullseye\n"), tmp_path)
    assert "needs glibc 2.34, debian:bullseye has 2.31" in found.message
    assert "base: debian:bookworm would do" in found.hint


def test_another_version_or_platform_is_refused(project, tmp_path):
    path = project / "flake/python/bin"
    (path / "python3.12").rename(path / "python3.13")
    assert "./flake#python is Python 3.13, not Python 3.12" in refused(spec_of(project), tmp_path).message


def test_an_old_nix_is_told(project, tmp_path, monkeypatch):
    (tmp_path / "nix").write_text("#!/bin/sh\necho \"error: unrecognised flag '$1'\" >&2; exit 1\n")
    (tmp_path / "nix").chmod(0o755)
    spec = spec_of(project)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "this machine's Nix has no flakes" in refused(spec, tmp_path).message
