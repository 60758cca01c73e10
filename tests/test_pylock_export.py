"""The locked wheels as a pylock.toml and a folder, and what other installers make of it."""

from __future__ import annotations

import os
import subprocess
import tomllib
from dataclasses import replace

import example_lock
import pytest
import uv
from local_index import Notes, isolate, make_wheel, sha256
from packaging.pylock import Pylock

from modelpack.delivery.pylock import export_pylock, pylock_text
from modelpack.errors import ExportError
from modelpack.loading.dependencies import Dependencies
from modelpack.loading.dependency_files import read_dependencies
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings
from modelpack.lock import Build, FileEntry, LockedRequirement, Tree, Wheel
from modelpack.python.question import Limits
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope
from modelpack.store.nix import STORE
from modelpack.store.storepath import flat_path, recursive_path, store_name


class FakeStore:
    def __init__(self, root):
        self.root = root

    def physical(self, path):
        return self.root / path.removeprefix(f"{STORE}/")


@pytest.fixture
def locked(tmp_path):
    """A lock of two wheels, and the store that has them."""
    (tmp_path / "made").mkdir()
    (tmp_path / "store").mkdir()
    store = FakeStore(tmp_path / "store")
    wheels = []
    for name, requires in (("base", ()), ("top", ("base",))):
        path = make_wheel(tmp_path / "made", name, "1.0", requires=requires)
        size = path.stat().st_size
        one = Wheel(name=name, version="1.0", filename=path.name, sha256=sha256(path), size=size, source="pypi")
        path.rename(store.physical(flat_path(store_name(path.name), one.sha256)))
        wheels.append(one)
    lock = example_lock.lock()
    return replace(lock, python=replace(lock.python, wheels=tuple(wheels))), store


def test_an_installer_without_network_installs_what_was_locked(locked, tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    lock, store = locked

    written = export_pylock(lock, store, tmp_path / "out", force=False, progress=Notes())
    words = ["pip", "install", "--offline", "--no-index", "--target", "env", "-r", "out/pylock.toml"]
    subprocess.run([uv.find_uv_bin(), *words], cwd=tmp_path, check=True, capture_output=True, env={**os.environ})

    assert {path.name for path in (tmp_path / "env").glob("*.py")} == {"base.py", "top.py"}
    assert written == sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_what_was_exported_and_is_read_again_gives_the_same_lock(locked, tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    lock, store = locked
    export_pylock(lock, store, tmp_path / "out", force=False, progress=Notes())
    found = Dependencies(folder=Folder(path=tmp_path, shown=""), findings=Findings())

    read_dependencies(tmp_path / "out/pylock.toml", found)
    found.findings.raise_any()
    items = [LockedRequirement(requirement=one.text, origin=one.origin) for one in found.requirements]
    target = {"python": "3.11", "platform": lock.platform, "glibc": "2.36", "cache": tmp_path / "cache"}
    limits = Limits(hashed=tuple(found.requirements))
    wheels = resolve(items, limits=limits, scope=Scope(tmp_path, found.indexes), progress=Notes(), **target)

    kept = [(one.name, one.version, one.filename, one.sha256, one.size) for one in wheels]
    assert kept == [(one.name, one.version, one.filename, one.sha256, one.size) for one in lock.python.wheels]


def test_the_file_is_what_the_standard_says_and_names_no_host(locked):
    lock, _ = locked

    text = pylock_text(lock.python.wheels, python="3.11", platform="linux/arm64")
    read = Pylock.from_dict(tomllib.loads(text))

    assert [(one.name, str(one.version), one.wheels[0].path) for one in read.packages] == [
        ("base", "1.0", "wheels/base-1.0-py3-none-any.whl"),
        ("top", "1.0", "wheels/top-1.0-py3-none-any.whl"),
    ]
    assert (str(read.requires_python), "aarch64" in str(read.environments[0])) == ("<3.12,>=3.11", True)
    assert "://" not in text


def test_only_a_folder_of_its_own_is_replaced_and_only_when_told(locked, tmp_path):
    lock, store = locked
    export_pylock(lock, store, tmp_path / "out", force=False, progress=Notes())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("")

    for target, force in (("out", False), ("mine", True)):
        with pytest.raises(ExportError, match="exists and is not an empty folder"):
            export_pylock(lock, store, tmp_path / target, force=force, progress=Notes())
    export_pylock(lock, store, tmp_path / "out", force=True, progress=Notes())


def test_a_store_that_changed_is_an_error_and_nothing_is_left(locked, tmp_path):
    lock, store = locked
    next(store.root.iterdir()).write_bytes(b"other")

    with pytest.raises(ExportError, match="is not what the lock says"):
        export_pylock(lock, store, tmp_path / "out", force=False, progress=Notes())

    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "store"]


def test_what_is_built_from_source_and_the_users_own_wheels_are_in_it(locked, tmp_path):
    lock, store = locked
    made = make_wheel(tmp_path / "made", "made", "1.0")
    own = make_wheel(tmp_path / "made", "own", "1.0")
    (tmp_path / "built").mkdir()
    made.rename(tmp_path / "built/wheel")
    (tmp_path / "built/filename").write_text(made.name)
    entry = FileEntry(path=own.name, size=own.stat().st_size, sha256=sha256(own))
    folder = store.physical(recursive_path("project-own", "f" * 64))
    folder.mkdir()
    own.rename(folder / own.name)
    build = Build(requires=(), wheels=(), compilers=False)
    source = {"version": "1.0", "sha256": "a" * 64, "size": 1, "source": "local"}
    wheels = (
        Wheel(name="made", filename="made-1.0.tar.gz", build=build, **source),
        Wheel(name="own", filename=own.name, tree="project-own", **source),
    )
    trees = {"project-own": Tree(files=(entry,), nar_sha256="f" * 64)}
    lock = replace(lock, python=replace(lock.python, wheels=wheels), trees=trees)

    export_pylock(lock, store, tmp_path / "out", built={"made": tmp_path / "built"}, force=False, progress=Notes())
    read = Pylock.from_dict(tomllib.loads((tmp_path / "out/pylock.toml").read_text()))

    for one in read.packages:
        assert one.wheels[0].hashes["sha256"] == sha256(tmp_path / "out" / one.wheels[0].path)
    assert [one.wheels[0].name for one in read.packages] == [made.name, own.name]
