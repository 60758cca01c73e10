"""What a lock pins, and digests of what each pin is made from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelpack import injection, projects
from modelpack.lock import BuildTools, DebianBase, ImageBase, Interpreter, Lock, LockedRequirement, Tree, Wheel
from modelpack.spec import Spec
from modelpack.store import files
from modelpack.store.nix import system

# Raised when the same spec has to be resolved to something else: it makes every lock's sections stale.
_RESOLVER = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """What requirements are resolved on."""

    base: DebianBase
    interpreter: Interpreter | None
    interpreter_digest: str | None
    image: ImageBase | None = None

    @classmethod
    def of(cls, lock: Lock, interpreter_digest: str | None = None) -> Pins:
        """Give what a lock has, with the digest of the interpreter that is asked for now."""
        return cls(
            base=lock.base,
            interpreter=lock.python.interpreter,
            interpreter_digest=interpreter_digest,
            image=lock.image_base,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Distributions:
    """What requirements are resolved to."""

    wheels: tuple[Wheel, ...] = ()
    build: BuildTools | None = None

    @classmethod
    def of(cls, lock: Lock | None) -> Distributions:
        """Give what a lock has; nothing for none."""
        return cls(wheels=lock.python.wheels, build=lock.python.build) if lock else cls()


def requirements(spec: Spec) -> tuple[LockedRequirement, ...]:
    """Give the user's requirements and the server's."""
    own = tuple(LockedRequirement(requirement=item.text, origin=item.origin) for item in spec.requirements)
    return (*own, *injection.server_requirements(spec))


def base_digest(spec: Spec, interpreter: Interpreter | None) -> str:
    """Give the digest of what the base is resolved from."""
    packages, python = sorted(injection.packages(spec)), None if interpreter else spec.python
    others = [sorted(spec.base.sources)] if spec.base.sources else []
    return digest_of([spec.base.distribution, spec.base.suite, packages, python, spec.platform, system(), *others])


def python_digest(spec: Spec, pins: Pins, trees: Mapping[str, Tree]) -> str:
    """Give the digest of what the distributions are resolved from."""
    wanted = sorted(item.requirement for item in requirements(spec))
    own = [[name, files.digest(tree)] for name, tree in sorted(trees.items()) if name.startswith(projects.PREFIX)]
    built = [own, sorted(spec.base.build_packages)] if own or spec.base.build_packages else []
    target = [python_patch(spec, pins), spec.platform, pins.base.glibc]
    return digest_of([wanted, _limits(spec), *target, *built])


def _limits(spec: Spec) -> list[object]:
    """Give what decides which versions and files are chosen, without credentials and values of variables."""
    named = spec.indexes
    addresses = [one.written for one in (*((named.default,) if named.default else ()), *named.extra, *named.links)]
    return [
        sorted(item.text for item in spec.constraints),
        sorted([item.text, *sorted(item.hashes)] for item in (*spec.requirements, *spec.constraints) if item.hashes),
        [addresses, named.none, named.prereleases, *([name, one.written] for name, one in named.pins)],
    ]


def python_patch(spec: Spec, pins: Pins) -> str:
    """Give the version of the package's Python with its patch, which markers may ask for: ``3.11.2``."""
    if pins.interpreter:
        return pins.interpreter.version
    versions = (deb.version for deb in pins.base.target.packages if deb.name == f"python{spec.python}")
    match = re.search(rf"{re.escape(spec.python)}\.\d+", next(versions, ""))
    return match[0] if match else spec.python


def digest_of(value: object) -> str:
    """Give sha256 of a value that JSON has, for this version of the resolver."""
    return hashlib.sha256(json.dumps([_RESOLVER, value], sort_keys=True).encode()).hexdigest()
