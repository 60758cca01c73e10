"""The same lock gives the same bytes: from nothing, elsewhere, under every other circumstance that a test can make."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from real_project import (
    CHECKOUT,
    MODELPACK,
    ask,
    build,
    environment,
    free_port,
    link_farm,
    nix,
    run,
    said,
    serve,
    wait_until,
    works_in,
)

from modelpack import lockfile

pytestmark = [pytest.mark.nix, pytest.mark.network]

PARTS = ("tools", "base", "wheels", "environment", "server", "layers", "package", "image")


def copy_backwards(source, target):
    """Copy a folder with its files made in the reverse order of their names, so that they are listed otherwise."""
    for path in sorted(source.rglob("*"), reverse=True):
        place = target / path.relative_to(source)
        if path.is_file() and not path.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return target


@pytest.fixture(scope="module")
def elsewhere(demo, tmp_path_factory):
    """Another place to build: an empty store, sources without network, and settings of another user's."""
    work = tmp_path_factory.mktemp("elsewhere")
    lock = lockfile.read(demo.folder / "modelpack.lock.json")
    variables = {
        "MODELPACK_NIX_STORE": str(work / "store"),
        "MODELPACK_ARTIFACTS": link_farm(lock, work / "farm"),
        "NIX_CONFIG": "cores = 1\nmax-jobs = 1",
        "HOME": str(work / "home"),
        "LANG": "C",
        "LC_ALL": "C",
        "TZ": "Pacific/Chatham",
        "PYTHONHASHSEED": "12345",
        "USER": "somebody",
        "SOURCE_DATE_EPOCH": "1",
    }
    folder = copy_backwards(demo.folder, work / "another folder" / "demo")
    yield folder, work / "cache", variables
    subprocess.run(["chmod", "-R", "u+w", work / "store"], check=False)
    shutil.rmtree(work, ignore_errors=True)


def begin(elsewhere):
    folder, cache, variables = elsewhere
    command = [*MODELPACK, "build", str(folder), "-o", str(folder / "result")]
    return subprocess.Popen(
        command, cwd="/", env=environment(cache, **variables), stderr=subprocess.PIPE, text=True, process_group=0
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_nothing_half_made(elsewhere, number):
    folder, _, variables = elsewhere
    store = Path(variables["MODELPACK_NIX_STORE"])
    process = begin(elsewhere)
    wait_until(lambda: works_in(store, "nix-build") or process.poll() is not None)
    # Evaluated by then, and building for ten seconds more.
    time.sleep(1.5)
    os.killpg(process.pid, number)
    code = process.wait(60)
    err = process.stderr.read()
    process.stderr.close()
    assert code == {signal.SIGINT: 130}.get(number, -number)
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert said(err) == "interrupted; run the same command again to go on\n"
    assert not (folder / "result").is_symlink()
    # What Nix started ends with it, but not at the same moment.
    wait_until(lambda: not works_in(store))
    subprocess.run(["nix-store", "--store", store, "--verify", "--check-contents"], check=True, capture_output=True)


def test_everything_built_from_nothing_elsewhere_is_the_same(demo, elsewhere):
    folder, cache, variables = elsewhere
    built = build("/", cache, str(folder), "-o", str(folder / "result"), umask=0o077, **variables)
    assert demo.same(built)
    assert {"fetch", "build", "check"} & set(built["stages"])
    dump = ("--dump", demo.built["store_path"])
    here = subprocess.run(["nix-store", *dump], check=True, stdout=subprocess.PIPE).stdout
    there = ["nix-store", "--store", variables["MODELPACK_NIX_STORE"], *dump]
    assert subprocess.run(there, check=True, stdout=subprocess.PIPE).stdout == here


def test_what_was_built_elsewhere_serves_from_there(demo, elsewhere):
    folder, cache, variables = elsewhere
    port = free_port()
    process, _ = serve(folder, cache, port, **variables)
    expected = json.loads((demo.folder / "expected-response.json").read_text())
    assert [wine["label"] for wine in ask(folder, port)] == [wine["label"] for wine in expected]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stderr.close()


def test_what_was_built_elsewhere_exports_the_same(demo, elsewhere, tmp_path):
    folder, cache, variables = elsewhere
    code, out, err = run("export", "oci-archive", tmp_path / "there.tar", folder, cwd="/", cache=cache, **variables)
    assert code == 0, err
    assert demo.built["image_digest"] in out
    code, out, err = run("export", "oci-archive", tmp_path / "here.tar", cwd=demo.folder, cache=demo.cache)
    assert code == 0, err
    assert (tmp_path / "there.tar").read_bytes() == (tmp_path / "here.tar").read_bytes()


@pytest.mark.parametrize("part", PARTS)
def test_building_again_gives_the_same_bytes(demo, part):
    arguments = ("-A", part, "--arg", "lock", str(demo.folder / "modelpack.lock.json"))
    options = ("--option", "sandbox", "true", "--option", "substituters", "", "--no-out-link")
    nix("nix-build", str(CHECKOUT / "nix"), *arguments, *options)
    nix("nix-build", str(CHECKOUT / "nix"), *arguments, *options, "--check")
