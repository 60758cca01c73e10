"""MLflow models without a scoring script: what the model says of itself, and what the file adds to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelpack.catalogue import read_entry
from modelpack.errors import SpecError
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.environment import NOT_READ
from modelpack.loading.azure.serving import MLFLOW_BATCH, Serving, finish, sample, say_unchecked
from modelpack.loading.check import read_samples
from modelpack.loading.mlflow.reader import load_mlflow
from modelpack.loading.mlflow.samples import in_its_protocol
from modelpack.loading.options import Options
from modelpack.spec import Check, Spec


def to_mlflow_spec(serving: Serving, context: Context) -> Spec | None:
    """Make the spec; None when the model is wrong, which is then found."""
    assert serving.model is not None  # noqa: S101 - is_no_code said so
    source = serving.model.source
    if source is None or not (source.path / "MLmodel").is_file():
        return None
    job, found = serving.server.name == MLFLOW_BATCH, sample(serving, context)
    try:
        path = Path(context.document.folder.show(source.path))
        spec = load_mlflow(path, Options(), is_asked=job or found is not None)
    except SpecError as error:
        context.findings.include(error.problems)
        return None
    context.findings.include(spec.notices)
    if serving.environment.image or serving.environment.found.requirements or serving.environment.found.conda:
        context.warn(serving.environment.value, NOT_READ)
    if job:
        server = replace(spec.server, name=MLFLOW_BATCH, options=serving.server.options)
        spec = replace(spec, server=server, check=None)
    if found:
        spec = replace(spec, check=_check(found, spec, context))
    elif job:
        say_unchecked(context)
    return finish(replace(spec, description=serving.description or spec.description), serving, context)


def _check(found: tuple[Path, Path | None], spec: Spec, context: Context) -> Check | None:
    """Give the check of the sample that the user has, in the protocol that it is written in."""
    entry = read_entry(spec.server.name)
    check = read_samples(*found, entry, context.document.folder, context.findings)
    return in_its_protocol(check) if check and not entry.job else check
