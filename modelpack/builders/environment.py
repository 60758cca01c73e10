"""Joins wheels into a virtual environment of links: one store path per wheel stays one store path per wheel.

A folder that one wheel owns is one link; a folder that several share is made and filled. Scripts get the
environment's own interpreter. Every shared object's needs are held against what the wheels and the base have.
"""

from __future__ import annotations

import configparser
import filecmp
import json
import os
from typing import Any

from modelpack.builders.elf import read_dynamic
from modelpack.builders.problem import fail

# Drivers come from the machine that serves, never from a package.
_DRIVERS = ("libcuda.so.1", "libnvidia-ml.so.1", "libcudadebugger.so.1")
_SCRIPT = """#!{python}
import sys

from {module} import {first}

if __name__ == "__main__":
    sys.exit({function}())
"""


def main() -> None:
    """Build from the plan: ``wheels`` ({name, path}), ``base``, ``python`` (``3.11``), ``triplet``."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    site = f"lib/python{plan['python']}/site-packages"
    os.makedirs(f"{out}/{site}")
    os.makedirs(f"{out}/bin")
    sites = [(wheel["name"], f"{wheel['path']}/{site}") for wheel in plan["wheels"]]
    _merge([pair for pair in sites if os.path.isdir(pair[1])], f"{out}/{site}")
    data = [(wheel["name"], f"{wheel['path']}/data") for wheel in plan["wheels"]]
    _merge([pair for pair in data if os.path.isdir(pair[1])], out)
    _interpreter(plan, out)
    _scripts(plan, out, site)
    _audit(plan, out)


def _merge(folders: list[tuple[str, str]], target: str) -> None:
    """Link the entries of ``folders`` (owner, path) into ``target``, a folder that exists."""
    owners: dict[str, list[tuple[str, str]]] = {}
    for owner, folder in folders:
        for entry in os.scandir(folder):
            owners.setdefault(entry.name, []).append((owner, entry.path))
    for name, pairs in sorted(owners.items()):
        place = f"{target}/{name}"
        if all(os.path.isdir(path) for _, path in pairs) and (len(pairs) > 1 or os.path.isdir(place)):
            os.makedirs(place, exist_ok=True)
            _merge(pairs, place)
            continue
        first_owner, first = pairs[0]
        for owner, path in pairs[1:]:
            if os.path.isdir(path) or os.path.isdir(first) or not filecmp.cmp(first, path, shallow=False):
                fail(
                    "environment",
                    f"{first_owner} and {owner} both install {name}, with different contents",
                    wheels=[first_owner, owner],
                    file=os.path.relpath(first, folders[0][1]),
                )
        os.symlink(first, place)


def _interpreter(plan: dict[str, Any], out: str) -> None:
    program = f"{plan['base']}/usr/bin/python{plan['python']}"
    for name in ("python", "python3", f"python{plan['python']}"):
        os.symlink(program, f"{out}/bin/{name}")
    with open(f"{out}/pyvenv.cfg", "w", encoding="utf-8") as stream:
        stream.write(
            f"home = {plan['base']}/usr/bin\ninclude-system-site-packages = false\nversion = {plan['python']}\n"
        )


def _scripts(plan: dict[str, Any], out: str, site: str) -> None:
    """Write console scripts (entry points specification) and the wheels' own scripts with our interpreter."""
    texts: dict[str, tuple[str, str]] = {}
    for wheel in plan["wheels"]:
        for name, text in [*_entry_points(wheel["path"], site, out), *_own_scripts(wheel["path"], out)]:
            owner, other = texts.setdefault(name, (wheel["name"], text))
            if other != text:
                message = f"{owner} and {wheel['name']} both install the script {name}, with different contents"
                fail("environment", message, wheels=[owner, wheel["name"]], file=f"bin/{name}")
    for name, (_, text) in sorted(texts.items()):
        path = f"{out}/bin/{name}"
        if os.path.lexists(path):
            continue
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        os.chmod(path, 0o755)


def _entry_points(wheel: str, site: str, out: str) -> list[tuple[str, str]]:
    folder = f"{wheel}/{site}"
    infos = [name for name in os.listdir(folder) if name.endswith(".dist-info")] if os.path.isdir(folder) else []
    found = []
    for info in infos:
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(f"{folder}/{info}/entry_points.txt", encoding="utf-8")
        if not parser.has_section("console_scripts"):
            continue
        for name, value in parser.items("console_scripts"):
            module, _, function = value.partition("[")[0].strip().partition(":")
            if "/" in name or not function:
                continue
            first = function.split(".")[0]
            found.append(
                (
                    name,
                    _SCRIPT.format(python=f"{out}/bin/python3", module=module, first=first, function=function),
                )
            )
    return found


def _own_scripts(wheel: str, out: str) -> list[tuple[str, str]]:
    folder = f"{wheel}/scripts"
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(f"{folder}/{name}", encoding="utf-8", errors="surrogateescape") as stream:
            first, rest = stream.readline(), stream.read()
        if first.startswith(("#!python", "#!pythonw")):
            first = f"#!{out}/bin/python3\n"
        found.append((name, first + rest))
    return found


def _audit(plan: dict[str, Any], out: str) -> None:
    """Write which libraries nothing provides, and the library path when an object would not find the base's."""
    libraries = f"{plan['base']}/usr/lib/{plan['triplet']}"
    in_base = {entry.name for folder in (libraries, f"{plan['base']}/usr/lib") for entry in os.scandir(folder)}
    objects = [(wheel["name"], path) for wheel in plan["wheels"] for path in _objects(wheel["path"])]
    in_wheels = {os.path.basename(path) for _, path in objects}
    missing: dict[str, set[str]] = {}
    unseen = False
    preloaded = _preloaded(plan, libraries)
    for owner, path in objects:
        dynamic = read_dynamic(path)
        for name in dynamic.needed if dynamic else ():
            if name in in_wheels or name in _DRIVERS:
                continue
            if name not in in_base:
                missing.setdefault(name, set()).add(owner)
            elif dynamic and dynamic.has_runpath and name not in preloaded:
                unseen = True
    folder = f"{out}/share/modelpack"
    os.makedirs(folder)
    with open(f"{folder}/missing-libraries.json", "w", encoding="utf-8") as stream:
        json.dump({name: sorted(owners) for name, owners in sorted(missing.items())}, stream, indent=2)
    if unseen:
        with open(f"{folder}/library-path", "w", encoding="utf-8") as stream:
            stream.write(f"{libraries}\n")


def _objects(folder: str) -> list[str]:
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.join(root, name) for name in names if name.endswith(".so") or ".so." in name]
    return sorted(found)


def _preloaded(plan: dict[str, Any], libraries: str) -> set[str]:
    """Give what the interpreter has loaded before any wheel: its own needs, and theirs."""
    seen: set[str] = set()
    queue = [f"{plan['base']}/usr/bin/python{plan['python']}"]
    while queue:
        dynamic = read_dynamic(os.path.realpath(queue.pop()))
        for name in dynamic.needed if dynamic else ():
            if name not in seen and os.path.exists(f"{libraries}/{name}"):
                seen.add(name)
                queue.append(f"{libraries}/{name}")
    return seen


if __name__ == "__main__":
    main()
