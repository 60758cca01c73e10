"""What a lock has, held against what the indexes and the wheels' metadata say."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from modelpack.errors import Problem
from modelpack.findings import downgrades, gpu, names, notes, provided, unused
from modelpack.findings.resolution import Resolution
from modelpack.python.releases import offered

if TYPE_CHECKING:
    from modelpack.lock import Lock
    from modelpack.locking.machine import Machine
    from modelpack.python.index import IndexFile
    from modelpack.spec import Spec


def problems(spec: Spec, lock: Lock, machine: Machine) -> tuple[tuple[Problem, ...], bool]:
    """Give what is found, and whether all that had to be asked answered.

    What follows from the distributions alone is kept by them, so that the indexes are asked when those change, and
    not when the user's code does.
    """
    resolution = Resolution(spec, lock, machine.cache)
    wanted = sorted(wheel.name for wheel in lock.python.wheels if wheel.source != "local")

    @functools.cache
    def ask() -> tuple[Mapping[str, Sequence[IndexFile]], bool]:
        return offered(wanted, resolution.scope) if wanted else ({}, True)

    file = notes.place(machine, ["python", notes.python_digest(spec, lock)])
    noted = notes.read(file)
    if noted is None or not noted.complete:
        noted = _of_distributions(resolution, *ask())
        notes.write(file, noted)
    modules, all_read = provided.problems(resolution, lambda: ask()[0])
    return (*noted.problems, *modules, *unused.problems(resolution)), noted.complete and all_read


def _of_distributions(resolution: Resolution, files: Mapping[str, Sequence[IndexFile]], complete: bool) -> notes.Noted:
    found = [*_conda(resolution.lock), *_python_limits(resolution), *gpu.problems(resolution)]
    found += _yanked(resolution, files)
    found += downgrades.problems(resolution, files)
    found += names.problems(resolution, files)
    if not complete:
        message = "not every package index answered: withdrawn and newer releases are not known of"
        found.append(Problem(where="", message=message, severity="note", code="MP216"))
    return notes.Noted(problems=tuple(found), complete=complete)


def _conda(lock: Lock) -> Iterator[Problem]:
    interpreter = lock.python.interpreter
    for package in interpreter.conda if interpreter else ():
        if package.scripts:
            message = f"conda's {package.name} has scripts for its installation, which are not run"
            yield Problem(where="", message=message, severity="note", code="MP603")


def _python_limits(resolution: Resolution) -> Iterator[Problem]:
    """Find what says that it does not run on the package's Python."""
    python = resolution.target.environment()["python_full_version"]
    for distribution in resolution.metadata.values():
        try:
            allowed = SpecifierSet(distribution.requires_python)
        except InvalidSpecifier:
            continue
        if not allowed.contains(python, prereleases=True):
            yield Problem(
                where=resolution.where(distribution.name),
                message=f"{distribution.name} {distribution.version} says that it does not run on Python {python}: "
                f"Requires-Python {distribution.requires_python}",
                hint="check that it works, or require another release of it",
                severity="warning",
                code="MP209",
            )


def _yanked(resolution: Resolution, files: Mapping[str, Sequence[IndexFile]]) -> Iterator[Problem]:
    for wheel in resolution.lock.python.wheels:
        same = [file for file in files.get(wheel.name, ()) if file.filename == wheel.filename]
        reasons = [file.yanked for file in same if file.yanked is not None]
        if reasons and len(reasons) == len(same):
            why = f": {' '.join(reasons[0].split())}" if reasons[0] else ""
            yield Problem(
                where=resolution.where(canonicalize_name(wheel.name)),
                message=f"{wheel.name} {wheel.version} was withdrawn by its authors{why}",
                hint=f"require another release of {wheel.name}, then run: modelpack lock --upgrade {wheel.name}",
                severity="warning",
                code="MP208",
            )
