"""Files of the code folder that are of no use in a package, or should not be in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modelpack.errors import Problem
from modelpack.findings.places import shown_folder
from modelpack.findings.secrets import kind_of
from modelpack.spec import Spec

_COMPILED = frozenset({".so", ".pyd", ".dylib"})
_TAG = re.compile(r".+\.(?:cpython-|cp)(\d)(\d+)[-.].*")
_MACHINES = {62: "linux/amd64", 183: "linux/arm64"}
"""``e_machine`` of ELF files."""
_MACH = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_BUILD_HINT = "require the package that it is of, or compile it for the package and put that there"


def problems(spec: Spec) -> Iterator[Problem]:
    """Find them."""
    if spec.code is None:
        return
    for path in sorted(spec.code.source.path.rglob("*")):
        where = f"{shown_folder(path.parent)}{path.name}:1:1"
        if path.name == "pyvenv.cfg":
            yield Problem(
                where=where,
                message="a virtual environment in the code folder: all of it would go into the package, for nothing",
                hint="move it out of the code folder; packages come from requirements",
                severity="warning",
                code="MP317",
            )
        elif path.name == ".env" and path.is_file():
            yield from _secrets(path)
        elif path.suffix in _COMPILED and path.is_file() and "site-packages" not in path.parts:
            fault = _fault(path, spec)
            if fault:
                yield Problem(where=where, message=fault, hint=_BUILD_HINT, severity="warning", code="MP316")


def _fault(path: Path, spec: Spec) -> str:
    """Say why a compiled file cannot be loaded in the package; empty when it can, for all that is known."""
    with path.open("rb") as stream:
        head = stream.read(20)
    if path.suffix == ".pyd" or head[:2] == b"MZ":
        return "compiled for Windows, and the package runs on Linux"
    if path.suffix == ".dylib" or head[:4] in _MACH:
        return "compiled for macOS, and the package runs on Linux"
    platform = _MACHINES.get(int.from_bytes(head[18:20], "little")) if head[:4] == b"\x7fELF" else None
    if platform and platform != spec.platform:
        return f"compiled for {platform}, and the package is for {spec.platform}"
    tag = _TAG.fullmatch(path.name)
    if tag and f"{tag[1]}.{tag[2]}" != spec.python:
        return f"compiled for Python {tag[1]}.{tag[2]}, and the package has {spec.python}"
    return ""


def _secrets(path: Path) -> Iterator[Problem]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        name, _, value = line.removeprefix("export ").partition("=")
        kind = kind_of(name.strip(), value.strip().strip("\"'"))
        if kind:
            yield Problem(
                where=f"{shown_folder(path.parent)}{path.name}:{number}:1",
                message=f"{name.strip()} is {kind}, which everybody can read who has the package",
                hint="move the file out of the code folder, and set the variable where the package is deployed",
                severity="warning",
                code="MP314",
            )
