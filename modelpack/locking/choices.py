"""What else a spec could ask, which is tried when its requirements cannot be met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from modelpack import injection, suites
from modelpack.locking.pins import requirements
from modelpack.python import ways
from modelpack.python.question import Choice
from modelpack.spec import Spec


def others(spec: Spec, *, python: str, glibc: str, pythons: Iterable[str] = ()) -> Iterator[Choice]:
    """Give the choices.

    Args:
        spec: what cannot be met.
        python: its Python, with the patch where that is known.
        glibc: of its base.
        pythons: versions that the machine has for any base, such as ``3.10.14``.
    """
    if spec.server.version:
        free = replace(spec, server=replace(spec.server, version=None))
        yield Choice(
            text='server.version: "=={version}"',
            requirements=requirements(free),
            python=python,
            glibc=glibc,
            rank=ways.SERVER,
            shown=injection.distribution_of(spec),
        )
    for name, suite in suites.SUITES.items():
        newest = suite.pythons[0]
        if newest != spec.python and injection.runs_on(spec, newest):
            text = f'base: debian:{name}, with python: "{newest}"'
            yield Choice(text=text, requirements=requirements(spec), python=newest, glibc=suite.glibc, rank=ways.PYTHON)
    for version in pythons:
        short = ".".join(version.split(".")[:2])
        if short != spec.python and spec.interpreter is None and injection.runs_on(spec, short):
            yield Choice(
                text=f'python: "{short}"',
                requirements=requirements(spec),
                python=version,
                glibc=glibc,
                rank=ways.PYTHON,
            )
    for name in injection.like(spec.server.name):
        other = replace(spec, server=replace(spec.server, name=name, version=None, options={}))
        yield Choice(
            text=f"server: {name}", requirements=requirements(other), python=python, glibc=glibc, rank=ways.OTHER_SERVER
        )
