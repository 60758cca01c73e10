"""Environment variables of a spec, held against those that the package sets itself."""

from __future__ import annotations

from collections.abc import Iterator

from modelpack import injection
from modelpack.errors import Problem
from modelpack.findings.places import SpecPlaces
from modelpack.spec import Spec

_LEADING = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD")
"""They lead around the package."""


def problems(spec: Spec) -> Iterator[Problem]:
    """Find variables that the server or the package needs to be its own."""
    places = SpecPlaces(spec.path)
    own = injection.resolve_server(spec).environment
    for name, value in spec.environment_variables.items():
        where = places.of("environment_variables", name)
        if name in _LEADING:
            yield Problem(
                where=where,
                message=f"{name} leads around what is in the package, to programs and libraries of the machine",
                hint="leave it out: modules belong into code, libraries into requirements or base.packages",
                severity="warning",
                code="MP404",
            )
        elif name in own and "@" in own[name] and own[name] != value:
            yield Problem(
                where=where,
                message=f"the package sets {name} itself, to where that lies in the package; {value} takes its place",
                hint="leave it out, and read the path from the variable",
                severity="warning",
                code="MP401",
            )
