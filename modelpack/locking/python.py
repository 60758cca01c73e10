"""Pinning the Python distributions."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from modelpack import conda, interpreters, projects
from modelpack.lock import BuildTools, Lock
from modelpack.locking import trees
from modelpack.locking.base import ARCHITECTURES
from modelpack.locking.choices import others
from modelpack.locking.machine import Machine
from modelpack.locking.pins import Distributions, Pins, digest_of, python_patch, requirements
from modelpack.locking.sources import sources
from modelpack.python.from_source import Sources as PythonSources
from modelpack.python.metadata import MetadataStore
from modelpack.python.question import Limits
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope
from modelpack.python.target import Target
from modelpack.spec import IndexAddress, Indexes, Requirement, Spec
from modelpack.store.nix import system
from modelpack.workshop import Workshop


def resolve_python(
    lock: Lock, spec: Spec, previous: Distributions, machine: Machine, upgrade: bool | Sequence[str]
) -> Distributions:
    """Pin the distributions of a lock that has everything else.

    Raises:
        ResolveError, FetchError, ToolError: as the resolver.
    """
    pins = Pins.of(lock)
    indexes, held = _conda_limits(spec, pins, machine.cache)
    python = python_patch(spec, pins)
    kept = Distributions() if upgrade is True else previous
    renewed = () if isinstance(upgrade, bool) else upgrade
    with tempfile.TemporaryDirectory(prefix="modelpack-") as folder:
        trees.bring_required(spec, machine)
        built = PythonSources(
            Path(folder),
            target=Target(python, spec.platform, pins.base.glibc),
            store=MetadataStore(machine.cache),
            workshop=_workshop(lock, spec, kept.build, machine),
            previous=[wheel for wheel in kept.wheels if wheel.name not in renewed],
            pool=kept.build.wheels if kept.build else (),
        )
        for own in projects.own(spec, lock.trees, machine.cache):
            built.add(own)
        resolved = resolve(
            requirements(spec),
            python=python,
            platform=spec.platform,
            glibc=pins.base.glibc,
            cache=machine.cache,
            progress=machine.progress,
            previous=previous.wheels,
            upgrade=upgrade,
            scope=Scope(spec.path.parent, indexes, machine.cache),
            limits=Limits(
                constraints=(*spec.constraints, *held),
                hashed=tuple(item for item in (*spec.requirements, *spec.constraints) if item.hashes),
            ),
            choices=others(
                spec, python=python, glibc=pins.base.glibc, pythons=interpreters.versions(spec, machine.settings)
            ),
            sources=built,
        )
        wheels = tuple(wheel for wheel in resolved if not conda.is_stand_in(wheel.version))
        return Distributions(wheels=wheels, build=built.pool(wheels))


def _conda_limits(spec: Spec, pins: Pins, cache: Path) -> tuple[Indexes, tuple[Requirement, ...]]:
    """Have the resolver take what conda brings as it is."""
    packages = pins.interpreter.conda if pins.interpreter else ()
    if not packages:
        return spec.indexes, ()
    folder = cache / "conda-stand-ins" / digest_of(sorted(package.sha256 for package in packages))[:32]
    versions = conda.write_stand_ins(packages, folder)
    address = IndexAddress(written="packages of conda", url=str(folder))
    held = tuple(Requirement(text=f"{name}=={version}", origin="conda") for name, version in versions.items())
    return replace(spec.indexes, links=(*spec.indexes.links, address)), held


def _workshop(lock: Lock, spec: Spec, previous: BuildTools | None, machine: Machine) -> Workshop:
    architecture = ARCHITECTURES[system()]
    return Workshop(
        template=lock,
        python=python_patch(spec, Pins.of(lock)),
        platform=f"linux/{architecture}",
        packages=spec.base.build_packages,
        layouts=projects.layouts(spec, machine.cache),
        sources=sources(spec, machine),
        settings=machine.settings,
        cache=machine.cache,
        scope=Scope(spec.path.parent, spec.indexes, machine.cache),
        progress=machine.progress,
        sandbox=machine.sandbox,
        previous=previous,
    )
