"""A lock's Python distributions, with what is known of each, and where each was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from modelpack.errors import ModelpackError
from modelpack.findings.places import SpecPlaces
from modelpack.lock import Lock, Wheel
from modelpack.locking.pins import Pins, python_patch
from modelpack.python.dependencies import Distribution, holds
from modelpack.python.metadata import MetadataStore
from modelpack.python.question import Root
from modelpack.python.scope import Scope
from modelpack.python.target import Target
from modelpack.spec import Spec


class Resolution:
    """What a spec resolved to.

    Args:
        spec: what the user wrote.
        lock: what it resolves to.
        cache: where metadata of wheels is kept.
    """

    def __init__(self, spec: Spec, lock: Lock, cache: Path) -> None:
        self.spec = spec
        self.lock = lock
        self.cache = cache
        self.target = Target(python_patch(spec, Pins.of(lock)), spec.platform, lock.base.glibc)
        self.scope = Scope(spec.path.parent, spec.indexes, cache)
        self.places = SpecPlaces(spec.path)
        self.wheels: Mapping[str, Wheel] = {wheel.name: wheel for wheel in lock.python.wheels}

    @cached_property
    def asked(self) -> tuple[Root, ...]:
        """What user and server require on the target."""
        found = []
        for item in self.lock.python.requirements:
            try:
                requirement = Requirement(item.requirement)
            except InvalidRequirement:
                continue
            if holds(requirement, self.target.environment(), None):
                found.append(Root(requirement=requirement, origin=item.origin))
        return tuple(found)

    @cached_property
    def metadata(self) -> Mapping[NormalizedName, Distribution]:
        """What the metadata of wheels says that the resolver has read; nothing of others."""
        store = MetadataStore(self.cache)
        found = {}
        for wheel in self.lock.python.wheels:
            try:
                distribution = store.cached(wheel)
            except ModelpackError:
                continue
            if distribution:
                found[distribution.name] = distribution
        return found

    def where(self, name: str) -> str:
        """Give the place of the requirement that brings a distribution: its own, or the nearest that needs it."""
        asked = {item.name: item for item in reversed(self.asked)}
        waiting, seen = [name], {name}
        for current in waiting:
            if current in asked:
                return self.shown(asked[canonicalize_name(current)].origin)
            wheel = self.wheels.get(current)
            parents = [parent.name for parent in wheel.required_by if parent.name not in seen] if wheel else []
            waiting += parents
            seen |= {*parents}
        return ""

    def shown(self, origin: str) -> str:
        """Name the place of a requirement as seen from where the user is."""
        if origin.startswith("server"):
            return self.places.of(*origin.partition(" ")[0].split("."))
        return self.places.show(origin)
