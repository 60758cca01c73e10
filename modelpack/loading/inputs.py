"""What a user points at, to the reader that knows it. What comes after does not know where a spec came from.

A new form of input is one module here with a reader, one line in ``_recognise``, and its tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from modelpack import lockfile
from modelpack.errors import ModelpackError, Problem
from modelpack.loading.options import Options
from modelpack.spec import Spec

_YAML = (".yml", ".yaml")
_NATIVE = "modelpack.yaml"

Reader = Callable[[Path, Options], Spec]


def load(path: Path, options: Options | None = None, *, channels: bool = False) -> Spec:
    """Read whatever describes a package at ``path``.

    Args:
        path: the input.
        options: what the command line adds.
        channels: packages of conda can be had; else others stand for them, unless the input's lock has them.

    Raises:
        SpecError: with all problems of the input and of the files that it names.
    """
    options = options or Options()
    spec = _recognise(path)(path, options)
    if not spec.conda or channels or _locked_with_conda(spec):
        return spec
    from modelpack.loading.conda_equivalents import replace_conda  # noqa: PLC0415 - only for conda's files

    return replace_conda(spec)


def _locked_with_conda(spec: Spec) -> bool:
    found = lockfile.read(spec.lock_path)
    return bool(found and found.python.interpreter and found.python.interpreter.conda)


def _recognise(path: Path) -> Reader:
    """Give the reader for what lies at ``path``; the native one also says what is wrong when there is nothing."""
    if path.suffix.lower() in _YAML and path.name != _NATIVE:
        from modelpack.loading.azure.reader import kind_at, load_azure  # noqa: PLC0415 - only the reader that is needed

        if kind := kind_at(path):
            return lambda path, options: load_azure(path, kind, options)
    if path.name == "MLmodel" or ((path / "MLmodel").is_file() and not (path / "modelpack.yaml").is_file()):
        return _mlflow
    if path.suffix not in _YAML and not (path / _NATIVE).is_file():
        return _around_mlflow
    return _native


def _mlflow(path: Path, options: Options) -> Spec:
    from modelpack.loading.mlflow.reader import load_mlflow  # noqa: PLC0415 - only the reader that is needed

    return load_mlflow(path, options)


def _around_mlflow(path: Path, options: Options) -> Spec:
    """Read the MLflow model below a folder; where there is none, the native reader says what is missing."""
    from modelpack.loading.mlflow.layouts import model_below  # noqa: PLC0415

    model = model_below(path)
    if model is None:
        return _native(path, options)
    spec = _mlflow(model, options)
    note = Problem(
        where=model.as_posix(), message="is taken, the MLflow model of this folder", severity="note", code="MP111"
    )
    return replace(spec, notices=(note, *spec.notices))


def _native(path: Path, options: Options) -> Spec:
    from modelpack.loading.native import load_spec  # noqa: PLC0415 - only the reader that is needed

    given = [name for name in ("assets", "model", "name", "request") if getattr(options, name) is not None]
    if given:
        options_text = ", ".join(f"--{name}" for name in given)
        raise ModelpackError(f"{options_text}: not for modelpack.yaml, which says it itself")
    return load_spec(path)
