"""What a lock has, held against what it should have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpack.errors import Problem

if TYPE_CHECKING:
    from modelpack.lock import Lock
    from modelpack.locking.machine import Machine
    from modelpack.spec import Spec


def problems(spec: Spec, lock: Lock, machine: Machine) -> tuple[tuple[Problem, ...], bool]:
    """Give what is found, and whether all that had to be asked answered."""
    del spec, machine
    return tuple(_conda(lock)), True


def _conda(lock: Lock) -> Iterator[Problem]:
    interpreter = lock.python.interpreter
    for package in interpreter.conda if interpreter else ():
        if package.scripts:
            message = f"conda's {package.name} has scripts for its installation, which are not run"
            yield Problem(where="python.conda", message=message, severity="note", code="MP603")
