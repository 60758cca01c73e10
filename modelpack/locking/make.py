"""A spec's lock, made from the one before where that still holds."""

from __future__ import annotations

from collections.abc import Sequence

from modelpack.errors import Problem, SpecError
from modelpack.images import locked as locked_image
from modelpack.lock import Lock, Wheel
from modelpack.locking.assemble import assemble
from modelpack.locking.interpreter import interpreter_digest, resolve_interpreter
from modelpack.locking.machine import Machine
from modelpack.locking.pins import Distributions, Pins, base_digest, python_digest
from modelpack.locking.trees import scan
from modelpack.locking.weights import judged, weigh_allowed
from modelpack.spec import Spec


def make(spec: Spec, previous: Lock | None, machine: Machine, *, upgrade: bool | Sequence[str] = False) -> Lock:
    """Give the lock of a spec, keeping from the previous one what was made from the same.

    Args:
        spec: the spec.
        previous: the lock there is.
        machine: where to look and whom to tell.
        upgrade: True resolves everything anew; names do so for those Python distributions.

    Raises:
        SpecError: files that cannot be packaged.
        ResolveError: a base or requirements that are not to be had; FetchError and ToolError as the resolvers.
    """
    trees = scan(spec, machine, previous)
    # Before anything is asked of the network.
    weights = weigh_allowed(spec, trees, previous, machine)
    pins = _pin(spec, previous, machine, anew=upgrade is True)
    found = Distributions.of(previous)
    if previous is None or upgrade or previous.digests.python != python_digest(spec, pins, trees):
        from modelpack.locking.python import resolve_python  # noqa: PLC0415 - packaging and uv, which most runs do not need

        found = resolve_python(assemble(spec, trees, pins, Distributions()), spec, found, machine, upgrade)
    _judge_file_conflicts(spec, found.wheels)
    return judged(assemble(spec, trees, pins, found, weights), spec, machine)


def _pin(spec: Spec, previous: Lock | None, machine: Machine, *, anew: bool) -> Pins:
    """Pin what distributions are resolved on."""
    kept = None if anew else previous
    digest = interpreter_digest(spec, machine)
    if kept and kept.digests.interpreter == digest:
        interpreter = kept.python.interpreter
    else:
        interpreter = resolve_interpreter(spec, machine)
    if kept and kept.digests.base == base_digest(spec, interpreter):
        base = kept.base
    else:
        from modelpack.locking.base import resolve_base  # noqa: PLC0415 - HTTP, which most runs do not need

        base = resolve_base(spec, interpreter, previous, machine)
    image = locked_image.resolve(spec, kept, machine.settings, machine.progress)
    return Pins(base=base, interpreter=interpreter, interpreter_digest=digest, image=image)


def _judge_file_conflicts(spec: Spec, wheels: tuple[Wheel, ...]) -> None:
    """Refuse winners that are not there.

    Raises:
        SpecError: with all of them.
    """
    locked = {wheel.name for wheel in wheels}
    problems = tuple(
        Problem(
            where=f"{spec.path.name}: file_conflicts.{path}",
            message=f"not a distribution that the package has: {name}",
            hint="modelpack why NAME says what it has and why",
            code="MP602",
        )
        for path, name in spec.file_conflicts.items()
        if name not in locked
    )
    if problems:
        raise SpecError(problems)
