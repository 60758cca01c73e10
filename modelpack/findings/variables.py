"""Environment variables of a spec, held against those that the package sets itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from modelpack import injection
from modelpack.errors import Problem
from modelpack.findings import secrets
from modelpack.findings.places import SpecPlaces
from modelpack.spec import Spec

_LEADING = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD")
"""They lead around the package."""
_PORT = "MODELPACK_PORT"
_READ_AS = {
    "integer": re.compile(r"[-+]?\d+"),
    "boolean": re.compile(r"true|false|yes|no|on|off|1|0|t|f|y|n", re.IGNORECASE),
}
_WORDS = {"integer": "a whole number", "boolean": "true or false"}


def problems(spec: Spec) -> Iterator[Problem]:
    """Find variables that the server or the package needs to be its own."""
    places = SpecPlaces(spec.path)
    own = injection.resolve_server(spec).environment
    kinds = injection.entry_of(spec).variables
    for name, value in spec.environment_variables.items():
        where = places.of("environment_variables", name)
        yield from _of_text(name, value, where)
        other = _by_case(name, {**kinds, **own}, spec.environment_variables)
        if other:
            yield Problem(
                where=where,
                message=f"{name} and {other} are two variables, since letter case counts",
                hint=f"write {other}, or leave one of them out",
                severity="warning",
                code="MP403",
            )
        if name == _PORT:
            yield Problem(
                where=where,
                message=f"the package sets {name} itself, to the port that it was checked with",
                hint=f"write it as the port of the server: server: {{name: {spec.server.name}, port: {value}}}",
                severity="warning",
                code="MP401",
            )
        elif name in _LEADING:
            yield Problem(
                where=where,
                message=f"{name} leads around what is in the package, to programs and libraries of the machine",
                hint="leave it out: modules belong into code, libraries into requirements or base.packages",
                severity="warning",
                code="MP404",
            )
        elif name in kinds and not _READ_AS[kinds[name]].fullmatch(value.strip()):
            yield Problem(
                where=where,
                message=f"the server {spec.server.name} reads {name} as {_WORDS[kinds[name]]}, found: {value}",
                hint=f"write {_WORDS[kinds[name]]}",
                code="MP402",
            )
        elif name in own and "@" in own[name] and own[name] != value:
            yield Problem(
                where=where,
                message=f"the package sets {name} itself, to where that lies in the package; {value} takes its place",
                hint="leave it out, and read the path from the variable",
                severity="warning",
                code="MP401",
            )


def _of_text(name: str, value: str, where: str) -> Iterator[Problem]:
    """Find a secret, which everybody could read in the package, its image and its lock."""
    kind = secrets.kind_of(name, value)
    if kind:
        yield Problem(
            where=where,
            message=f"{name} is {kind}, which everybody can read who has the package or its image",
            hint="leave it out, set it where the package is deployed, and change it: it has been seen",
            severity="warning",
            code="MP314",
        )


def _by_case(name: str, read: Iterable[str], written: Iterable[str]) -> str:
    """Give another name that differs by letter case alone; empty for none, and for proxies, which are read in both."""
    others = (other for other in (*read, *written) if other != name and other.lower() == name.lower())
    return "" if name.lower().endswith("_proxy") or name.isupper() else next(others, "")
