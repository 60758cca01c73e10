"""The tree of another suite: its Nix is the suite's own, and its sandbox keeps network and files out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

pytestmark = [pytest.mark.nix, pytest.mark.network]

PROGRAM = Path(__file__).parent.parent / "scripts" / "nix-in-suite"
SUITE = "sid"
FLAKES = ("nix", "--extra-experimental-features", "nix-command flakes")

PROBE = """
{ seed, command }:
let tools = builtins.storePath seed; in
derivation {
  name = "probe";
  system = builtins.currentSystem;
  builder = "${tools}/bin/busybox";
  args = [ "sh" "-euc" command ];
  inherit tools;
}
"""

FLAKE = """
{
  outputs = { self }: {
    lib.answer = 42;
    checks.x86_64-linux.answer = derivation {
      name = "answer";
      system = "x86_64-linux";
      builder = "${./busybox}/bin/busybox";
      args = [ "sh" "-c" "echo 42 > $out" ];
    };
  };
}
"""


def run(*arguments, scratch=None, options=(), check=True):
    where = ("--scratch", scratch) if scratch else ()
    command = [PROGRAM, SUITE, *where, *options, "--", *arguments]
    return subprocess.run(command, check=check, capture_output=True, text=True)


@pytest.fixture(scope="module", autouse=True)
def tree():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if not shutil.which("mmdebstrap"):
        pytest.skip("needs mmdebstrap")
    run("true")


@pytest.fixture
def scratch(tmp_path):
    tmp_path.chmod(0o755)  # builds run as users of their own
    (tmp_path / "probe.nix").write_text(PROBE)
    (tmp_path / "secret").write_text("of the machine\n")
    run("sh", "-c", "mkdir -p /scratch/busybox/bin && cp /bin/busybox /scratch/busybox/bin", scratch=tmp_path)
    return tmp_path


def build(scratch, command, sandbox):
    """Build ``command`` in the tree; the sandbox is the tree's default unless it is switched off."""
    seed = run("nix-store", "--add", "/scratch/busybox", scratch=scratch).stdout.strip()
    off = () if sandbox else ("--option", "sandbox", "false")
    expression = ("/scratch/probe.nix", "--argstr", "seed", seed, "--argstr", "command", command)
    done = run("nix-build", "--no-out-link", *off, *expression, scratch=scratch, check=False)
    return done.returncode == 0


@pytest.fixture
def listener():
    """A port of the machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_nix_is_newer_than_the_first_one_supported():
    version = run("nix", "--version").stdout.split()[-1]
    assert tuple(map(int, version.split(".")[:2])) >= (2, 34)


def test_a_build_runs(scratch):
    assert build(scratch, "echo made by ${RANDOM} > $out", sandbox=True)


def test_a_build_cannot_read_files_of_the_machine(scratch):
    command = f"$tools/bin/busybox cat /scratch/secret > $out; : {scratch}"
    assert not build(scratch, command, sandbox=True)
    assert build(scratch, command, sandbox=False)


def test_a_build_cannot_reach_the_network(scratch, listener):
    command = f"$tools/bin/busybox nc 127.0.0.1 {listener} < /dev/null; echo reached > $out; : {scratch}"
    assert not build(scratch, command, sandbox=True)
    assert build(scratch, command, sandbox=False)


def test_a_flake_without_inputs_passes_offline_though_another_user_owns_it(scratch):
    (scratch / "flake.nix").write_text(FLAKE)
    git = ("git", "-C", scratch, "-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "Add")):
        subprocess.run([*git, *arguments], check=True)
    for path in (scratch, *scratch.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    run(*FLAKES, "flake", "check", "/scratch", scratch=scratch, options=["--offline"])
    evaluated = run(*FLAKES, "eval", "/scratch#lib.answer", scratch=scratch, options=["--offline"])
    assert evaluated.stdout.strip() == "42"


def test_a_closure_of_the_machine_is_copied_and_found_valid(tmp_path):
    (tmp_path / "carried").write_text(str(tmp_path))
    path = subprocess.run(
        ["nix-store", "--add", tmp_path / "carried"], check=True, capture_output=True, text=True
    ).stdout.strip()
    run("nix-store", "--verify-path", path, options=["--offline", "--copy", path])


def test_the_checkout_is_read_only_unless_asked():
    assert run("touch", "/project/modelpack", check=False).returncode != 0


def test_the_command_decides_the_exit_code():
    assert run("sh", "-c", "exit 7", check=False).returncode == 7


def test_a_command_is_required():
    done = subprocess.run([PROGRAM, "sid"], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage:" in done.stderr
