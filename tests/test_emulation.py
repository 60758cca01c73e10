"""``emulation``: what the kernel's list of emulators means for builds."""

from __future__ import annotations

import dataclasses

import pytest

from modelpack import emulation
from modelpack.errors import ToolError
from modelpack.store import nix

ARM64 = "7f454c460201010000000000000000000200b700"
"""What programs for it begin with; the last but two bytes are ELF's machine."""
RISCV64 = "7f454c460201010000000000000000000200f300"


@dataclasses.dataclass
class Lock:
    platform: str


@pytest.fixture(autouse=True)
def on_x86_64(monkeypatch):
    monkeypatch.setattr(nix.platform, "machine", lambda: "x86_64")


@pytest.fixture
def handlers(tmp_path):
    (tmp_path / "status").write_text("enabled\n")

    def register(name, magic, *, flags="F", state="enabled"):
        text = f"{state}\ninterpreter /usr/libexec/{name}\nflags: {flags}\noffset 0\nmagic {magic}\n"
        (tmp_path / name).write_text(text)

    register("qemu-riscv64", RISCV64)
    (tmp_path / "python").write_text("enabled\ninterpreter /usr/bin/python\nflags: \nextension .py\n")
    return register, tmp_path


def test_the_machine_s_own_programs_start(handlers):
    assert emulation.obstacle("linux/amd64", handlers[1]) is None


def test_without_an_emulator_others_do_not_and_it_is_said_what_helps(handlers):
    found = emulation.obstacle("linux/arm64", handlers[1])
    assert found.message == "programs for linux/arm64 do not start on this machine (x86_64-linux)"
    assert "qemu-user-static" in found.hint


@pytest.mark.parametrize("flags", ["F", "POCF"])
def test_an_emulator_counts_whatever_its_name(handlers, flags):
    register, folder = handlers
    register("some-name", ARM64, flags=flags)
    assert emulation.obstacle("linux/arm64", folder) is None


def test_an_emulator_that_the_sandbox_would_not_find_does_not_count(handlers):
    register, folder = handlers
    register("qemu-aarch64", ARM64, flags="OC")
    assert "without the flag F" in emulation.obstacle("linux/arm64", folder).message


def test_an_emulator_that_is_off_does_not_count(handlers):
    register, folder = handlers
    register("qemu-aarch64", ARM64, state="disabled")
    assert "do not start" in emulation.obstacle("linux/arm64", folder).message


def test_a_kernel_without_the_list_has_no_emulator(tmp_path):
    assert emulation.obstacle("linux/arm64", tmp_path / "absent") is not None


def test_what_cannot_start_is_refused(monkeypatch):
    monkeypatch.setattr(emulation, "obstacle", lambda _: emulation.Obstacle(message="no", hint="do"))
    with pytest.raises(ToolError, match="no"):
        emulation.require(Lock("linux/arm64"))
