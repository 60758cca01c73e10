"""Unpacks one wheel, untouched, and compiles its modules (binary distribution format, PEP 427 and PEP 376).

Every file that RECORD lists is verified. Layout: ``lib/pythonX.Y/site-packages``, ``scripts`` (as in the wheel; the
environment gives them its interpreter), ``data`` (for the root of the environment).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import warnings
import zipfile
import zlib

from modelpack.builders import bytecode
from modelpack.builders.problem import fail

_CHUNK = 1 << 20
# What zipfile and csv raise for archives that are cut, encrypted, in other compressions or not text where text is due.
_DAMAGED = (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error, csv.Error)
# A server never imports the tests that wheels carry, which are a third of all modules; imported, they still work.
_TESTS = {"test", "tests"}


def main() -> None:
    """Build from the plan: ``wheel`` (path), ``name`` (of the distribution), ``python`` (``3.11``).

    ``compiler`` is the program that compiles its modules; null when the Python that runs this does.
    """
    warnings.simplefilter("ignore")
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    site = f"lib/python{plan['python']}/site-packages"
    try:
        modules = _unpack(plan["wheel"], out, site, plan["name"])
    except _DAMAGED as error:
        fail("wheel", f"{plan['name']}: not a wheel that can be read: {error}", name=plan["name"])
    except (FileExistsError, NotADirectoryError) as error:
        file = os.path.relpath(error.filename, out)
        fail("wheel", f"{plan['name']}: the wheel holds a file twice: {file}", name=plan["name"], file=file)
    root = os.path.join(out, site)
    bytecode.compile_by(plan.get("compiler"), root, [os.path.relpath(module, site) for module in modules], site)


def _unpack(wheel: str, out: str, site: str, name: str) -> list[str]:
    modules = []
    with zipfile.ZipFile(wheel) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        names = [entry.filename for entry in entries]
        if len(set(names)) != len(names):
            fail("wheel", f"{name}: the wheel holds a file twice", name=name)
        info = _dist_info(names, name)
        recorded = _record(archive.read(f"{info}/RECORD").decode())
        data = info.removesuffix(".dist-info") + ".data/"
        missing = sorted(set(recorded) - set(names))
        if missing:
            fail("wheel", f"{name}: RECORD lists files that the wheel does not hold: {missing[0]}", name=name)
        for entry in entries:
            target = _target(entry.filename, data, site, name)
            if target is None:
                continue
            _write(archive, entry, os.path.join(out, target), recorded.get(entry.filename), name)
            if target.endswith(".py") and target.startswith(site) and not _TESTS & set(target.split("/")[:-1]):
                modules.append(target)
    return modules


def _dist_info(names: list[str], name: str) -> str:
    found = [path.split("/")[0] for path in names if path.endswith(".dist-info/RECORD") and path.count("/") == 1]
    if len(found) != 1:
        fail("wheel", f"{name}: the wheel has {len(found)} RECORD files, it must have one", name=name)
    return found[0]


def _record(text: str) -> dict[str, str]:
    """Give the digests of RECORD by path; only sha256 ones, the kind every tool of today writes."""
    rows = (row for row in csv.reader(io.StringIO(text)) if len(row) == 3)
    return {path: digest.removeprefix("sha256=") for path, digest, _ in rows if digest.startswith("sha256=")}


def _target(path: str, data: str, site: str, name: str) -> str | None:
    """Where a file of the wheel goes; None for what is made anew."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
        fail("wheel", f"{name}: the wheel holds a file with an unsafe name: {path!r}", name=name)
    if "__pycache__" in parts:
        return None
    if not path.startswith(data):
        return f"{site}/{path}"
    kind, _, rest = path.removeprefix(data).partition("/")
    places = {
        "purelib": site,
        "platlib": site,
        "scripts": "scripts",
        "headers": f"data/include/{name}",
        "data": "data",
    }
    if kind not in places or not rest:
        fail("wheel", f"{name}: the wheel has a data folder that is not known: {kind}", name=name)
    return f"{places[kind]}/{rest}"


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: str, digest: str | None, name: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    hashed = hashlib.sha256()
    with archive.open(entry) as source, open(target, "xb") as stream:
        while chunk := source.read(_CHUNK):
            hashed.update(chunk)
            stream.write(chunk)
    found = base64.urlsafe_b64encode(hashed.digest()).rstrip(b"=").decode()
    if digest is not None and found != digest.rstrip("="):
        fail("wheel", f"{name}: {entry.filename} is not what RECORD says", name=name, file=entry.filename)
    mode = entry.external_attr >> 16
    if mode & 0o170000 == 0o120000:
        fail("wheel", f"{name}: the wheel holds a symlink, which wheels may not: {entry.filename}", name=name)
    if mode & 0o111:
        os.chmod(target, 0o755)


if __name__ == "__main__":
    main()
