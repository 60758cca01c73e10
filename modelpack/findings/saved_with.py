"""What MLflow wrote down of the environment that saved a model, held against what the package has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

from modelpack.errors import Problem
from modelpack.loading.mlflow.mlmodel import FILENAME, LIBRARIES, PYFUNC, MLmodel, Written, read_mlmodel
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings
from modelpack.lock import Lock
from modelpack.spec import Spec
from modelpack.weights import judge


def problems(spec: Spec, lock: Lock) -> Iterator[Problem]:
    """Find what differs, where neither the reader of the spec nor the weights themselves have told it."""
    told = {problem.message.split()[0].rstrip(":") for problem in spec.notices if problem.code in ("MP113", "MP501")}
    told |= {problem.message.split()[3] for problem in judge.notices(lock) if problem.code == "MP501"}
    for source in spec.models.values():
        if source.remote is None and (source.path / FILENAME).is_file():
            yield from _of_model(source.path, spec, lock, told)


def _of_model(path: Path, spec: Spec, lock: Lock, told: set[str]) -> Iterator[Problem]:
    folder = Folder(path=path, shown=f"{os.path.relpath(path)}/")
    model = read_mlmodel(path / FILENAME, folder, Findings())
    if model is None:
        return
    have = {**judge.versions(lock), "Python": spec.python}
    for name, saved in _saved(model):
        if name in have and name not in told and not _same(saved.text, have[name], minor=name == "Python"):
            # Code that was pickled by value is bytecode of one minor version.
            hint = (
                f'set python: "{".".join(saved.text.split(".")[:2])}"'
                if name == "Python"
                else f"require {name}=={saved.text}"
            )
            yield Problem(
                where=str(saved.place),
                message=f"the model was saved with {name} {saved.text}, the package has {have[name]}",
                hint=f"{hint}, or save it again",
                severity="warning",
                code="MP501",
            )


def _saved(model: MLmodel) -> Iterator[tuple[str, Written]]:
    keys = {name: f"flavors.{flavor}.{key}" for flavor, (name, key) in LIBRARIES.items() if flavor in model.flavors}
    keys["Python"] = f"flavors.{PYFUNC}.python_version"
    yield from ((name, model.values[key]) for name, key in keys.items() if key in model.values)


def _same(one: str, other: str, *, minor: bool) -> bool:
    """Compare versions without their local parts; what is none is taken to be right."""
    try:
        first, second = Version(one), Version(other)
    except InvalidVersion:
        return True
    return first.release[:2] == second.release[:2] if minor else first.public == second.public
