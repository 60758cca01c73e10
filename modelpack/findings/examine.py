"""A spec to all that can be found in it and in what it resolves to, before anything is built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpack import lockfile
from modelpack.errors import Problem
from modelpack.findings import notes
from modelpack.findings.silencing import silence
from modelpack.weights import judge

if TYPE_CHECKING:
    from modelpack.lock import Lock
    from modelpack.locking.machine import Machine
    from modelpack.spec import Spec


def examine(spec: Spec, lock: Lock, machine: Machine, *, again: bool = False) -> tuple[Problem, ...]:
    """Give everything that is found, in order, with what the spec silences marked.

    What was found before of the same spec and lock is repeated, without looking again.

    Args:
        spec: what the user wrote.
        lock: what it resolves to.
        machine: where notes are kept, and the indexes are known.
        again: ask the indexes again, when they did not answer before.
    """
    # The only step of a build without changes that costs more than a glance.
    file = notes.place(
        machine, [lockfile.digest(lock), notes.written(spec), str(spec.path), os.path.relpath(spec.path)]
    )
    noted = notes.read(file)
    if noted is None or (again and not noted.complete):
        noted = _look(spec, lock, machine)
        notes.write(file, noted)
    return _finished(spec, (*spec.notices, *judge.notices(lock), *noted.problems))


def examine_spec(spec: Spec) -> tuple[Problem, ...]:
    """Give what is found in a spec that resolves to nothing."""
    from modelpack.findings.checks import of_spec  # noqa: PLC0415 - only what is needed

    return _finished(spec, (*spec.notices, *of_spec(spec)))


def _finished(spec: Spec, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    if not problems:
        return ()
    from modelpack.findings.report import ordered  # noqa: PLC0415 - only where there is something

    return ordered(silence(problems, spec.ignored))


def _look(spec: Spec, lock: Lock, machine: Machine) -> notes.Noted:
    from modelpack.findings.checks import of_lock, of_spec  # noqa: PLC0415 - packaging, which most runs do not need

    machine.progress.start("looking for mistakes", unit="")
    try:
        problems, complete = of_lock(spec, lock, machine)
        return notes.Noted(problems=(*of_spec(spec), *problems), complete=complete)
    finally:
        machine.progress.finish("looking for mistakes")


def errors(problems: tuple[Problem, ...]) -> Iterator[Problem]:
    """Give those that refuse the package."""
    return (problem for problem in problems if problem.severity == "error" and problem.reason is None)
