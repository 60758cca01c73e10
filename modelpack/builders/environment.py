"""Joins wheels into a virtual environment of links: one store path per wheel stays one store path per wheel.

A folder that one wheel owns is one link; a folder that several share is made and filled. Scripts get the
environment's own interpreter. Every shared object's needs are held against what the wheels and the base have.
"""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Iterator
from typing import Any

from modelpack.builders.elf import read_dynamic
from modelpack.builders.merge import Entry, Merge, clash, inside
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
    """Build from the plan: ``wheels`` ({name, path}) and what ``environment.nix`` says."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    site = f"lib/python{plan['python']}/site-packages"
    # Folders that something of our own goes into; without them one wheel's could be linked as a whole.
    for folder in (site, "bin", "share/modelpack"):
        os.makedirs(f"{out}/{folder}")
    merge = _merge(plan, out, site)
    _interpreter(plan, out)
    _scripts(plan, out, site, merge)
    _audit(plan, out)


def _merge(plan: dict[str, Any], out: str, site: str) -> Merge:
    """Join the wheels, and write which of them quarrelled without harm."""
    merge = Merge(out, site, plan["file_conflicts"])
    merge.fill(list(_entries(plan["wheels"])))
    with open(f"{out}/share/modelpack/file-conflicts.json", "w", encoding="utf-8") as stream:
        json.dump(merge.settled, stream, indent=2, sort_keys=True)
    return merge


def _entries(wheels: list[dict[str, str]]) -> Iterator[Entry]:
    for wheel in wheels:
        if os.path.isdir(f"{wheel['path']}/lib"):
            yield Entry(wheel["name"], f"{wheel['path']}/lib", "lib")
        if os.path.isdir(f"{wheel['path']}/data"):
            yield from inside(Entry(wheel["name"], f"{wheel['path']}/data", ""))


def _interpreter(plan: dict[str, Any], out: str) -> None:
    program = plan["program"]
    names = ("python", "python3", f"python{plan['python']}")
    for path in ("pyvenv.cfg", *(f"bin/{name}" for name in names)):
        if owner := _data_owner(plan, path):
            fail("environment", f"{owner} installs {path}, which is the environment's own", wheels=[owner], file=path)
    for name in names:
        os.symlink(program, f"{out}/bin/{name}")
    with open(f"{out}/pyvenv.cfg", "w", encoding="utf-8") as stream:
        home = os.path.dirname(program)
        # The site-packages of conda's prefix hold what it brings.
        shared = "true" if _shared(plan) else "false"
        stream.write(f"home = {home}\ninclude-system-site-packages = {shared}\nversion = {plan['python']}\n")


def _shared(plan: dict[str, Any]) -> list[dict[str, str]]:
    """Give the interpreter when its own distributions are the environment's too."""
    return [plan["interpreter"]] if plan["interpreter"] and plan["interpreter"]["shared"] else []


def _data_owner(plan: dict[str, Any], path: str) -> str | None:
    """Give the wheel that has a file for the root of the environment."""
    owners = (wheel["name"] for wheel in plan["wheels"] if os.path.lexists(f"{wheel['path']}/data/{path}"))
    return next(owners, None)


def _scripts(plan: dict[str, Any], out: str, site: str, merge: Merge) -> None:
    """Write the scripts of entry points, and the wheels' own, with our interpreter."""
    texts: dict[str, tuple[str, bytes]] = {}
    for wheel in (*plan["wheels"], *_shared(plan)):
        for name, text in [*_entry_points(wheel, site, out), *_own_scripts(wheel["path"], out)]:
            owner, other = texts.setdefault(name, (wheel["name"], text))
            if other != text and merge.rule(f"bin/{name}") == wheel["name"]:
                texts[name] = (wheel["name"], text)
            elif other != text and merge.rule(f"bin/{name}") != owner:
                clash(owner, wheel["name"], f"bin/{name}")
    for name, (owner, text) in sorted(texts.items()):
        path = f"{out}/bin/{name}"
        if os.path.lexists(path):
            other_owner = _data_owner(plan, f"bin/{name}") or "the interpreter"
            if other_owner == owner or merge.rule(f"bin/{name}") == other_owner:
                continue
            if merge.rule(f"bin/{name}") != owner:
                clash(other_owner, owner, f"bin/{name}")
            os.unlink(path)
        with open(path, "wb") as stream:
            stream.write(text)
        os.chmod(path, 0o755)


def _entry_points(wheel: dict[str, str], site: str, out: str) -> list[tuple[str, bytes]]:
    folder = f"{wheel['path']}/{site}"
    infos = [name for name in os.listdir(folder) if name.endswith(".dist-info")] if os.path.isdir(folder) else []
    found = []
    for info in infos:
        for name, value in _declared_scripts(f"{folder}/{info}/entry_points.txt", wheel["name"]):
            module, _, function = value.partition("[")[0].strip().partition(":")
            if "/" in name or not function:
                continue
            first = function.split(".")[0]
            text = _SCRIPT.format(python=f"{out}/bin/python3", module=module, first=first, function=function)
            found.append((name, text.encode()))
    return found


def _declared_scripts(path: str, owner: str) -> list[tuple[str, str]]:
    """Give names and functions (entry points specification); the graphical kind differs on Windows alone."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        fail("environment", f"{owner}: its entry_points.txt cannot be read: {reason}", wheels=[owner])
    groups = (group for group in ("gui_scripts", "console_scripts") if parser.has_section(group))
    return list({name: value for group in groups for name, value in parser.items(group)}.items())


def _own_scripts(wheel: str, out: str) -> list[tuple[str, bytes]]:
    """Give the scripts of a wheel (binary distribution format: those that begin with ``#!python`` get one)."""
    folder = f"{wheel}/scripts"
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(f"{folder}/{name}", "rb") as stream:
            first, rest = stream.readline(), stream.read()
        if first.startswith(b"#!python"):
            first = f"#!{out}/bin/python3\n".encode()
        found.append((name, first + rest))
    return found


def _audit(plan: dict[str, Any], out: str) -> None:
    """Write which libraries nothing provides, and the library path when an object would not find the base's."""
    libraries = f"{plan['base']}/usr/lib/{plan['triplet']}"
    in_base = {entry.name for folder in (libraries, f"{plan['base']}/usr/lib") for entry in os.scandir(folder)}
    owners = [*plan["wheels"], *([plan["interpreter"]] if plan["interpreter"] else [])]
    objects = [(owner["name"], path) for owner in owners for path in _objects(owner["path"])]
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
    queue = [plan["program"]]
    while queue:
        dynamic = read_dynamic(os.path.realpath(queue.pop()))
        for name in dynamic.needed if dynamic else ():
            if name not in seen and os.path.exists(f"{libraries}/{name}"):
                seen.add(name)
                queue.append(f"{libraries}/{name}")
    return seen


if __name__ == "__main__":
    main()
