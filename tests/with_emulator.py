"""Runs a command where the kernel starts AArch64 programs by an emulator, and nowhere else.

    python with_emulator.py QEMU COMMAND...

A user namespace of its own, with all users in it, has a list of handlers of its own (Linux 6.7). Needs root.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NEW_NAMESPACES = 0x10000000 | 0x00020000  # user, mount: sched.h
HANDLERS = "/proc/sys/fs/binfmt_misc"
MAGIC = "7f454c460201010000000000000000000200b700"
MASK = "ffffffffffffff00fffffffffffffffffeffffff"
LIBC = ctypes.CDLL(None, use_errno=True)


def escaped(digits):
    return "".join(f"\\x{digits[index : index + 2]}" for index in range(0, len(digits), 2))


def called(result):
    if result:
        code = ctypes.get_errno()
        sys.exit(f"{os.strerror(code)} (error {code})")


def enter(emulator):
    called(LIBC.mount(b"none", HANDLERS.encode(), b"binfmt_misc", 0, None))
    rule = f":modelpack-test:M::{escaped(MAGIC)}:{escaped(MASK)}:{emulator}:F"
    Path(HANDLERS, "register").write_bytes(rule.encode())


def main():
    emulator, *command = sys.argv[1:]
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        called(LIBC.unshare(NEW_NAMESPACES))
        os.write(ready[1], b".")
        os.read(go[0], 1)
        enter(emulator)
        os.execvp(command[0], command)  # noqa: S606 - its arguments are a list
    os.close(ready[1])
    if os.read(ready[0], 1):
        for kind in ("uid", "gid"):
            Path(f"/proc/{child}/{kind}_map").write_text("0 0 4294967295\n")
        os.write(go[1], b".")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
