"""Things go wrong on purpose: a clear error, nothing half-made, and the next run is right."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from real_project import MODELPACK, SAME, build, environment, link_farm, run, said, wait_until, works_in

from modelpack import lockfile
from modelpack.store.artifacts import artifacts

pytestmark = [pytest.mark.nix, pytest.mark.network]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")


@pytest.fixture
def project(demo, tmp_path):
    return demo.copy(tmp_path / "demo")


@pytest.fixture
def deaf():
    """A server that takes connections and never answers; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", held
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def begin(*arguments, cwd, cache, **variables):
    command = [*MODELPACK, *arguments]
    variables = environment(cache, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", **variables)
    return subprocess.Popen(
        command, cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )


def end(process, number):
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err.endswith("interrupted; run the same command again to go on\n")


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def touch_score(project, text):
    path = project / "src/score.py"
    path.write_text(f"# {text}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_locking_that_is_ended_leaves_the_old_lock(demo, project, deaf, tmp_path, number):
    address, held = deaf
    config = tmp_path / "config.toml"
    config.write_text(f'[[debian.archives]]\nuri = "{address}"\nsuite = "bookworm"\n')
    before = (project / "modelpack.lock.json").read_bytes(), listing(project)
    process = begin("lock", "--upgrade", cwd=project, cache=demo.cache, MODELPACK_CONFIG=str(config))
    wait_until(lambda: held)
    end(process, number)
    assert ((project / "modelpack.lock.json").read_bytes(), listing(project)) == before
    assert demo.same(build(project, demo.cache))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_fetching_that_is_ended_adds_nothing_half(demo, project, deaf, tmp_path, number):
    address, held = deaf
    lock = lockfile.read(project / "modelpack.lock.json")
    farm = link_farm(lock, tmp_path / "farm")
    variables = {"MODELPACK_NIX_STORE": str(tmp_path / "store")}
    for name in ("numpy", "libc6"):  # the two that are not to be had
        origins = (*lock.python.wheels, *lock.base.target.packages)
        (artifact,) = (item for item in origins if item.name == name)
        (tmp_path / "farm/sha256" / artifact.sha256).unlink()
    process = begin("fetch", cwd=project, cache=demo.cache, MODELPACK_ARTIFACTS=f"{farm} {address}", **variables)
    wait_until(lambda: len(held) >= 2)
    end(process, number)
    wait_until(lambda: not works_in(tmp_path / "store"))
    (demo.cache / "staging-of-a-killed-run").mkdir(exist_ok=True)
    os.utime(demo.cache / "staging-of-a-killed-run", (0, 0))
    verify = ["nix-store", "--store", tmp_path / "store", "--verify", "--check-contents"]
    subprocess.run(verify, check=True, capture_output=True)
    code, _, err = run(
        "fetch", cwd=project, cache=demo.cache, MODELPACK_ARTIFACTS=link_farm(lock, tmp_path / "b"), **variables
    )
    assert code == 0, err
    assert not list(demo.cache.glob("partial/*"))
    assert not (demo.cache / "staging-of-a-killed-run").exists()
    subprocess.run(["chmod", "-R", "u+w", tmp_path / "store"], check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_check_that_is_ended_leaves_no_server_and_no_package(demo, project, number):
    score, spec = project / "src/score.py", project / "modelpack.yaml"
    before = {path: path.read_text(encoding="utf-8") for path in (score, spec)}
    hang = f"    global model\n    import time; time.sleep(300)  # {number}\n"
    score.write_text(before[score].replace("    global model\n", hang), encoding="utf-8")
    spec.write_text(before[spec].replace("check: ", "check:\n  timeout: 20\n#"), encoding="utf-8")
    assert run("lock", cwd=project, cache=demo.cache)[0] == 0
    lock = lockfile.read(project / "modelpack.lock.json")
    (code,) = (artifact.store_path for artifact in artifacts(lock) if artifact.name == "code")
    process = begin("build", cwd=project, cache=demo.cache)
    wait_until(lambda: works_in(code, "python") or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    end(process, number)
    # Nobody is left to end what Nix started when it was killed; it ends when its time is over.
    if number == signal.SIGINT:
        wait_until(lambda: not works_in(code))
    assert not (project / "result").is_symlink()
    for path, text in before.items():
        path.write_text(text, encoding="utf-8")
    assert demo.same(build(project, demo.cache))


def test_two_builds_of_the_same_spec_at_once_give_the_same(demo, project):
    touch_score(project, "both")
    processes = [begin("build", "--json", "-o", f"result{number}", cwd=project, cache=demo.cache) for number in (1, 2)]
    outs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outs
    first, second = (json.loads(out) for out, _ in outs)
    assert {key: first[key] for key in SAME} == {key: second[key] for key in SAME}
    assert not [name for name in listing(project) if name.startswith(".modelpack")]


def test_two_builds_of_different_specs_at_once_do_not_mix(demo, tmp_path):
    projects = [demo.copy(tmp_path / name) for name in ("one", "two")]
    for number, project in enumerate(projects):
        touch_score(project, f"number {number}")
    processes = [begin("build", "--json", cwd=project, cache=demo.cache) for project in projects]
    outs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outs
    for number, (out, _) in enumerate(outs):
        code = Path(json.loads(out)["store_path"], "share/modelpack/code/score.py")
        assert code.read_text(encoding="utf-8").startswith(f"# number {number}\n")


def test_a_model_that_changes_while_it_is_read_is_an_error(demo, project):
    weights = project / "model/weights.bin"
    with weights.open("wb") as stream:
        stream.truncate(3 << 30)
    process = begin("build", "--quiet", cwd=project, cache=demo.cache)
    while process.poll() is None:
        with weights.open("r+b") as stream:
            stream.write(os.urandom(16))
        time.sleep(0.05)
    out, err = process.communicate()
    assert (process.returncode, out) == (3, "")
    assert "model/weights.bin: it changed while it was read\n    fix: wait until it is whole, and run this again" in err
    weights.unlink()
    assert demo.same(build(project, demo.cache))


def test_a_file_that_was_changed_after_it_was_locked_is_not_built(demo, project):
    touch_score(project, "locked")
    assert run("lock", cwd=project, cache=demo.cache)[0] == 0
    touch_score(project, "changed since")
    code, out, err = run("build", "--locked", cwd=project, cache=demo.cache)
    assert (code, out) == (4, "")
    assert "code: score.py: changed" in err


@pytest.mark.parametrize(
    "name", ["with space", 'it\'s "quoted"', "ünïcode ✓", "new\nline", "a${x}b", "back\\slash", "-n"]
)
def test_a_project_may_lie_in_a_folder_of_any_name(demo, tmp_path, name):
    folder = demo.copy(tmp_path / name / "demo")
    built = build(folder, tmp_path / "cache")
    assert demo.same(built)
    assert os.readlink(folder / "result") == built["store_path"]  # noqa: PTH115 - the text


@pytest.mark.usefixtures("project")
def test_another_working_folder_and_link_make_no_difference(demo, tmp_path):
    built = build(tmp_path, demo.cache, "demo/modelpack.yaml", "--out-link", "links/package", umask=0o077)
    assert demo.same(built)
    assert (tmp_path / "links/package/bin/serve").is_file()


def test_ten_thousand_small_files_and_deep_links_are_packaged_as_they_are(demo, project):
    folder = project / "model/many"
    for number in range(10_000):
        place = folder / f"{number % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(f"{number}")
    deep = folder / "/".join("abcdefghijklmnopqrst")
    deep.mkdir(parents=True)
    (deep / "link").symlink_to("../" * 20 + "00/0.txt")
    (folder / "chain0").symlink_to("00/0.txt")
    for number in range(1, 20):
        (folder / f"chain{number}").symlink_to(f"chain{number - 1}")
    built = build(project, demo.cache)
    model = Path(built["store_path"], "share/modelpack/model/model/many")
    assert sum(1 for path in model.rglob("*.txt")) == 10_000
    assert (model / "chain19").read_text() == (model / deep.relative_to(folder) / "link").read_text() == "0"
    assert "fetch" not in build(project, demo.cache)["stages"]


def test_large_weights_cost_no_memory(demo, project):
    with (project / "model/weights.bin").open("wb") as stream:
        stream.truncate(1 << 30)
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [MODELPACK[0], "-c", code, *MODELPACK, "fetch"]
    done = subprocess.run(command, cwd=project, env=environment(demo.cache), check=True, capture_output=True, text=True)
    lock = lockfile.read(project / "modelpack.lock.json")
    (weights,) = (artifact for artifact in artifacts(lock) if artifact.name == "weights.bin")
    assert Path(weights.store_path).stat().st_size == 1 << 30
    subprocess.run(["nix-store", "--delete", weights.store_path], check=False, capture_output=True)
    assert int(done.stdout) < 200_000, "kB"


def in_namespace(script, *arguments, cwd, cache, **variables):
    """Run a script in a mount namespace of its own."""
    command = ["unshare", "--mount", "sh", "-euc", script, "sh", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(cache, **variables), check=False, capture_output=True, text=True, timeout=300
    )


@needs_root
def test_a_spec_in_a_read_only_folder_builds_when_nothing_is_to_be_written_there(demo, project, tmp_path):
    script = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; cd "$1"; shift; exec "$@"'
    build_ = (*MODELPACK, "build", "--json")
    done = in_namespace(script, project, *build_, "-o", tmp_path / "result", cwd=tmp_path, cache=demo.cache)
    assert done.returncode == 0, done.stderr
    assert demo.same(json.loads(done.stdout))
    done = in_namespace(script, project, *build_, cwd=tmp_path, cache=demo.cache)
    assert done.returncode not in (0, 9)
    assert said(done.stderr).startswith("error: ")
    assert "Read-only file system" in done.stderr
    touch_score(project, "changed")
    done = in_namespace(script, project, *build_, cwd=tmp_path, cache=demo.cache)
    assert done.returncode == 4
    assert said(done.stderr) == "error: modelpack.lock.json cannot be written: Read-only file system\n"


@needs_root
@pytest.mark.parametrize("size", ["8m", "60m", "250m"])
def test_a_full_disk_is_called_so_wherever_it_fills(project, tmp_path, size):
    place = tmp_path / "disk"
    place.mkdir()
    script = f'mount -t tmpfs -o size={size} none "$1"; shift; exec "$@"'
    variables = {
        "MODELPACK_NIX_STORE": str(place / "store"),
        "MODELPACK_ARTIFACTS": link_farm(lockfile.read(project / "modelpack.lock.json"), tmp_path / "farm"),
    }
    command = (*MODELPACK, "build")
    done = in_namespace(script, place, *command, cwd=project, cache=place / "cache", **variables)
    assert done.returncode in (6, 8), done.stderr
    assert re.search(r"disk is full|[Nn]o space left", said(done.stderr).splitlines()[0])
    assert "hint: free some" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "result").is_symlink()


def test_a_wrong_artifact_is_refused_and_named(project, tmp_path):
    lock = lockfile.read(project / "modelpack.lock.json")
    farm = link_farm(lock, tmp_path / "farm")
    wheel = next(wheel for wheel in lock.python.wheels if wheel.name == "joblib")
    wrong = tmp_path / "farm/sha256" / wheel.sha256
    wrong.unlink()
    wrong.write_bytes(b"\0" * wheel.size)
    empty = tmp_path / "pip.conf"
    empty.write_text("[global]\nindex-url = http://127.0.0.1:9/simple\nfind-links = /nowhere\n")
    variables = {
        "MODELPACK_NIX_STORE": str(tmp_path / "store"),
        "MODELPACK_ARTIFACTS": farm,
        "PIP_CONFIG_FILE": str(empty),
    }
    variables |= {name: "" for name in os.environ if name.startswith(("PIP_", "UV_")) and name != "PIP_CONFIG_FILE"}
    code, out, err = run("fetch", cwd=project, cache=tmp_path / "cache", HOME=str(tmp_path), **variables)
    assert (code, out) == (8, "")
    assert said(err).startswith(f"error: {wheel.filename} could not be had\n")
    assert f"{farm}/sha256/{wheel.sha256}" in err
    assert re.search(r"sha256", err)
    shutil.rmtree(tmp_path / "farm")
    link_farm(lock, tmp_path / "farm")
    code, out, err = run("fetch", cwd=project, cache=tmp_path / "cache", HOME=str(tmp_path), **variables)
    assert code == 0, err
    subprocess.run(["chmod", "-R", "u+w", tmp_path / "store"], check=True)


def test_output_into_a_pipe_that_closes_is_no_traceback(demo):
    command = f"{' '.join(MODELPACK)} inspect | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=demo.folder,
        env=environment(demo.cache),
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("package ")
    assert said(done.stderr) == ""
