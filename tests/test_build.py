"""A real model becomes a package: what is built, what is not built again, and what is said when it cannot be."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from real_project import CHECKOUT, ask, build, free_port, nix, run, serve

pytestmark = [pytest.mark.nix, pytest.mark.network]

LIBRARY = CHECKOUT / "nix"


def lock_of(folder):
    return json.loads((folder / "modelpack.lock.json").read_text(encoding="utf-8"))


def edit(folder, name, before, after):
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_build_prints_the_packages_identity(demo):
    built = demo.built
    lock = (demo.folder / "modelpack.lock.json").read_bytes()
    assert (built["name"], built["version"]) == ("wine-cultivars", "1")
    assert re.fullmatch(r"/nix/store/[0-9a-z]{32}-wine-cultivars-1", built["store_path"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", built["image_digest"])
    assert built["lock_digest"] == "sha256:" + hashlib.sha256(lock).hexdigest()
    assert (built["checked"], built["hermetic"]) == (True, True)
    assert built["closure_bytes"] == sum(map(int, nix("nix-store", "-q", "--size", *closure(built["store_path"]))))
    assert {"load", "lock", "fetch", "build"} <= set(built["stages"])  # and check, unless the store has it
    assert os.readlink(demo.folder / "result") == built["store_path"]  # noqa: PTH115 - the text


def closure(path):
    return nix("nix-store", "-qR", path)


def test_a_second_build_changes_nothing_and_is_quick(demo):
    lock = (demo.folder / "modelpack.lock.json").stat()
    began = time.monotonic()
    built = build(demo.folder, demo.cache)
    assert demo.same(built)
    assert not {"fetch", "build", "check"} & set(built["stages"])
    assert time.monotonic() - began < 5
    assert (demo.folder / "modelpack.lock.json").stat() == lock


def test_nix_build_gives_the_same_store_path(demo):
    lock = demo.folder / "modelpack.lock.json"
    command = ("nix-build", LIBRARY, "-A", "package", "--arg", "lock", lock, "--no-out-link")
    assert nix(*command, "--option", "sandbox", "true", "--option", "substituters", "") == [demo.built["store_path"]]


def test_a_flake_gives_the_same_store_path(demo, tmp_path):
    # Only what a flake of ours needs: Nix copies the whole folder of a flake.
    library = tmp_path / "library"
    for name in ("nix", "modelpack/builders"):
        shutil.copytree(CHECKOUT / name, library / name, ignore=shutil.ignore_patterns("__pycache__"))
    (library / "flake.nix").write_text("{ outputs = _: { lib = import ./nix/flake.nix; }; }")
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(demo.folder / "modelpack.lock.json", project)
    flake = (
        f'{{ inputs.modelpack.url = "path:{library}"; outputs = {{ modelpack, ... }}: '
        f"modelpack.lib.mkFlake {{ lock = ./modelpack.lock.json; }}; }}"
    )
    (project / "flake.nix").write_text(flake)
    options = ("--extra-experimental-features", "nix-command flakes", "--option", "substituters", "")
    command = ("nix", *options, "--option", "sandbox", "true", "build", f"path:{project}#modelpkg")
    subprocess.run([*command, "--out-link", tmp_path / "result"], check=True, capture_output=True)
    assert os.readlink(tmp_path / "result") == demo.built["store_path"]  # noqa: PTH115 - the text


def derivations(folder):
    """Give the derivations that an image is made by: name -> paths."""
    command = ("nix-instantiate", LIBRARY, "-A", "image", "--arg", "lock", folder / "modelpack.lock.json")
    found = {}
    for path in closure(*nix(*command)):
        if path.endswith(".drv"):
            found.setdefault(path.split("-", 1)[1], set()).add(path)
    return found


def test_changed_code_builds_only_what_depends_on_it_and_resolves_nothing(demo, tmp_path):
    folder = demo.copy(tmp_path / "demo")
    edit(folder, "src/score.py", "Scoring script", "The scoring script")
    built = build(folder, demo.cache)
    assert built["store_path"] != demo.built["store_path"]
    before, after = derivations(demo.folder), derivations(folder)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {
        "code.drv",
        "server-azureml.drv",
        "weights-wine-cultivars.drv",
        "check-wine-cultivars.drv",
        "wine-cultivars-1.drv",
        "layer-package.drv",
        "image-wine-cultivars-1.drv",
    }
    old, new = lock_of(demo.folder), lock_of(folder)
    assert old["trees"].pop("code") != new["trees"].pop("code")
    assert old == new
    layers = [layers_of(folder, demo.cache), layers_of(demo.folder, demo.cache)]
    pairs = [pair for pair in zip(*layers, strict=True) if pair[0] != pair[1]]
    assert [(new["name"], old["name"]) for new, old in pairs] == [("package", "package")]
    assert pairs[0][0]["size"] < 100_000


def layers_of(folder, cache):
    code, out, err = run("inspect", "--json", cwd=folder, cache=cache)
    assert code == 0, err
    return json.loads(out)["built"]["layers"]


def test_inspect_shows_packages_layers_sizes_and_answers(demo):
    content = json.loads(run("inspect", "--json", cwd=demo.folder, cache=demo.cache)[1])
    lock = lock_of(demo.folder)
    assert content["built"]["store_path"] == demo.built["store_path"]
    assert content["built"]["image_digest"] == demo.built["image_digest"]
    assert [wheel["name"] for wheel in content["python"]["wheels"]] == [w["name"] for w in lock["python"]["wheels"]]
    assert content["built"]["check"]["requests"][0]["status"] == 200
    text = run("inspect", cwd=demo.folder, cache=demo.cache)[1]
    for word in (demo.built["store_path"], "scikit-learn", "libc6", "model/model.joblib", "POST /score", "layers"):
        assert word in text


def test_inspect_of_what_is_not_built_says_so(demo, tmp_path):
    folder = demo.copy(tmp_path / "demo")
    edit(folder, "src/score.py", "Scoring script", "Another scoring script")
    assert run("lock", cwd=folder, cache=demo.cache)[0] == 0
    assert json.loads(run("inspect", "--json", cwd=folder, cache=demo.cache)[1])["built"] is None
    assert "not yet: run modelpack build" in run("inspect", cwd=folder, cache=demo.cache)[1]


def test_why_leads_to_the_line_of_the_spec(demo):
    (answer,) = json.loads(run("why", "threadpoolctl", "--json", cwd=demo.folder, cache=demo.cache)[1])
    steps = [step["name"] for step in answer["chains"][0]]
    assert re.fullmatch(r"modelpack\.yaml:\d+", steps[0])
    assert steps[1:] == ["scikit-learn", "threadpoolctl"]


def test_locked_refuses_what_is_stale_and_builds_nothing(demo, tmp_path):
    folder = demo.copy(tmp_path / "demo")
    edit(folder, "src/score.py", "Scoring script", "A script")
    code, out, err = run("build", "--locked", cwd=folder, cache=demo.cache)
    assert (code, out) == (4, "")
    assert "modelpack.lock.json is stale\n  code: score.py: changed\n" in err
    assert not (folder / "result").is_symlink()


def fail(demo, folder, change):
    """Build a changed copy of the demo, which must fail in the check; give the message and all that was said."""
    demo.copy(folder)
    change(folder)
    code, out, err = run("build", cwd=folder, cache=demo.cache)
    assert (code, out) == (9, ""), err
    assert not (folder / "result").is_symlink()
    return err.splitlines()[0], err


def test_a_wrong_answer_is_shown_beside_the_right_one(demo, tmp_path):
    first, _ = fail(
        demo, tmp_path / "demo", lambda folder: edit(folder, "expected-response.json", '"label": "', '"label": "not ')
    )
    assert first.startswith(
        "error: check failed at answer: request-1: the answer is not the expected one: $[0].label: found "
    )
    assert 'expected "not ' in first


def test_a_crash_on_load_shows_the_servers_log(demo, tmp_path):
    def change(folder):
        edit(
            folder,
            "src/score.py",
            "    global model\n",
            "    global model\n    raise RuntimeError('the weights are broken')\n",
        )

    first, err = fail(demo, tmp_path / "demo", change)
    assert first == "error: check failed at start: the server stopped before it was ready, with exit code 3"
    assert "  the server's log ends:" in err
    assert "RuntimeError: the weights are broken" in err


def test_a_module_that_is_no_python_is_named(demo, tmp_path):
    def change(folder):
        (folder / "src/helper.py").write_text("def broken(:\n")
        # Named at run time alone: one that is imported by a statement is found before anything is built.
        late = "import json\nimport importlib\nimportlib.import_module('helper')\n"
        edit(folder, "src/score.py", "import json\n", late)

    first, err = fail(demo, tmp_path / "demo", change)
    assert first.startswith("error: check failed at start: ")
    assert "helper.py" in err
    assert "SyntaxError" in err


def test_a_missing_module_is_found_before_anything_is_built(demo, tmp_path):
    folder = demo.copy(tmp_path / "demo")
    edit(folder, "src/score.py", "import json\n", "import json\nimport polars\n")
    code, out, err = run("build", cwd=folder, cache=demo.cache)
    assert (code, out) == (11, "")
    assert "error MP301: src/score.py:4:1: imports polars, which no locked package has" in err


def test_a_missing_module_that_only_running_finds_is_named_with_what_to_do(demo, tmp_path):
    late = "import json\nimport importlib\nimportlib.import_module('polars')\n"
    _, err = fail(demo, tmp_path / "demo", lambda folder: edit(folder, "src/score.py", "import json\n", late))
    assert err.endswith("\nhint: no locked distribution has the module polars: add the one that does to requirements\n")


def test_a_server_that_hangs_is_stopped_in_time(demo, tmp_path):
    def change(folder):
        edit(folder, "src/score.py", "    global model\n", "    global model\n    import time\n    time.sleep(600)\n")
        edit(folder, "modelpack.yaml", "check: ", "check:\n  timeout: 4\n#")

    first, err = fail(demo, tmp_path / "demo", change)
    assert first == "error: check failed at readiness: the server was not ready within 4 s: GET /"
    assert "the server's log ends:" in err


def test_a_wrong_status_is_shown_with_the_answer(demo, tmp_path):
    def change(folder):
        edit(folder, "sample-request.json", '"data"', '"daten"')

    first, _ = fail(demo, tmp_path / "demo", change)
    assert re.match(r"error: check failed at status: request-1: POST /score answered [45]\d\d, expected 200: ", first)


def test_a_package_without_a_check_is_marked(demo, tmp_path):
    folder = demo.copy(tmp_path / "demo")
    text = (folder / "modelpack.yaml").read_text()
    (folder / "modelpack.yaml").write_text(text[: text.index("\ncheck:")] + "\ncheck: false\n")
    built = build(folder, demo.cache)
    assert built["checked"] is False
    assert built["store_path"] != demo.built["store_path"]
    package = json.loads(Path(built["store_path"], "share/modelpack/package.json").read_text())
    assert (package["checked"], package["hermetic"]) == (False, True)
    assert "NO: the spec says check: false" in run("build", cwd=folder, cache=demo.cache)[1]


def test_a_package_built_without_the_sandbox_is_marked(demo, tmp_path):
    folder = demo.copy(tmp_path / "demo")
    built = build(folder, demo.cache, "--no-sandbox")
    assert (built["hermetic"], built["checked"]) == (False, True)
    assert built["store_path"] != demo.built["store_path"]
    assert built["image_digest"] != demo.built["image_digest"]
    assert "NO: built without the sandbox" in run("build", "--no-sandbox", cwd=folder, cache=demo.cache)[1]


def test_check_prints_the_report(demo):
    code, out, err = run("check", cwd=demo.folder, cache=demo.cache)
    assert code == 0, err
    assert re.search(r"^ready after .+\n  request-1 +POST /score +200", out, re.MULTILINE)
    report = json.loads(run("check", "--json", cwd=demo.folder, cache=demo.cache)[1])
    assert report["requests"][0]["name"] == "request-1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_serves_until_it_is_stopped_and_leaves_nothing_behind(demo, number):
    port = free_port()
    process, line = serve(demo.folder, demo.cache, port, http_proxy="http://127.0.0.1:1")
    assert line == f"ready: http://127.0.0.1:{port}/score\n"
    expected = json.loads((demo.folder / "expected-response.json").read_text())
    assert [wine["label"] for wine in ask(demo.folder, port)] == [wine["label"] for wine in expected]
    process.send_signal(number)
    assert process.wait(30) == 0
    process.stderr.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port))


def test_run_refuses_a_port_that_is_taken(demo):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run("run", "--port", port, cwd=demo.folder, cache=demo.cache)
    assert (code, out) == (7, "")
    assert err == f"error: port {port} cannot be used: Address already in use\n\nhint: choose another with --port\n"
