"""The command line: arguments, exit codes, what goes to standard output and what to standard error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import example_lock
import example_project
import pytest

from modelpack import cli, settings
from modelpack.loading.native import load_spec

CHECKOUT = Path(__file__).resolve().parent.parent
COMMANDS = ("init", "import", "lock", "fetch", "build", "check", "export", "run", "inspect", "why", "doctor", "schema")


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Take away what this machine is configured for, and give a cache."""
    for name in (*settings.VARIABLES, "MODELPACK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MODELPACK_CACHE", str(tmp_path / "cache"))
    return example_project.machine(tmp_path)


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = example_project.write(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process; give its exit code and what it wrote."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["modelpack", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return caught.value.code or 0, captured.out, captured.err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_in_its_help(run, command):
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert re.search(rf"Example: modelpack {command}\b", out)


def test_the_help_lists_every_command_with_what_it_does(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z]", out, re.MULTILINE), command
    assert "Example: modelpack init" in out


def test_without_a_command_the_help_is_shown(run):
    code, out, err = run()
    assert (code, "Usage:" in out + err) == (2, True)


def test_the_version_is_printed(run):
    assert re.fullmatch(r"modelpack \d+\.\d+\.\d+\S*\n", run("--version")[1])


@pytest.mark.parametrize(
    "arguments",
    [["bild"], ["build", "--lcoked"], ["build", "a", "b"], ["why"], ["run", "--port", "0"], ["run", "--port", "x"]],
)
def test_a_wrong_command_line_is_exit_code_2_on_standard_error(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage:" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lock", "--upgrade"], ["lock", "--upgrade", "*"]),
        (["lock", "--upgrade", "numpy"], ["lock", "--upgrade", "numpy"]),
        (["lock", "--upgrade", "numpy", "--upgrade", "scipy"], ["lock", "--upgrade", "numpy", "--upgrade", "scipy"]),
        (["lock", "--upgrade", "--quiet"], ["lock", "--upgrade", "*", "--quiet"]),
        (["lock", "--upgrade", "."], ["lock", "--upgrade", "*", "."]),
        (["lock", "--upgrade", "../demo"], ["lock", "--upgrade", "*", "../demo"]),
        (["lock", "--upgrade", "modelpack.yaml"], ["lock", "--upgrade", "*", "modelpack.yaml"]),
        (["lock", "--upgrade", "numpy", "."], ["lock", "--upgrade", "numpy", "."]),
        (["lock", "--upgrade=numpy"], ["lock", "--upgrade=numpy"]),
        (["lock"], ["lock"]),
    ],
)
@pytest.mark.usefixtures("project")
def test_upgrade_may_stand_without_a_name(arguments, words):
    assert cli._with_upgrade_value(arguments) == words


@pytest.mark.parametrize("command", ["lock", "fetch", "build", "check", "run", "inspect"])
@pytest.mark.parametrize(
    ("spoil", "code", "message"),
    [
        (lambda folder: (folder / "modelpack.yaml").unlink(), 3, "modelpack.yaml"),
        (lambda folder: (folder / "modelpack.yaml").write_text("name: [demo"), 3, "modelpack.yaml:1"),
        (lambda folder: (folder / "modelpack.yaml").write_bytes(b"\xff\xfe"), 3, "modelpack.yaml"),
        (lambda folder: (folder / "model/model.bin").unlink(), 3, "model"),
        (lambda folder: (folder / "src/score.py").write_text("def init(:"), 3, "src/score.py:1"),
        (lambda folder: (folder / "modelpack.lock.json").write_text("<<<<<<< ours"), 4, "is not JSON"),
    ],
)
def test_a_mistake_in_the_project_has_its_exit_code_and_no_traceback(run, project, command, spoil, code, message):
    spoil(project)
    arguments = [command, "--locked"] if command in ("fetch", "build", "check", "run") else [command]
    arguments += ["--check"] if command == "lock" else []
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert err.startswith("error")
    assert message in err


@pytest.mark.parametrize("command", ["fetch", "build", "check", "run"])
def test_locked_refuses_a_stale_lock_and_says_why(run, project, machine, command):
    example_project.write_lock(project, machine, package_version="7")
    code, out, err = run(command, "--locked")
    assert (code, out) == (4, "")
    assert err == (
        "error: modelpack.lock.json is stale\n"
        "  package_version: the spec says something else now\n"
        "\nhint: run: modelpack lock\n"
    )


@pytest.mark.parametrize("arguments", [["build", "--locked"], ["inspect"], ["lock", "--check"], ["why", "numpy"]])
@pytest.mark.usefixtures("project")
def test_without_a_lock_the_hint_is_to_make_one(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (4, "")
    assert err == "error: there is no modelpack.lock.json\n\nhint: run: modelpack lock\n"


def test_lock_check_says_that_a_lock_is_up_to_date(run, project, machine):
    example_project.write_lock(project, machine)
    assert run("lock", "--check") == (0, "modelpack.lock.json is up to date\n", "")


def test_a_lock_of_the_same_spec_is_unchanged_without_any_index(run, project, machine):
    before = example_project.write_lock(project, machine)
    code, out, err = run("lock", "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("modelpack.lock.json unchanged: 5 wheels, 4 Debian packages, 5 files")
    assert json.loads((project / "modelpack.lock.json").read_text()) == before


def test_upgrading_a_name_that_is_not_there_is_an_error(run, project, machine):
    example_project.write_lock(project, machine)
    code, out, err = run("lock", "--upgrade", "nonesuch")
    assert (code, out) == (5, "")
    assert "cannot upgrade nonesuch: it is not in the lock" in err


def test_a_spec_may_be_named_by_its_file_from_anywhere(run, project, machine, tmp_path, monkeypatch):
    example_project.write_lock(project, machine)
    monkeypatch.chdir(tmp_path)
    assert run("lock", "--check", "project")[0] == 0
    assert run("lock", "--check", project / "modelpack.yaml")[0] == 0
    assert run("lock", "--check", "nowhere")[0] == 3


def test_why_prints_chains_and_json_has_the_same(run, project, machine):
    example_project.write_lock(project, machine, python=example_lock.lock().python)
    code, out, err = run("why", "Werkzeug")
    assert (code, err) == (0, "")
    assert out.startswith("werkzeug 3.1.3 (Python distribution)\n\n  modelpack.yaml:7\n")
    (answer,) = json.loads(run("why", "werkzeug", "--json")[1])
    assert [step["name"] for step in answer["chains"][0]] == ["modelpack.yaml:7", "flask", "werkzeug"]
    code, out, err = run("why", "nonesuch")
    assert (code, out) == (1, "")
    assert err.startswith("error: nothing in the package is called nonesuch\n")


def test_the_starters_are_listed_and_one_is_begun(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("init")
    assert (code, err) == (0, "")
    assert "sklearn-azureml" in out
    code, out, err = run("init", "custom-flask", "mine", "--modelpack-url", "path:/nowhere")
    assert (code, err) == (0, "")
    assert "mine/modelpack.yaml" in out
    assert load_spec(tmp_path / "mine").name == "mine"
    code, out, err = run("init", "custom-flask", "mine", "--modelpack-url", "path:/nowhere")
    assert code == 1
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "zip", "x"], "not a kind of export: zip"),
        (["export", "oci", "x", "--root"], "--root unpacks a rootfs; oci has none"),
    ],
)
@pytest.mark.usefixtures("project")
def test_an_export_that_cannot_be_is_refused_before_anything_is_built(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (10, "")
    assert err.startswith(f"error: {message}\n")


def test_the_schema_is_json(run):
    assert json.loads(run("schema")[1])["$schema"].startswith("https://json-schema.org/")


def test_the_doctor_says_what_there_is_and_its_json_has_the_same(run):
    code, out, _ = run("doctor")
    found_code, text, _ = run("doctor", "--json")
    findings = json.loads(text)
    assert code == found_code == (7 if any(finding["state"] == "missing" for finding in findings) else 0)
    for finding in findings:
        assert finding["what"] in out
        assert finding["state"] == "ok" or finding["fix"]


@pytest.mark.usefixtures("project")
def test_the_doctor_finds_what_a_bare_machine_lacks(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, _ = run("doctor")
    assert code == 7
    assert re.search(r"^MISSING +nix +not on this machine\n +install Nix 2\.8 or later", out, re.MULTILINE)
    assert re.search(r"^MISSING +signatures", out, re.MULTILINE)


def test_a_machine_without_nix_is_told_so(run, project, machine, monkeypatch, tmp_path):
    example_project.write_lock(project, machine)
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = run("fetch", "--locked")
    assert (code, out) == (7, "")
    assert "is not on this machine\n\nhint: install Nix 2.8 or later" in err


@pytest.mark.parametrize("text", ["store = [", "[nix]\nstore = 1\n", "[nyx]\n"])
@pytest.mark.usefixtures("project")
def test_a_wrong_configuration_is_an_error(run, monkeypatch, tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    monkeypatch.setenv("MODELPACK_CONFIG", str(path))
    code, out, err = run("build")
    assert (code, out) == (1, "")
    assert str(path) in err


def process(*arguments, cwd, environment=None, **options):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "modelpack", *arguments]
    variables = (os.environ if environment is None else environment) | {"PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(command, cwd=cwd, env=variables, check=False, stderr=subprocess.PIPE, timeout=60, **options)


def test_a_reader_that_goes_away_is_no_error_to_see(project):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        done = process("schema", cwd=project, stdout=stream)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_closed_standard_output_is_no_traceback(project):
    done = process("schema", cwd=project, preexec_fn=lambda: os.close(1))
    assert b"Traceback" not in done.stderr


def test_output_that_cannot_be_written_is_an_error(project):
    with Path("/dev/full").open("w") as stream:
        done = process("schema", cwd=project, stdout=stream)
    assert (done.returncode, done.stderr) == (1, b"error: No space left on device\n")


def test_a_folder_that_was_removed_is_an_error(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = process("build", "--locked", cwd=gone, preexec_fn=gone.rmdir, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"Traceback" not in done.stderr


def test_a_user_without_a_home_is_told_so_or_does_without(project, machine):
    example_project.write_lock(project, machine)
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CONFIG_HOME")}
    done = process("lock", "--check", cwd=project, environment=environment, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b"modelpack.lock.json is up to date\n"), done.stderr


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.ISO-8859-1", "nonesuch"])
def test_letters_of_a_spec_arrive_in_any_locale(project, machine, locale):
    text = example_project.SPEC + "description: Prüft ✓ Weine\n"
    (project / "modelpack.yaml").write_text(text, encoding="utf-8")
    example_project.write_lock(project, machine)
    environment = os.environ | {"LC_ALL": locale, "PYTHONIOENCODING": "ascii" if locale == "nonesuch" else ""}
    done = process("lock", "--check", cwd=project, environment=environment, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    done = process("inspect", "--json", cwd=project, environment=environment, stdout=subprocess.PIPE)
    assert done.returncode != 0 or json.loads(done.stdout)["description"] == "Prüft ✓ Weine"
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "ünïcode", "new\nline", "${x}", "a\\b", "-n", "#1"])
def test_a_project_may_lie_in_a_folder_of_any_name(run, tmp_path, machine, name):
    folder = example_project.write(tmp_path / name)
    example_project.write_lock(folder, machine)
    assert run("lock", "--check", folder) == (0, "modelpack.lock.json is up to date\n", "")
