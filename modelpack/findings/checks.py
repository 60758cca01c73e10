"""All checks: those of a spec alone, and those of what it resolves to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpack.errors import Problem

if TYPE_CHECKING:
    from modelpack.lock import Lock
    from modelpack.locking.machine import Machine
    from modelpack.spec import Spec


def of_spec(spec: Spec) -> tuple[Problem, ...]:
    """Give what is found in what the user wrote, whatever it resolves to."""
    from modelpack.findings import ports, scripts, strays, variables  # noqa: PLC0415

    return (*variables.problems(spec), *ports.problems(spec), *scripts.problems(spec), *strays.problems(spec))


def of_lock(spec: Spec, lock: Lock, machine: Machine) -> tuple[tuple[Problem, ...], bool]:
    """Give what is found in a lock, and whether everything could be asked for that."""
    from modelpack.findings import resolved, saved_with  # noqa: PLC0415

    found, complete = resolved.problems(spec, lock, machine)
    return (*found, *saved_with.problems(spec, lock)), complete
