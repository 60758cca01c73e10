"""Makes programs start from the store with the base's libraries, and Python's own library fit to the base."""

from __future__ import annotations

import os
import subprocess

from modelpack.builders.elf import read_dynamic
from modelpack.builders.problem import fail

# Wheels may take these from the system (the manylinux policies). An object with a DT_RUNPATH of its own ignores the
# interpreter's DT_RPATH, so the interpreter itself loads them, before any wheel asks.
MANYLINUX = (
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "librt.so.1",
    "libdl.so.2",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
)


_ASK_BASE = """

def _find_in_base(name, find=find_library):
    found = find(name)
    if found is None:
        import re
        import subprocess

        try:
            listed = subprocess.run({command}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
        except OSError:
            return None
        match = re.search(rb"^\\s+(lib%b\\.[^\\s]+) \\(libc6" % re.escape(os.fsencode(name)), listed, re.MULTILINE)
        found = os.fsdecode(match[1]) if match else None
    return found


find_library = _find_in_base
"""


def patch(patchelf: str, program: str, *, needed: list[str], search_path: str, interpreter: str) -> None:
    """Have a program load further libraries, from certain folders, and see that it came out right.

    One change a call, the interpreter last: given several, patchelf 0.14 writes wrong paths, and 0.18 segments that
    lie over each other, since Debian's Python is linked to fixed addresses.
    """
    changes = (
        [word for name in needed for word in ("--add-needed", name)],
        ["--force-rpath", "--set-rpath", search_path],
        ["--set-interpreter", interpreter],
    )
    for change in changes:
        if change:
            subprocess.run([patchelf, *change, program], check=True)
    found = read_dynamic(program)
    if (
        found is None
        or not found.sound
        or found.has_runpath
        or (found.search_path, found.interpreter) != (search_path, interpreter)
        or not set(needed) <= set(found.needed)
    ):
        fail("base", f"patchelf left {program} in a state it cannot start from: {found}")


def find_library(library: str, base: str, *, patched: bool = False) -> None:
    """Have ctypes.util.find_library ask the base; /sbin/ldconfig is the host's, or nobody's, outside a container.

    Args:
        library: folder of Python's own modules.
        base: root of the base.
        patched: whoever built this Python may have changed the way; then the base is asked after that.
    """
    path = f"{library}/ctypes/util.py"
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    asked = "['/sbin/ldconfig', '-p']"
    ours = [f"{base}/usr/sbin/ldconfig", "-C", f"{base}/etc/ld.so.cache", "-p"]
    if text.count(asked) == 1:
        text = text.replace(asked, repr(ours))
    elif patched:
        text += _ASK_BASE.format(command=ours)
    else:
        fail("base", f"{library.rpartition('/')[2]}/ctypes/util.py looks libraries up in a way that is not known")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def compile_library(compiler: str, root: str, place: str) -> None:
    """Compile Python's own modules in two fixed halves, each by an interpreter of its own.

    Args:
        compiler: the interpreter.
        root: what the paths in tracebacks are below.
        place: folder of the modules below it.
    """
    script = os.path.join(os.path.dirname(__file__), "bytecode.py")
    command = [compiler, "-s", "-S", script, "--part"]
    halves = [subprocess.Popen([*command, half, "2", f"{root}/{place}", f"/{place}"]) for half in ("0", "1")]
    codes = [half.wait() for half in halves]
    if any(codes):
        fail("base", "the standard library could not be compiled")
