"""Which MLflow serves a model, and on which Python."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from modelpack import suites
from modelpack.loading.mlflow.environment import Environment, is_renewed
from modelpack.loading.mlflow.mlmodel import PYFUNC, MLmodel
from modelpack.loading.requirements import distribution
from modelpack.loading.yamlfile import Findings, Place
from modelpack.spec import Base, Requirement, Server

_FULL, _SKINNY = "mlflow", "mlflow-skinny"
_RELEASE = re.compile(r"\d{1,9}(\.\d{1,9})*(\.post\d{1,9}|rc\d{1,9})?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """The server, and what is left of the requirements beside it."""

    server: Server
    requirements: tuple[Requirement, ...]
    major: int | None
    """Major version of the MLflow that serves; None for the newest."""


_LAST = {"3.6": "1.23.1", "3.7": "1.30.1", "3.8": "2.17.2", "3.9": "3.1.4"}
"""By Python: the last MLflow that ran on it."""


def choose_server(
    model: MLmodel, environment: Environment, requirements: Sequence[Requirement], python: str, findings: Findings
) -> Serving:
    """Decide on the MLflow that serves: the environment's where it pins one, else the one that saved the model.

    Where neither says it, it is the newest one for the Python; so it is where the environment was renewed since, as
    far as both are asked in the same words.

    ``mlflow`` without extras becomes ``mlflow-skinny``, which has the same server and loaders.

    Args:
        model: says what saved it.
        environment: says where its requirements stand.
        requirements: those, or what stands for them.
        python: that of the package.
        findings: takes what was decided.
    """
    from packaging.requirements import Requirement as Parsed  # noqa: PLC0415 - costs start-up time
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415

    own = next((item for item in requirements if distribution(item.text) in (_FULL, _SKINNY)), None)
    parsed = Parsed(own.text) if own else None
    asked = parsed.specifier if parsed else SpecifierSet()
    saved = model.version.text if model.version and _RELEASE.fullmatch(model.version.text) else None
    if own and saved and not saved.startswith("1.") and is_renewed(model, environment):
        saved = None
    version, origin = (str(asked) or None, own.origin) if own else (None, "server.version")
    if saved and model.version and _pinned(str(asked)) is None and asked.contains(saved, prereleases=True):
        version, origin = f"=={saved}", f"MLmodel:{model.version.place.line}"
    elif _pinned(str(asked)) is None and python in _LAST and asked.contains(_LAST[python]):
        version, origin = f"=={_LAST[python]}", f"the last for Python {python}"
    rest = tuple(requirements)
    if own and parsed and distribution(own.text) == _FULL and not parsed.extras and own.source is None:
        rest = tuple(item for item in requirements if item is not own)
        note = f"{_SKINNY}{version or ''} serves in place of {own.text}: the same server and loaders, without tracking"
        place = environment.chosen.place(_FULL) if environment.chosen else model.place
        findings.note(place, note, f"require {_FULL}[extras] to have all of it")
    pinned = _pinned(version or "")
    server = Server(name="mlflow", version=version, version_origin=origin)
    return Serving(server=server, requirements=rest, major=int(pinned.split(".")[0]) if pinned else None)


def _pinned(specifiers: str) -> str | None:
    match = re.fullmatch(r"={2,3}\s*(\d[^,*]*)", specifiers.strip())
    return match[1] if match else None


def choose_python(
    model: MLmodel, environment: Environment, beside: Collection[str], findings: Findings
) -> tuple[str, Base]:
    """Decide on the Python: the one asked for where a suite or the machine has it, else the nearest newer one.

    Args:
        model: says what it was saved on.
        environment: says what it asks for.
        beside: versions that this machine has beside those of suites.
        findings: takes what was decided.
    """
    said = _said(model, environment)
    if not said:
        python = suites.default_python(suites.DEFAULT)
        findings.note(model.place, f"no file says which Python the model needs: {python} is taken")
        return python, _base(suites.DEFAULT)
    (name, (asked, place)), *others = said.items()
    minor = _minor(asked)
    differing = [f"{other} {text}" for other, (text, _) in others if _minor(text) != minor]
    if differing:
        why = environment.why if environment.chosen and environment.chosen.name == name else "the only environment"
        findings.warn(
            place, f"Python: {name} has {asked}, {', '.join(differing)}; {name} is taken, {why}", code="MP113"
        )
    python = _nearest(minor, beside)
    if python != minor:
        where = "the nearest newer one" if _number(python) > _number(minor) else "the newest one"
        message = f"Python {minor} is asked for, {python} is taken, {where} at hand: {suites.at_hand()}"
        findings.warn(
            place, message, "functions that were pickled by value may not load in another version", code="MP501"
        )
    return python, _base(suites.suite_with(python))


def _said(model: MLmodel, environment: Environment) -> dict[str, tuple[str, Place]]:
    """Give the Python that each file names, the one that holds first."""
    sources = [*([environment.chosen] if environment.chosen else []), *environment.others]
    found = {item.name: (item.python, item.python_place or item.place("")) for item in sources if item.python}
    saved = model.values.get(f"flavors.{PYFUNC}.python_version")
    if saved and re.match(r"3\.\d+", saved.text):
        found["MLmodel"] = (saved.text, saved.place)
    return found


def _nearest(minor: str, beside: Collection[str]) -> str:
    known = sorted({*beside, *(version for suite in suites.SUITES.values() for version in suite.pythons)}, key=_number)
    if minor in known:
        return minor
    return next((version for version in known if _number(version) > _number(minor)), known[-1])


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _base(suite: str) -> Base:
    return Base(distribution="debian", suite=suite)
