"""Builds a wheel out of a source archive or a folder of sources (PEP 517), to the same bytes every time.

The backend runs in the environment of the locked build requirements, without network, in a folder of a fixed name.
Output: ``wheel`` (the file), ``filename`` (what the backend called it) and ``METADATA``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from modelpack.builders import build_root
from modelpack.builders.problem import fail

_EPOCH = 315532800
"""Seconds: 1980-01-01, the earliest time that a wheel can hold."""
_LEGACY = "setuptools.build_meta:__legacy__"
_ERROR = re.compile(r"(?:\S*: )?(?:fatal )?error: |[\w.]*(?:Error|Exception): ", re.IGNORECASE)
_KEPT = 30
"""Lines of the backend's log that a failure shows."""
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, ValueError)
_HERE = os.path.dirname(os.path.abspath(__file__))


class Backend(NamedTuple):
    """The ``[build-system]`` table (PEP 518)."""

    name: str
    path: tuple[str, ...]


def main() -> None:
    """Build from the plan.

    ``name``, ``source`` (a file, or a folder), ``environment``, ``requires`` (what was locked for it), ``compilers``
    (null: there are none), ``tools`` (null: the root stays as it is), ``seed``, ``foreign`` (the package is for another
    kind of machine).
    """
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    os.umask(0o022)
    top = os.environ["NIX_BUILD_TOP"]
    source = _unpack(plan, f"{top}/source")
    _age(source)
    build = _Build(plan, top, source)
    build.requirements()
    wheel = build.wheel()
    _deliver(plan, wheel, os.environ["out"])


def _unpack(plan: dict[str, Any], folder: str) -> str:
    """Give the folder of the sources, which is as writable as backends expect."""
    if os.path.isdir(plan["source"]):
        shutil.copytree(plan["source"], folder, symlinks=False)
        return folder
    try:
        if zipfile.is_zipfile(plan["source"]):
            with zipfile.ZipFile(plan["source"]) as archive:
                archive.extractall(folder)  # noqa: S202 - it drops what leads out
        else:
            with tarfile.open(plan["source"]) as archive:
                members = [member for member in archive if member.isfile() or member.isdir() or member.issym()]
                for member in members:
                    _check_name(member.name, plan["name"])
                    member.mode |= 0o600 if member.isfile() else 0o700
                safe: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                archive.extractall(folder, members, **safe)  # noqa: S202 - names are checked above
    except _DAMAGED as error:
        fail("source", f"{plan['name']}: not a source archive that can be read: {error}", name=plan["name"])
    tops = os.listdir(folder)
    return os.path.join(folder, tops[0]) if len(tops) == 1 else folder


def _check_name(path: str, name: str) -> None:
    if path.startswith("/") or ".." in path.split("/"):
        fail("source", f"{name}: the source archive holds a file with an unsafe name: {path!r}", name=name)


def _age(folder: str) -> None:
    """Give everything one time: backends copy it into what they make."""
    for place, folders, names in os.walk(folder):
        os.chmod(place, 0o755)
        for name in [*folders, *names]:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode & 0o777 | 0o200)
            os.utime(path, (_EPOCH, _EPOCH), follow_symlinks=False)


class _Build:
    """One run of a backend."""

    def __init__(self, plan: dict[str, Any], top: str, source: str) -> None:
        self.plan, self.top, self.source = plan, top, source
        self.backend = _backend(source, plan["name"])
        self.variables = _variables(plan, top)

    def requirements(self) -> None:
        """Ask the backend what else it needs; what was not locked is the front end's to lock."""
        asked = self._call("get_requires_for_build_wheel") or []
        missing = sorted({text for text in asked if text not in self.plan["requires"] and not self._has(text)})
        if missing:
            name = self.plan["name"]
            message = f"{name}: its build needs what is not locked: {', '.join(missing)}"
            fail("build-requirements", message, name=name, missing=missing)

    def wheel(self) -> str:
        """Have the wheel built, and give its path."""
        folder = f"{self.top}/wheels"
        os.mkdir(folder)
        filename = self._call("build_wheel", folder)
        path = os.path.join(folder, str(filename))
        if not os.path.isfile(path):
            self._fail(f"{self.backend.name} says that it made {filename}, which is not there", [])
        return path

    def _has(self, requirement: str) -> bool:
        """Tell whether the environment has a distribution; which version was the resolver's to choose."""
        match = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
        code = "import importlib.metadata, sys; importlib.metadata.version(sys.argv[1])"
        command = [f"{self.plan['environment']}/bin/python3", "-c", code, match[0] if match else ""]
        return subprocess.run(command, env=self.variables, check=False, capture_output=True).returncode == 0

    def _call(self, hook: str, *arguments: str) -> Any:  # noqa: ANN401 - whatever the hook gives
        answer = f"{self.top}/answer.json"
        python = f"{self.plan['environment']}/bin/python3"
        words = [hook, self.backend.name, json.dumps(self.backend.path), answer, *arguments]
        command = [*self._rooted(), python, "-s", f"{_HERE}/hook.py", *words]
        variables = self.variables | {"PYTHONPATH": os.path.dirname(os.path.dirname(_HERE))}
        lines: list[str] = []
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, cwd=self.source, env=variables, text=True, errors="replace", **pipes) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                sys.stderr.write(line)
                lines.append(line.rstrip())
        if process.returncode:
            self._fail(f"{self.backend.name} failed: {_told(lines)}", lines)
        with open(answer, encoding="utf-8") as stream:
            return json.load(stream)

    def _rooted(self) -> list[str]:
        """Give the words before a command that make it run in a root of its own."""
        libraries = self.plan["compilers"] or self.plan["tools"]
        if libraries is None:
            return []
        root = tempfile.mkdtemp(prefix="root-", dir=self.top)
        with open(f"{self.plan['environment']}/pyvenv.cfg", encoding="utf-8") as stream:
            home = next(line.partition("=")[2].strip() for line in stream if line.startswith("home"))
        places = (root, self.plan["seed"], libraries, os.path.dirname(home), self.top)
        return [sys.executable, "-s", "-S", build_root.__file__, *places]

    def _fail(self, reason: str, lines: list[str]) -> None:
        name = self.plan["name"]
        log = [line for line in lines if line.strip()][-_KEPT:]
        fail("source", f"{name} cannot be built from source: {reason}", name=name, log=log)


def _told(lines: Sequence[str]) -> str:
    """Give the line of a log that says what is wrong: the last that calls itself an error, else the last."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said[-_KEPT:] if _ERROR.match(line)]
    return next(reversed(errors or said), "it says nothing")


def _backend(source: str, name: str) -> Backend:
    try:
        with open(f"{source}/pyproject.toml", "rb") as stream:
            table = tomllib.load(stream).get("build-system", {})
    except FileNotFoundError:
        table = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail("source", f"{name}: its pyproject.toml cannot be read: {error}", name=name)
    return Backend(table.get("build-backend") or _LEGACY, tuple(table.get("backend-path", ())))


def _variables(plan: dict[str, Any], top: str) -> dict[str, str]:
    """Give the whole environment of a backend: nothing of it differs from machine to machine."""
    compilers = plan["compilers"]
    applets = f"{top}/applets"
    os.makedirs(f"{top}/home")
    os.makedirs(applets)
    subprocess.run([f"{plan['seed']}/bin/busybox", "--install", "-s", applets], check=True)
    folders = [f"{plan['environment']}/bin", *([f"{compilers}/wrappers", f"{compilers}/usr/bin"] if compilers else ())]
    libraries = {"PKG_CONFIG_SYSROOT_DIR": compilers, "CC": "gcc", "CXX": "g++"} if compilers else {}
    return {
        "PATH": ":".join([*folders, applets]),
        "HOME": f"{top}/home",
        "TMPDIR": top,
        "NIX_BUILD_TOP": top,
        "SOURCE_DATE_EPOCH": str(_EPOCH),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        **libraries,
    }


def _deliver(plan: dict[str, Any], wheel: str, out: str) -> None:
    filename, name = os.path.basename(wheel), plan["name"]
    parts = filename.removesuffix(".whl").split("-")
    if len(parts) < 5 or re.sub(r"[-_.]+", "-", parts[0]).lower() != name:
        fail("source", f"{name}: its build made another distribution: {filename}", name=name)
    if plan["foreign"] and parts[-1] != "any":
        message = f"{name} has compiled parts, which take a machine of the package's kind to build: {filename}"
        fail("foreign-source", message, name=name)
    os.mkdir(out)
    try:
        _normalise(plan, wheel, f"{out}/wheel", out)
    except _DAMAGED as error:
        fail("source", f"{name}: its build made what is not a wheel: {error}", name=name)
    with open(f"{out}/filename", "w", encoding="utf-8") as stream:
        stream.write(filename)


def _normalise(plan: dict[str, Any], wheel: str, target: str, out: str) -> None:
    """Write the wheel anew: entries and RECORD sorted, one time, two modes; nothing in it names what built it."""
    traces = {plan[key].split("/")[-1][:32].encode(): key for key in ("environment", "compilers", "seed") if plan[key]}
    traces[os.path.realpath(sys.executable).split("/")[3][:32].encode()] = "tools"
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w") as archive:
        for entry in sorted(source.infolist(), key=lambda entry: entry.filename):
            if entry.is_dir():
                continue
            content = source.read(entry)
            place = entry.filename.partition("/")[2] if ".dist-info/" in entry.filename else ""
            if place == "RECORD":
                content = b"".join(sorted(content.splitlines(keepends=True)))
            if place == "METADATA":
                with open(f"{out}/METADATA", "wb") as stream:
                    stream.write(content)
            for trace, what in traces.items():
                if trace in content:
                    message = f"{plan['name']}: what is built names a folder of the build ({what}): {entry.filename}"
                    fail("source", message, name=plan["name"], file=entry.filename)
            fixed = zipfile.ZipInfo(entry.filename)
            fixed.external_attr = (0o100755 if entry.external_attr >> 16 & 0o111 else 0o100644) << 16
            archive.writestr(fixed, content, zipfile.ZIP_DEFLATED, 6)


if __name__ == "__main__":
    main()
