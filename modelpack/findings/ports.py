"""Ports of a server that are one and the same."""

from __future__ import annotations

from collections.abc import Iterator

from modelpack import injection
from modelpack.errors import Problem
from modelpack.findings.places import SpecPlaces
from modelpack.spec import Spec


def problems(spec: Spec) -> Iterator[Problem]:
    """Find them; no two can be listened on at once."""
    entry = injection.entry_of(spec)
    taken = {str(spec.server.port or entry.port or ""): "requests"}
    for name, port in entry.further_ports.items():
        number = spec.environment_variables.get(name, port)
        if number in taken:
            own = name in spec.environment_variables
            yield Problem(
                where=SpecPlaces(spec.path).of(*(("environment_variables", name) if own else ("server", "port"))),
                message=f"the server {entry.name} would listen on port {number} twice: for {taken[number]} "
                f"and for {name}",
                hint="take another port",
                code="MP406",
            )
        taken[number] = name
