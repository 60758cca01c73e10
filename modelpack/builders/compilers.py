"""Makes the compilers that extension modules are built with: pinned Debian packages that run from where they lie.

Programs get the interpreter and the search path of their own folder. ``wrappers`` holds the compilers as builds find
them: they take headers and libraries from here, and write neither this path nor debugging symbols into what they make.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

from modelpack.builders import base, programs
from modelpack.builders.elf import read_dynamic

_WRAPPER = """#!{shell} sh
exec {program} --sysroot={out} -isystem {out}/usr/include/{python} \\
    -ffile-prefix-map={out}= -ffile-prefix-map="${{NIX_BUILD_TOP:-/build}}"=. "$@" -g0
"""
_COMPILERS = ("gcc", "g++", "cc", "c++", "gfortran")
_FOLDERS = ("usr/bin", "usr/lib", "usr/libexec")


def main() -> None:
    """Build from the plan: ``debs`` ({name, path}), ``tools``, ``seed``, ``triplet``, ``loader``, ``python``."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    os.umask(0o022)
    root = base.Root(os.environ["out"])
    for folder in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(root.at(f"usr/{folder}"))
        os.symlink(f"usr/{folder}", root.at(folder))
    with ThreadPoolExecutor(2) as pool:
        controls = list(pool.map(lambda package: base.unpack(root, package), plan["debs"]))
    base.alternatives(root, controls)
    libraries = root.at(f"usr/lib/{plan['triplet']}")
    found = [path for folder in _FOLDERS for path in _programs(root.at(folder))]
    patchelf, loader = f"{plan['tools']}/bin/patchelf", root.at(plan["loader"])
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda path: programs.patch(patchelf, path, needed=[], search_path=libraries, interpreter=loader),
                found,
            )
        )
    _wrap(root, plan)


def _programs(folder: str) -> list[str]:
    """Give what the kernel starts with a dynamic linker; libraries that it could start are not meant to be."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if ".so" in name or os.path.islink(path) or not os.access(path, os.X_OK):
                continue
            dynamic = read_dynamic(path)
            if dynamic and dynamic.interpreter:
                found.append(path)
    return sorted(found)


def _wrap(root: base.Root, plan: dict[str, str]) -> None:
    os.makedirs(root.at("wrappers"))
    prefix = plan["triplet"]
    for name in (*_COMPILERS, *(f"{prefix}-{name}" for name in _COMPILERS)):
        program = root.at(f"usr/bin/{name}")
        if not os.path.exists(program):
            continue
        path = root.at(f"wrappers/{name}")
        shell = f"{plan['seed']}/bin/busybox"
        with open(path, "w", encoding="utf-8") as stream:
            text = _WRAPPER.format(shell=shell, program=program, out=root.out, python=f"python{plan['python']}")
            stream.write(text)
        os.chmod(path, 0o755)


if __name__ == "__main__":
    main()
