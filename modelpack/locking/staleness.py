"""Whether a lock is its spec's and this machine's, and why not."""

from __future__ import annotations

from modelpack.errors import LockError
from modelpack.lock import Lock, Tree
from modelpack.locking.assemble import assemble
from modelpack.locking.interpreter import interpreter_digest
from modelpack.locking.machine import Machine
from modelpack.locking.pins import Distributions, Pins
from modelpack.locking.trees import scan
from modelpack.locking.weights import judged, weigh_all
from modelpack.spec import Spec
from modelpack.store.nix import system

_SECTIONS = {
    "interpreter": "python: the interpreter is another one now",
    "base": "base: the suite, its packages, Python or a platform is another one now",
    "image": "base.image: the image or the platform is another one now",
    "python": "requirements: they are other ones now",
}
_FIELDS = (
    "name",
    "package_version",
    "description",
    "environment_variables",
    "server",
    "check",
    "image",
    "links",
    "weights",
    "file_conflicts",
)
_SHOWN = 5
"""Files of a tree that are named."""


def staleness(spec: Spec, lock: Lock, machine: Machine) -> tuple[str, ...]:
    """Give why a lock is not its spec's, without asking any index; nothing when it is."""
    trees = scan(spec, machine, lock)
    pins = Pins.of(lock, interpreter_digest(spec, machine))
    fresh = assemble(spec, trees, pins, Distributions.of(lock), weigh_all(spec, trees, lock, machine))
    reasons = [
        reason
        for section, reason in _SECTIONS.items()
        if getattr(fresh.digests, section) != getattr(lock.digests, section)
    ]
    for name in sorted({*fresh.trees, *lock.trees}):
        reasons += _changes(name, lock.trees.get(name), fresh.trees.get(name))
    reasons += [
        f"{field}: the spec says something else now"
        for field in _FIELDS
        if getattr(fresh, field) != getattr(lock, field)
    ]
    if not reasons and fresh != lock:
        reasons.append("requirements: they stand in other places now")
    return tuple(reasons)


def check_fresh(spec: Spec, lock: Lock | None, machine: Machine) -> Lock:
    """Give the lock when it is its spec's.

    Raises:
        LockError: there is none, or it is stale; says why.
    """
    path = spec.lock_path
    if lock is None:
        raise LockError(f"there is no {path.name}", hint="run: modelpack lock")
    reasons = staleness(spec, lock, machine)
    if reasons:
        raise LockError(f"{path.name} is stale", details=reasons, hint="run: modelpack lock")
    return judged(lock, spec, machine)


def check_builds_here(lock: Lock) -> None:
    """Refuse a lock whose tools are for another kind of machine.

    Raises:
        LockError: they are.
    """
    if lock.build_system != system():
        raise LockError(
            f"the lock has tools to build on {lock.build_system}, this machine is {system()}",
            hint="run: modelpack lock, or build on such a machine",
        )


def _changes(name: str, before: Tree | None, now: Tree | None) -> list[str]:
    """Name the files of a tree that differ, a few of them."""
    old = {entry.path: entry for entry in before.files} if before else {}
    new = {entry.path: entry for entry in now.files} if now else {}
    lines = [f"{name}: {path}: changed" for path, entry in new.items() if path in old and old[path] != entry]
    lines += [f"{name}: {path}: new" for path in new if path not in old]
    lines += [f"{name}: {path}: gone" for path in old if path not in new]
    return [*lines[:_SHOWN], f"{name}: and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN + 1 else lines
