from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from artifact_sources import Counting, Recorder, deb, make_deb, make_lock, serving, sha256, wheel, write

import modelpack
from modelpack.errors import FetchError
from modelpack.lock import LARGE
from modelpack.lockfile import to_text
from modelpack.progress import Silent
from modelpack.store import fetch as fetching
from modelpack.store import seed
from modelpack.store.artifacts import Wanted, artifacts
from modelpack.store.fetch import Sources, fetch, seed_nar_sha256
from modelpack.store.files import scan
from modelpack.store.nix import Nix
from modelpack.web import http

pytestmark = pytest.mark.nix

SEED = make_deb()
WHEELS = {name: name.encode() * 1000 for name in ("one", "two", "three")}
DEBS = {name: name.encode() * 2000 for name in ("libc6", "zlib1g")}


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(http, "WAITS", (0.01, 0.01))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site():
    with serving() as found:
        yield found


@pytest.fixture
def layouts(tmp_path):
    write(tmp_path / "model/config.json", b"{}")
    write(tmp_path / "model/my weights.bin", b"w" * LARGE)
    write(tmp_path / "model/run.sh", b"#!").chmod(0o755)
    (tmp_path / "model/latest").symlink_to("my weights.bin")
    return {"model": {"model": tmp_path / "model"}}


@pytest.fixture
def lock(tmp_path, layouts):
    package = deb("busybox-static", SEED)
    return make_lock(
        seed=package,
        seed_nar_sha256=seed.seed_nar_sha256(write(tmp_path / "busybox.deb", SEED)),
        wheels=[wheel(name, content) for name, content in WHEELS.items()],
        target=[deb(name, content) for name, content in DEBS.items()],
        trees={name: scan(layout, cache=None, progress=Silent()) for name, layout in layouts.items()},
    )


@pytest.fixture
def sources(site, lock):
    """Have everything at the site, and say where."""
    urls = {item.sha256: site.put(f"/simple/{item.filename}", WHEELS[item.name]) for item in lock.python.wheels}
    for package in lock.base.target.packages:
        site.put(f"/debian/{package.path}", DEBS[package.name])
    site.put(f"/debian/{lock.base.seed.path}", SEED)
    return Sources(archives=(f"{site.url}/debian",), locate_wheels=lambda _: urls)


@pytest.fixture
def store(tmp_path):
    return Recorder(Nix(store=tmp_path / "store"))


@pytest.fixture
def bring(lock, layouts, sources, store, tmp_path):
    def run(**changes):
        given = {"layouts": layouts, "sources": sources, "store": store, "progress": Silent()} | changes
        return fetch(Wanted.of(given.pop("lock", lock), given["store"]), cache=tmp_path / "cache", **given)

    return run


def error(bring, **changes):
    with pytest.raises(FetchError) as caught:
        bring(**changes)
    return caught.value


def test_everything_arrives_at_the_paths_that_the_lock_gives(bring, lock, store, tmp_path):
    progress = Counting()
    report = bring(progress=progress)
    assert Wanted.of(lock, store).absent == ()
    assert (report.artifacts, report.added) == (8, 8)
    assert report.downloaded == sum(map(len, (*WHEELS.values(), *DEBS.values(), SEED)))
    assert progress.count == progress.total == report.downloaded + LARGE + len(b"{}#!")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["partial"]
    assert list((tmp_path / "cache/partial").iterdir()) == []


def test_the_second_time_nothing_is_asked_for(bring, site, store):
    bring()
    site.asked.clear()
    store.flat.clear()
    report = bring(sources=Sources(locate_wheels=lambda _: pytest.fail("asked for nothing")))
    assert (report.added, report.downloaded, site.asked, store.flat) == (0, 0, [], [])


def test_only_what_is_missing_is_fetched(bring, lock, site, layouts, tmp_path):
    bring()
    site.asked.clear()
    write(tmp_path / "model/config.json", b"[]")
    changed = make_lock(
        seed=lock.base.seed,
        seed_nar_sha256=lock.base.seed_nar_sha256,
        wheels=lock.python.wheels,
        trees={"model": scan(layouts["model"], cache=None, progress=Silent())},
    )
    assert bring(lock=changed).added == 1
    assert site.asked == []


def test_the_users_files_lie_in_the_store_as_they_are(bring, lock, store):
    bring()
    small, large = (store.store.physical(artifact.store_path) for artifact in artifacts(lock)[:2])
    assert large.name.endswith("-my-weights.bin")
    assert large.read_bytes() == b"w" * LARGE
    assert sorted(path.name for path in (small / "model").iterdir()) == ["config.json", "latest", "run.sh"]
    assert (small / "model/latest").readlink() == Path("my weights.bin")
    assert [os.access(small / "model" / name, os.X_OK) for name in ("run.sh", "config.json")] == [True, False]


def test_the_seed_is_busybox_in_a_folder(bring, lock, store):
    bring()
    folder = store.store.physical(artifacts(lock)[-1].store_path)
    assert folder.name.endswith("-seed")
    assert [str(path.relative_to(folder)) for path in folder.rglob("*")] == ["bin", "bin/busybox"]


def test_small_files_are_added_together(bring, store, monkeypatch, lock):
    bring()
    assert sum(map(len, store.flat)) == 6
    assert len(store.flat) < 6
    # A large one is not kept waiting by them.
    monkeypatch.setattr(fetching, "_ALONE", 0)
    other = Recorder(Nix(store=store.store.store.parent / "other"))
    bring(store=other)
    assert [len(names) for names in other.flat] == [1] * 6
    assert Wanted.of(lock, other).absent == ()


def test_one_thing_that_is_nowhere_is_named_with_what_was_tried(bring, lock, site):
    gone = lock.base.target.packages[0]
    del site.files[f"/debian/{gone.path}"]
    found = error(bring)
    assert found.message == f"{gone.filename} could not be had"
    assert found.details[0].startswith(f"{site.url}/debian/{gone.path}: ")
    assert "modelpack lock --upgrade" in found.hint


def test_all_that_is_nowhere_is_told_together_and_the_rest_is_kept(bring, lock, site, tmp_path):
    gone = lock.base.target.packages[0]
    del site.files[f"/debian/{gone.path}"]
    (tmp_path / "model/my weights.bin").write_bytes(b"v" * LARGE)
    found = error(bring)
    assert found.message == "2 of 8 artifacts could not be had"
    assert found.details[0] == f"{gone.filename}:"
    assert found.details[-3:] == (
        "model: model/my weights.bin:",
        f"  {tmp_path}/model/my weights.bin: it is no longer what the lock says",
        "  hint: run: modelpack lock",
    )
    site.asked.clear()
    assert "2 of 2" in error(bring).message
    assert {path for path, _ in site.asked} == {f"/debian/{gone.path}"}


@pytest.mark.parametrize("name", ["config.json", "my weights.bin"])
def test_a_file_that_is_gone_or_another_one_is_named(bring, tmp_path, name):
    (tmp_path / "model" / name).write_bytes(b"shorter")
    assert f"model/{name}: it is no longer what the lock says" in error(bring).details[0]
    (tmp_path / "model" / name).unlink()
    assert "config.json: it is not there" in error(bring).details[0] or "no source" in error(bring).details[0]


def test_a_large_file_that_is_not_here_comes_from_a_source(bring, lock, sources, store, tmp_path):
    weights = (tmp_path / "model/my weights.bin").rename(tmp_path / "weights")
    write(tmp_path / "bundle/sha256" / sha256(b"w" * LARGE), weights.read_bytes())
    bundle = (tmp_path / "bundle").as_uri()
    bring(sources=Sources(artifacts=(bundle,), archives=sources.archives, locate_wheels=sources.locate_wheels))
    assert Wanted.of(lock, store).absent == ()


def test_a_store_that_fails_ends_the_fetch_with_its_error(bring, store):
    def fail(_):
        raise FetchError("the store is read-only")

    store.add_flat = fail
    assert error(bring).message == "the store is read-only"


def test_a_cache_that_cannot_be_written_is_named(bring, tmp_path):
    (tmp_path / "cache").write_bytes(b"")
    assert error(bring).message == f"{tmp_path}/cache cannot be written: File exists"


def test_two_fetches_at_once_ask_for_everything_once(bring, lock, site, store):
    # Nix itself fails when two of its programs make the same store at the same moment.
    Wanted.of(lock, store)
    site.pause.clear()
    progress, reports = Counting(), []
    threads = [threading.Thread(target=lambda: reports.append(bring(progress=progress))) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while not progress.notes and time.monotonic() < deadline:
        time.sleep(0.01)
    site.pause.set()
    for thread in threads:
        thread.join(20)
    assert Wanted.of(lock, store).absent == ()
    assert len(site.asked) == len({path for path, _ in site.asked}) == 6
    assert progress.notes[0].startswith("another run is fetching ")
    assert sum(report.downloaded for report in reports) == sum(map(len, (*WHEELS.values(), *DEBS.values(), SEED)))


def test_the_hash_of_the_seed_is_found_before_there_is_a_lock(bring, lock, site, sources, tmp_path):
    found = seed_nar_sha256(lock.base.seed, sources=sources, cache=tmp_path / "cache", progress=Silent())
    assert found == lock.base.seed_nar_sha256
    bring()
    assert [path for path, _ in site.asked].count(f"/debian/{lock.base.seed.path}") == 1
    with pytest.raises(FetchError, match=r"busybox-static_.* could not be had"):
        seed_nar_sha256(lock.base.seed, sources=Sources(), cache=tmp_path / "cache", progress=Silent())


SCRIPT = """
import sys
from pathlib import Path
from modelpack.store.artifacts import Wanted
from modelpack.store.fetch import Sources, fetch
from modelpack.lockfile import parse
from modelpack.store.nix import Nix
from modelpack.progress import Silent

class Said(Silent):
    def advance(self, *_):
        print("got some", flush=True)

lock, url, folder = parse(Path(sys.argv[1]).read_text()), sys.argv[2], Path(sys.argv[3])
store = Nix(store=folder / "store")
try:
    fetch(Wanted.of(lock, store), layouts={}, sources=Sources(archives=(url,)), store=store,
          cache=folder / "cache", progress=Said())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupted_fetch_ends_at_once_and_the_next_one_goes_on(site, tmp_path, store):
    content = bytes(8 << 20)
    large = deb("large", content)
    lock = make_lock(seed=deb("busybox-static", SEED), seed_nar_sha256="00" * 32, target=[large])
    write(tmp_path / "lock", to_text(lock).encode())
    site.put(f"/debian/{large.path}", content)
    site.pause.clear()
    script = write(tmp_path / "script.py", textwrap.dedent(SCRIPT).encode())
    command = [sys.executable, str(script), str(tmp_path / "lock"), f"{site.url}/debian", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(modelpack.__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "got some\n"
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10)[0].endswith("interrupted\n")
        assert process.returncode == 0
        assert time.monotonic() - begun < 2
    site.pause.set()
    part = tmp_path / "cache/partial" / large.sha256 / large.filename
    kept = part.stat().st_size
    assert 0 < kept < len(content)
    with pytest.raises(FetchError, match=r"busybox-static.* could not be had"):
        fetch(
            Wanted.of(lock, store),
            layouts={},
            sources=Sources(archives=(f"{site.url}/debian",)),
            store=store,
            cache=tmp_path / "cache",
            progress=Silent(),
        )
    assert (f"/debian/{large.path}", kept) in site.asked
    assert store.missing([artifacts(lock)[0].store_path]) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_a_full_disk_is_one_clear_line_and_no_traceback(bring, tmp_path):
    (tmp_path / "cache").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(tmp_path / "cache")], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        found = error(bring)
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "cache")], check=True)
    assert "No space left" in found.message or "no space left" in found.message
    assert "free some space" in found.hint
