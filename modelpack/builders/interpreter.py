"""Unpacks an interpreter tarball and makes it run on the base: its C library, its libraries, its linker.

The shape is that of python-build-standalone's ``install_only``: one folder ``python``. What a server never uses is left
out: installers, tests of the standard library, its editor, static libraries, and bytecode, which is compiled anew.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any

from modelpack.builders import programs
from modelpack.builders.elf import Dynamic, needed_glibc, read_dynamic, symbol_versions
from modelpack.builders.problem import fail

_TOP = "python/"
_LIBRARY = re.compile(r"\.so(\.[\d.]+)?$")
# Left out: scripts of bin, whose first line names another place, and what is below these.
_PROGRAM = re.compile(r"bin/python3?(\.\d+[mt]?)?")
_LEFT_OUT = re.compile(
    r"bin/.*|(lib/)?share/man(/.*)?|lib/[^/]*\.a|lib/pkgconfig/.*|.*/__pycache__/.*|.*\.pyc|"
    r"lib/python3[^/]*/(test|idlelib|turtledemo|ensurepip/_bundled|site-packages|config-[^/]*)/.*"
)
_OF_COMPILER = {"libstdc++.so.6": ("GLIBCXX", "CXXABI"), "libgcc_s.so.1": ("GCC",)}
_ELF_MACHINES = {"x86_64-linux-gnu": 62, "aarch64-linux-gnu": 183}


def main() -> None:
    """Build from the plan; see ``interpreter.nix`` for its keys."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    os.umask(0o022)
    out = os.environ["out"]
    program = f"{out}/bin/python{plan['python']}"
    try:
        with tarfile.open(plan["tarball"], "r|*") as archive:
            for member in archive:
                _add(archive, member, out)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        fail("interpreter", f"the tarball cannot be unpacked: {error}")
    if not os.path.exists(program):
        fail("interpreter", f"the tarball has no python/bin/python{plan['python']}")
    adapt(plan, out, patched_library=plan["patched"])


def adapt(plan: dict[str, Any], out: str, *, patched_library: bool = False) -> None:
    """Make an interpreter at ``out`` run on the base, and compile its library.

    Args:
        plan: of the builder.
        out: its prefix.
        patched_library: its builder may have changed how ctypes looks libraries up.
    """
    program = f"{out}/bin/python{plan['python']}"
    _judge(plan, out)
    _forget_places(plan, program, out)
    _start(plan, program, out)
    library = f"lib/python{plan['python']}"
    programs.find_library(f"{out}/{library}", plan["base"], patched=patched_library)
    programs.compile_library(plan["compiler"] or program, out, library)


def is_left_out(path: str) -> bool:
    """Tell whether a server never uses what lies at ``path`` below the prefix of an interpreter."""
    return bool(_LEFT_OUT.fullmatch(path)) and not _PROGRAM.fullmatch(path)


def _add(archive: tarfile.TarFile, member: tarfile.TarInfo, out: str) -> None:
    """Unpack one member, unless it is left out."""
    name = os.path.normpath(member.name)
    if not name.startswith(_TOP):
        if name + "/" == _TOP or name == ".":
            return
        fail("interpreter", f"the tarball holds what is not below python/: {member.name!r}")
    path = name.removeprefix(_TOP)
    if is_left_out(path):
        return
    target = f"{out}/{path}"
    if member.isdir():
        os.makedirs(target, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if member.issym():
        _check_link(path, member.linkname)
        os.symlink(member.linkname, target)
    elif member.islnk():
        goal = os.path.normpath(member.linkname)
        if not goal.startswith(_TOP):
            fail("interpreter", f"the tarball holds a link that leads out of python/: {member.name!r}")
        os.link(f"{out}/{goal.removeprefix(_TOP)}", target)
    elif member.isfile():
        source = archive.extractfile(member)
        assert source is not None  # noqa: S101 - true for every regular file
        with open(target, "xb") as stream:
            shutil.copyfileobj(source, stream, 1 << 20)
        os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)


def _check_link(path: str, target: str) -> None:
    goal = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if target.startswith("/") or goal == ".." or goal.startswith("../"):
        fail("interpreter", f"the tarball holds a link that leads out of python/: python/{path} -> {target}")


def _objects(out: str) -> Iterator[tuple[str, Dynamic]]:
    """Give the programs and libraries."""
    for folder, _, names in sorted(os.walk(out)):
        for name in sorted(names):
            path = f"{folder}/{name}"
            if (_LIBRARY.search(name) or folder == f"{out}/bin") and not os.path.islink(path):
                dynamic = read_dynamic(path)
                if dynamic:
                    yield path, dynamic


def _judge(plan: dict[str, Any], out: str) -> None:
    """Hold what the objects are and ask for against the base: architecture, C library, and libraries to start."""
    machine = _ELF_MACHINES[plan["triplet"]]
    version = tuple(map(int, plan["glibc"].split(".")))
    for path, dynamic in _objects(out):
        shown = os.path.relpath(path, out)
        if dynamic.machine != machine:
            fail("interpreter", f"the interpreter is for another architecture than {plan['triplet']}: {shown}")
        wanted = needed_glibc(path)
        if wanted > version:
            text = ".".join(map(str, wanted))
            fail("interpreter", f"{shown} needs glibc {text}, the base has {plan['glibc']}", glibc=text)
    _judge_compilers(plan, out)
    program = f"bin/python{plan['python']}"
    missing = sorted(_missing(f"{out}/{program}", [f"{out}/lib", _libraries(plan), f"{plan['base']}/usr/lib"]))
    if missing:
        fail("interpreter", f"{program} needs libraries that nothing provides: {', '.join(missing)}", libraries=missing)


def _judge_compilers(plan: dict[str, Any], out: str) -> None:
    """Hold what the objects ask of the compiler's libraries against the base's, where these are not brought along."""
    for library, kinds in _OF_COMPILER.items():
        ours = f"{_libraries(plan)}/{library}"
        if os.path.exists(f"{out}/lib/{library}") or not os.path.exists(ours):
            continue
        have = symbol_versions(ours)
        for path, dynamic in _objects(out):
            wanted = symbol_versions(path) if library in dynamic.needed else {}
            for kind in kinds:
                if wanted.get(kind, (0,)) > have.get(kind, (0,)):
                    text = f"{kind}_{'.'.join(map(str, wanted[kind]))}"
                    fail("interpreter", f"{os.path.relpath(path, out)} needs {text}, the base's {library} lacks it")


def _missing(program: str, folders: list[str]) -> set[str]:
    dynamic = read_dynamic(os.path.realpath(program))
    names = (os.path.basename(name) for name in dynamic.needed) if dynamic else ()
    return {name for name in names if not any(os.path.exists(f"{folder}/{name}") for folder in folders)}


def _libraries(plan: dict[str, Any]) -> str:
    return f"{plan['base']}/usr/lib/{plan['triplet']}"


def _forget_places(plan: dict[str, Any], program: str, out: str) -> None:
    """Drop the folders of other places in which objects look for libraries; the program's own search serves them all.

    A DT_RUNPATH that is left would keep the program's DT_RPATH from its object, and lead out of the package.
    """
    for path, dynamic in _objects(out):
        folders = [folder for folder in dynamic.search_path.split(":") if folder]
        kept = [folder for folder in folders if folder.startswith(("$ORIGIN", "${ORIGIN}", f"{out}/"))]
        if kept == folders or path == os.path.realpath(program):
            continue
        change = ["--set-rpath", ":".join(kept)] if kept else ["--remove-rpath"]
        subprocess.run([f"{plan['tools']}/bin/patchelf", *change, path], check=True)
        found = read_dynamic(path)
        if found is None or not found.sound or found.search_path != ":".join(kept):
            fail(
                "interpreter",
                f"patchelf left {os.path.relpath(path, out)} in a state it cannot be loaded from: {found}",
            )


def _start(plan: dict[str, Any], program: str, out: str) -> None:
    """Have the interpreter start with the base's linker, and find its own libraries before those of the base."""
    libraries = _libraries(plan)
    programs.patch(
        f"{plan['tools']}/bin/patchelf",
        os.path.realpath(program),
        needed=[name for name in programs.MANYLINUX if os.path.exists(f"{libraries}/{name}")],
        search_path=f"{out}/lib:{libraries}",
        interpreter=f"{plan['base']}/{plan['loader']}",
    )


if __name__ == "__main__":
    main()
