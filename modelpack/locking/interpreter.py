"""Pinning an interpreter that is not the base's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelpack import conda, interpreters
from modelpack.lock import CondaPackage, Interpreter
from modelpack.locking.machine import Machine
from modelpack.locking.sources import sources
from modelpack.locking.trees import scan_file
from modelpack.spec import FlakeInterpreter, Source, Spec
from modelpack.store import remote
from modelpack.store.nix import Nix


def interpreter_digest(spec: Spec, machine: Machine) -> str | None:
    """Give the digest of what the interpreter is resolved from; None when it is the base's."""
    return interpreters.digest(spec, lambda path: scan_file(path, machine))


def resolve_interpreter(spec: Spec, machine: Machine) -> Interpreter | None:
    """Pin the interpreter; None when it is the base's.

    Raises:
        ResolveError, FetchError, ToolError: as the ways.
    """

    def find(source: Source) -> Path:
        remote.bring((source,), machine.cache, machine.progress, machine.settings.artifacts)
        return remote.place(source, machine.cache)

    ways = interpreters.Ways(
        scan=lambda path: scan_file(path, machine),
        find=find,
        solve=lambda: _solve_conda(spec, machine),
        realise=lambda asked: _realise_flake(asked, spec, machine),
    )
    return interpreters.resolve(spec, machine.settings, ways)


def _realise_flake(asked: FlakeInterpreter, spec: Spec, machine: Machine) -> Interpreter:
    """Have Nix make the flake's Python; its tarball stays in the cache for ``fetch`` to use."""
    from modelpack.flake_python.realise import make  # noqa: PLC0415 - only where a flake is asked for

    task = f"realising {asked.written}"
    machine.progress.start(task, unit="")
    try:
        made = make(spec, asked, Nix.of(machine.settings, sandbox=machine.sandbox), machine.cache)
    finally:
        machine.progress.finish(task)
    return Interpreter(version=made.version, tarball=made.tarball)


def _solve_conda(spec: Spec, machine: Machine) -> tuple[CondaPackage, ...]:
    """Solve, and look into the archives for the Python distributions that they bring."""
    from modelpack.store.artifacts import conda_artifact  # noqa: PLC0415 - only where conda is asked for
    from modelpack.store.fetch import keep  # noqa: PLC0415

    machine.progress.start("solving packages of conda", unit="")
    try:
        solved = conda.solve(spec, machine.settings.channels, machine.cache / "conda")
    finally:
        machine.progress.finish("solving packages of conda")
    wanted = [conda_artifact(package) for package in solved]
    archives = keep(wanted, sources=sources(spec, machine), cache=machine.cache, progress=machine.progress)
    by_sha256 = {archive.parent.name: archive for archive in archives}
    packages = []
    for package in solved:
        distributions, scripts = conda.describe(by_sha256[package.sha256])
        packages.append(replace(package, distributions=distributions or None, scripts=scripts or None))
    return tuple(packages)
