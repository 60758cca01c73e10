"""What weights are by their content, and whether they may be in the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelpack.errors import SpecError
from modelpack.lock import Lock, LockedWeights, Tree
from modelpack.locking.machine import Machine
from modelpack.locking.trees import layouts
from modelpack.spec import Spec
from modelpack.weights import judge
from modelpack.weights.scan import weigh


def weigh_allowed(spec: Spec, trees: Mapping[str, Tree], previous: Lock | None, machine: Machine) -> LockedWeights:
    """Give what the weights are; those of trees that the previous lock has too are not read again.

    Raises:
        SpecError: with all that are damaged, or else with all that may not be in the package.
    """
    weights = weigh_all(spec, trees, previous, machine)
    if problems := tuple(dict.fromkeys(judge.refusals(weights, *_policies(spec, machine)))):
        raise SpecError(problems)
    return weights


def weigh_all(spec: Spec, trees: Mapping[str, Tree], previous: Lock | None, machine: Machine) -> LockedWeights:
    """Give what the weights are, allowed or not."""
    return weigh(trees, layouts(spec, machine.cache), previous)


def judged(lock: Lock, spec: Spec, machine: Machine) -> Lock:
    """Give the lock, when its weights may be in it and fit it.

    Raises:
        SpecError: with all that may not, or do not.
    """
    if problems := tuple(dict.fromkeys(judge.problems(lock, *_policies(spec, machine)))):
        raise SpecError(problems)
    return lock


def _policies(spec: Spec, machine: Machine) -> tuple[tuple[str, Sequence[str] | None], ...]:
    """Give who says which kinds of weights are allowed, and which."""
    return (
        (f"{spec.path.name}: formats", spec.formats),
        ("weights.formats of this machine", machine.settings.formats),
    )
