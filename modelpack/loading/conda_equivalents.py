"""Packages of conda, where there is no channel to take them from: what they are called elsewhere.

``conda_names.toml`` beside this module says it for the names that people use with models.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import resources

from modelpack.errors import Problem, SpecError
from modelpack.loading.conda_versions import specifiers
from modelpack.spec import CondaRequirement, Requirement, Spec

_WAY_OUT = "put what pip calls it below pip:, or configure a conda channel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Equivalent:
    """What stands for a package of conda's; one of the three is set."""

    requirement: str | None = None
    """Distribution, with extras, without a version."""
    debian: str | None = None
    left_out: str | None = None
    """Why nothing does."""
    longer: bool = False
    """A version of conda is the beginning of one of the distribution."""


def replace_conda(spec: Spec) -> Spec:
    """Give the spec with requirements and Debian packages in place of the packages of conda.

    Raises:
        SpecError: packages that cannot be replaced, all of them.
    """
    if not spec.conda:
        return spec
    table = names()
    problems = tuple(problem for item in spec.conda for problem in _problems(item, table))
    if problems:
        raise SpecError(problems)
    pairs = [(item, table[canonical(item.name)]) for item in spec.conda]
    required = tuple(_requirement(item, found) for item, found in pairs if found.requirement)
    bound = _numpy_bound((*spec.requirements, *spec.constraints), required)
    debian = (found.debian for _, found in pairs if found.debian)
    return replace(
        spec,
        requirements=(*spec.requirements, *required),
        constraints=(*spec.constraints, *bound),
        base=replace(spec.base, packages=tuple(dict.fromkeys((*spec.base.packages, *debian)))),
        conda=(),
        channels=(),
        notices=(*spec.notices, *_notices(pairs), *map(_about_bound, bound)),
    )


def canonical(name: str) -> str:
    """Give the form of a name in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def names() -> dict[str, Equivalent]:
    """Read the table of equivalents, by canonical name."""
    text = resources.files("modelpack.loading").joinpath("conda_names.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    found = {name: Equivalent(requirement=name) for name in table["same"].split()}
    found |= {name: Equivalent(requirement=other) for name, other in table["renamed"].items()}
    longer = table["renamed_with_longer_versions"]
    found |= {name: Equivalent(requirement=other, longer=True) for name, other in longer.items()}
    found |= {name: Equivalent(debian=other) for name, other in table["debian"].items()}
    for reason, words in table["left_out"].items():
        found |= {name: Equivalent(left_out=reason) for name in words.split()}
    return {canonical(name): equivalent for name, equivalent in found.items()}


def _problems(item: CondaRequirement, table: dict[str, Equivalent]) -> Iterator[Problem]:
    found = table.get(canonical(item.name))
    if found is None:
        kind = "a package of R's" if item.name.startswith("r-") else "no equivalent is known"
        yield Problem(where=item.origin, message=f"{kind} for conda's {item.text}", hint=_WAY_OUT, code="MP218")
    elif found.requirement and specifiers(item.version) is None:
        message = f"the version of conda's {item.text} cannot be said in the words of pip"
        yield Problem(where=item.origin, message=message, hint=f"put {found.requirement} below pip:", code="MP218")


def _requirement(item: CondaRequirement, found: Equivalent) -> Requirement:
    version = item.version
    if found.longer:
        version = re.sub(r"(?<![<>!~=])={1,2}(?![=])", "=", version)
    return Requirement(text=f"{found.requirement}{specifiers(version)}", origin=item.origin)


def _numpy_bound(own: Iterable[Requirement], required: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Give the bound that conda's builds from before NumPy 2 have and their wheels lack.

    Nothing when a version of numpy is asked for, by the packages of conda or beside them.
    """
    from packaging.requirements import Requirement as Parsed  # noqa: PLC0415 - costs start-up time
    from packaging.version import Version  # noqa: PLC0415

    parsed = [(item, Parsed(item.text)) for item in required]
    others = [Parsed(item.text) for item in own if re.match(r"numpy\b", item.text)]
    if any(one.name == "numpy" and one.specifier for one in (*others, *(found for _, found in parsed))):
        return ()
    for item, found in parsed:
        first = _numpy_2().get(found.name)
        pinned = (one.version.removesuffix(".*") for one in found.specifier if one.operator == "==")
        if first and any(Version(version) < Version(first) for version in pinned):
            return (Requirement(text="numpy<2", origin=item.origin),)
    return ()


@functools.cache
def _numpy_2() -> dict[str, str]:
    """Give the first versions whose wheels go with NumPy 2."""
    text = resources.files("modelpack.loading").joinpath("conda_names.toml").read_text(encoding="utf-8")
    return {str(name): str(version) for name, version in tomllib.loads(text)["numpy_2"].items()}


def _about_bound(bound: Requirement) -> Problem:
    message = "numpy<2 is taken, as conda's build of this version has it; its wheel does not say it"
    return Problem(where=bound.origin, message=message, hint="ask for a version of numpy", severity="note")


def _notices(pairs: Iterable[tuple[CondaRequirement, Equivalent]]) -> Iterator[Problem]:
    """Say what was made of the packages that do not keep their name."""
    for item, found in pairs:
        name = item.text.strip()
        if found.left_out:
            message = f"{name} is left out: {found.left_out}"
        elif found.debian:
            message = f"{name} is taken from Debian, in the version it has there: {found.debian}"
        elif canonical(item.name) != canonical(found.requirement or "") or item.build:
            build = f", whatever the build {item.build}" if item.build else ""
            message = f"{name} is taken from the package indexes: {_requirement(item, found).text}{build}"
        else:
            continue
        yield Problem(where=item.origin, message=message, severity="note", code="MP112")
