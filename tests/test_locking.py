"""``locking``: which part of a lock is kept, which is stale and why, and how the file is written."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import example_project
import pytest
from example_project import SPEC, lock_of, write

from modelpack import lockfile
from modelpack.errors import LockError, SpecError
from modelpack.loading.native import load_spec
from modelpack.locking.make import make
from modelpack.locking.pins import Pins, base_digest, python_digest
from modelpack.locking.staleness import check_builds_here, check_fresh, staleness
from modelpack.locking.trees import layouts
from modelpack.store.nix import system


@pytest.fixture
def machine(tmp_path):
    return example_project.machine(tmp_path)


@pytest.fixture
def project(tmp_path):
    return write(tmp_path / "project")


@pytest.fixture
def lock(project, machine):
    return lock_of(load_spec(project), machine)


def rewrite(project, before, after):
    path = project / "modelpack.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    return load_spec(project)


def test_the_lock_lies_beside_the_spec_under_its_name(project):
    assert load_spec(project).lock_path == project / "modelpack.lock.json"
    (project / "other.yaml").write_text(SPEC)
    assert load_spec(project / "other.yaml").lock_path == project / "other.lock.json"


def test_trees_are_laid_out_as_servers_expect_them(project):
    assert layouts(load_spec(project), project) == {
        "model": {"model": project / "model"},
        "code": {"": project / "src"},
        "input-labels": {"labels.json": project / "labels.json"},
        "samples": {
            "request-1/request.json": project / "request.json",
            "request-1/response.json": project / "response.json",
        },
    }


@pytest.mark.parametrize(
    ("model", "layout"),
    [
        ("./model/model.bin", {"model.bin": "model/model.bin"}),
        ("{wine: ./model}", {"wine": "model"}),
        ("{wine: ./model/model.bin}", {"wine/model.bin": "model/model.bin"}),
        ("{one: ./model, two: ./model/model.bin}", {"one": "model", "two/model.bin": "model/model.bin"}),
    ],
)
def test_models_are_placed_as_azure_ml_does(project, model, layout):
    spec = rewrite(project, "model: ./model\n", f"model: {model}\n")
    assert layouts(spec, project)["model"] == {path: project / source for path, source in layout.items()}


def test_without_a_check_there_are_no_samples(project):
    spec = rewrite(project, "check: {request: request.json, response: response.json}", "check: false")
    assert "samples" not in layouts(spec, project)


def test_a_lock_of_the_same_spec_is_kept_without_asking_anyone(project, machine, lock):
    assert make(load_spec(project), lock, machine) == lock


def test_changed_code_changes_its_tree_alone(project, machine, lock):
    (project / "src/score.py").write_text("def init(): pass\n\n\ndef run(data): pass\n")
    made = make(load_spec(project), lock, machine)
    assert made.trees["code"] != lock.trees["code"]
    assert replace(made, trees=lock.trees) == lock


@pytest.mark.parametrize(
    ("before", "after", "stale"),
    [
        ("numpy==2.0.0", "numpy==2.0.1", ["python"]),
        ("requirements: [numpy==2.0.0]", "requirements: []", ["python"]),
        ("name: demo", 'python: "3.13"\nbase: debian:trixie\nname: demo', ["base", "python"]),
        ("name: demo", "base: {packages: [libgl1]}\nname: demo", ["base"]),
        ("name: demo", "server: {name: azureml, version: 1.5.1}\nname: demo", ["python"]),
        ("name: demo", "name: other", []),
        ('version: "1"', 'version: "2"', []),
        ("LOG_LEVEL: info", "LOG_LEVEL: debug", []),
        ("request.json, response: response.json", "response.json", []),
        ("name: demo", "image: {user: '0:0', labels: {a: b}, compression: gzip}\nname: demo", []),
        ("name: demo", "description: text\nname: demo", []),
        ("./labels.json", "./request.json", []),
    ],
)
def test_what_was_resolved_is_stale_only_when_what_it_was_made_from_changed(project, lock, before, after, stale):
    spec = rewrite(project, before, after)
    now = {
        "base": base_digest(spec, None),
        "python": python_digest(spec, Pins.of(lock), lock.trees),
    }
    assert [name for name, digest in now.items() if digest != getattr(lock.digests, name)] == stale


def test_file_conflicts_are_settled_by_distributions_that_are_there(project, machine, lock):
    spec = rewrite(project, "name: demo", "file_conflicts: {cv2: opencv, bin/tool: Flask, docs: s.ci_py}\nname: demo")
    with pytest.raises(SpecError) as caught:
        make(spec, lock, machine)
    assert [problem.where for problem in caught.value.problems] == [
        "modelpack.yaml: file_conflicts.cv2",
        "modelpack.yaml: file_conflicts.docs",
    ]
    assert "not a distribution that the package has: s-ci-py" in str(caught.value.problems[1])


def test_the_order_of_requirements_and_packages_and_where_they_stand_do_not_matter(project, machine):
    spec = rewrite(project, "[numpy==2.0.0]", "[scipy, numpy]\nbase: {packages: [libgl1, libgomp1]}")
    lock = lock_of(spec, machine)
    rewrite(project, "[scipy, numpy]", "\n  - numpy\n  - scipy")
    spec = rewrite(project, "[libgl1, libgomp1]", "[libgomp1, libgl1]")
    made = make(spec, lock, machine)
    assert made.digests == lock.digests
    assert made.python.wheels == lock.python.wheels


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("numpy==2.0.0", "numpy==2.0.1", "requirements: they are other ones now"),
        ("[numpy==2.0.0]", "\n  - numpy==2.0.0", "requirements: they stand in other places now"),
        ("name: demo", "base: {packages: [libgl1]}\nname: demo", "base: the suite, its packages, Python or a platform"),
        ('version: "1"', 'version: "2"', "package_version: the spec says something else now"),
        ("LOG_LEVEL: info", "LOG_LEVEL: debug", "environment_variables: the spec says something else now"),
        ("response.json}", "response.json, timeout: 3}", "check: the spec says something else now"),
        ("name: demo", "name: other", "name: the spec says something else now"),
        ("labels.json", "request.json", "input-labels: request.json: new"),
        ("name: demo", "file_conflicts: {cv2: numpy}\nname: demo", "file_conflicts: the spec says something else now"),
    ],
)
def test_a_stale_lock_says_why(project, machine, lock, before, after, reason):
    spec = rewrite(project, before, after)
    assert any(line.startswith(reason) for line in staleness(spec, lock, machine))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("numpy==2.0.0\n", "numpy==2.0.0\n-c limits.txt\n"),
        ("numpy==2.0.0\n", f"numpy==2.0.0 --hash=sha256:{'0' * 64}\n"),
        ("numpy==2.0.0\n", "numpy==2.0.0\n--extra-index-url http://one.invalid/simple\n"),
        ("numpy==2.0.0\n", "numpy==2.0.0\n--find-links .\n"),
        ("numpy==2.0.0\n", "numpy==2.0.0\n--no-index\n"),
        ("numpy==2.0.0\n", "numpy==2.0.0\n--pre\n"),
    ],
)
def test_what_limits_a_resolution_makes_a_lock_stale(project, machine, before, after):
    (project / "requirements.txt").write_text(before)
    (project / "limits.txt").write_text("scipy<2\n")
    lock = lock_of(rewrite(project, "[numpy==2.0.0]", "requirements.txt"), machine)
    (project / "requirements.txt").write_text(after)
    assert staleness(load_spec(project), lock, machine) == ("requirements: they are other ones now",)


def test_another_password_or_host_in_a_variable_makes_no_lock_stale(project, machine, monkeypatch):
    text = "numpy==2.0.0\n--index-url http://ada:{}@one.invalid/${{WHERE}}\n"
    monkeypatch.setenv("WHERE", "simple")
    (project / "requirements.txt").write_text(text.format("s3cret"))
    lock = lock_of(rewrite(project, "[numpy==2.0.0]", "requirements.txt"), machine)
    monkeypatch.setenv("WHERE", "mirror")
    (project / "requirements.txt").write_text(text.format("0ther"))
    assert load_spec(project).indexes.default.url == "http://ada:0ther@one.invalid/mirror"
    assert staleness(load_spec(project), lock, machine) == ()


def test_changed_files_are_named(project, machine, lock):
    (project / "src/score.py").write_text("def init(): pass\n\n\ndef run(data): pass\n")
    (project / "src/more.py").write_text("")
    assert staleness(load_spec(project), lock, machine) == (
        "code: score.py: changed",
        "code: more.py: new",
    )


def test_very_many_changed_files_are_counted(project, machine, lock):
    for number in range(20):
        (project / f"src/more{number:02}.py").write_text("")
    reasons = staleness(load_spec(project), lock, machine)
    assert (len(reasons), reasons[-1]) == (6, "code: and 15 more")


def test_a_file_that_became_executable_is_a_change(project, machine, lock):
    (project / "src/score.py").chmod(0o755)
    assert staleness(load_spec(project), lock, machine) == ("code: score.py: changed",)


def test_a_fresh_lock_has_no_reasons_and_is_given_back(project, machine, lock):
    assert staleness(load_spec(project), lock, machine) == ()
    assert check_fresh(load_spec(project), lock, machine) is lock


def test_a_stale_or_missing_lock_is_an_error_that_says_what_to_do(project, machine, lock):
    with pytest.raises(LockError, match=r"there is no modelpack\.lock\.json") as missing:
        check_fresh(load_spec(project), None, machine)
    with pytest.raises(LockError, match=r"modelpack\.lock\.json is stale") as stale:
        check_fresh(load_spec(project), replace(lock, name="other"), machine)
    assert stale.value.details == ("name: the spec says something else now",)
    assert missing.value.hint == stale.value.hint == "run: modelpack lock"


def test_a_lock_with_tools_for_another_machine_is_refused(lock):
    check_builds_here(lock)
    with pytest.raises(LockError, match=f"on riscv64-linux, this machine is {system()}"):
        check_builds_here(replace(lock, build_system="riscv64-linux"))


def test_the_files_bytes_are_the_locks_text(tmp_path, lock):
    path = tmp_path / "modelpack.lock.json"
    assert lockfile.write(lock, path)
    assert path.read_text() == lockfile.to_text(lock)
    assert lockfile.read(path) == lock


def test_a_lock_that_did_not_change_is_not_touched(tmp_path, lock):
    path = tmp_path / "modelpack.lock.json"
    lockfile.write(lock, path)
    before = path.stat()
    assert not lockfile.write(lock, path)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_readers_never_see_half_a_lock(tmp_path, lock):
    path = tmp_path / "modelpack.lock.json"
    other = replace(lock, environment_variables={f"V{number}": "x" * 1000 for number in range(500)})
    lockfile.write(lock, path)
    done, found = threading.Event(), []

    def read():
        while not done.is_set():
            found.append(lockfile.read(path))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        lockfile.write(other, path)
        lockfile.write(lock, path)
    done.set()
    reader.join()
    assert found
    assert all(item in (lock, other) for item in found)
    assert [item.name for item in tmp_path.iterdir() if item.is_file()] == ["modelpack.lock.json"]


def test_a_lock_that_cannot_be_written_whole_leaves_the_old_one(project, lock):
    path = load_spec(project).lock_path
    lockfile.write(lock, path)
    before = path.read_bytes()
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from dataclasses import replace\n"
        "from modelpack import lockfile\n"
        "from modelpack.errors import LockError\n"
        "path = Path(sys.argv[1])\n"
        "lock = replace(lockfile.read(path), name='other')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    lockfile.write(lock, path)\n"
        "except LockError as error:\n    print(error.message)\n"
    )
    command = [sys.executable, "-c", script, path]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "modelpack.lock.json cannot be written: File too large\n"
    assert path.read_bytes() == before
    assert not [item for item in Path(project).iterdir() if item.name.startswith(".")]
