"""Whether this machine starts the target's programs: its own, or through an emulator that its kernel calls.

``binfmt_misc`` tells the kernel which program runs foreign ones. A build sees it too, when it was registered with the
flag F: the kernel has opened the emulator then, and does not look for it in the sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelpack.errors import ToolError
from modelpack.lock import Lock
from modelpack.store.nix import system

_HANDLERS = Path("/proc/sys/fs/binfmt_misc")
# The last bytes of what a handler asks a program's first twenty bytes to be: ELF's machine, little-endian.
_ELF, _MACHINES = "7f454c46", {"linux/amd64": "3e00", "linux/arm64": "b700"}
_SYSTEMS = {"linux/amd64": "x86_64-linux", "linux/arm64": "aarch64-linux"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """Why the target's programs do not start here."""

    message: str
    hint: str


def obstacle(platform: str, handlers: Path = _HANDLERS) -> Obstacle | None:
    """Give why programs for a platform do not start on this machine; None when they do.

    Args:
        platform: in OCI's words: ``linux/arm64``.
        handlers: where the kernel shows what it calls for which programs.
    """
    if system() == _SYSTEMS[platform]:
        return None
    found = [text for text in map(_read, handlers.glob("*")) if _is_for(text, platform)]
    if any("F" in _field(text, "flags:") for text in found):
        return None
    message = f"programs for {platform} do not start on this machine ({system()})"
    if found:
        return Obstacle(
            message=f"{message} in Nix's sandbox: its emulator is registered without the flag F",
            hint="register it with F in binfmt_misc, as Debian's qemu-user-static does",
        )
    return Obstacle(
        message=message,
        hint="on Debian and Ubuntu: apt-get install qemu-user-static binfmt-support; or use such a machine",
    )


def require(lock: Lock) -> None:
    """Refuse to start what cannot start.

    Raises:
        ToolError: a package's programs do not start on this machine.
    """
    found = obstacle(lock.platform)
    if found:
        raise ToolError(found.message, hint=found.hint)


def _is_for(text: str, platform: str) -> bool:
    magic = _field(text, "magic")
    return text.startswith("enabled") and magic.startswith(_ELF) and magic[36:40] == _MACHINES[platform]


def _field(text: str, name: str) -> str:
    lines = (line.partition(" ") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key == name), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:  # ``register`` is for writing
        return ""
