"""The reader of Azure ML's files: a path to a ``Spec``."""

from __future__ import annotations

from pathlib import Path

from modelpack.errors import Problem, SpecError
from modelpack.loading.azure.assets import open_assets
from modelpack.loading.azure.batch import read_batch
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.deployment import read_deployment
from modelpack.loading.azure.document import Document, read_document
from modelpack.loading.azure.kinds import BATCH_KIND, DEPLOYMENT_KIND, OTHER_KINDS, PACKAGE_KIND, kind_of
from modelpack.loading.azure.package import read_package
from modelpack.loading.azure.serving import TRITON_SERVER, Serving, is_no_code, to_spec
from modelpack.loading.azure.single import read_single
from modelpack.loading.options import Options
from modelpack.loading.yamlfile import MAX_BYTES, Findings
from modelpack.spec import Spec


def kind_at(path: Path) -> str | None:
    """Tell which of Azure ML's files lies at a path; None when none does."""
    try:
        return kind_of(path.read_text(encoding="utf-8-sig")) if path.stat().st_size <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def load_azure(path: Path, kind: str, options: Options) -> Spec:
    """Read a file of Azure ML's.

    Args:
        path: the file; messages name files as seen from there.
        kind: of the file, as ``kind_at`` gives it.
        options: where references are looked up, and what the file leaves open.

    Raises:
        SpecError: with all problems of the file and of those that it names.
    """
    shown = path.as_posix()
    if kind in OTHER_KINDS:
        what, hint = OTHER_KINDS[kind]
        raise SpecError((Problem(where=shown, message=f"is {what}", hint=hint.format(path.name)),))
    findings = Findings(first=shown)
    document = read_document(path, kind, shown, findings)
    spec = None
    if document:
        assets = open_assets(options.assets, path, findings)
        context = Context(document=document, assets=assets, options=options, findings=findings)
        spec = _spec(_serving(document, context), context)
    findings.raise_any()
    assert spec is not None  # noqa: S101 - else there was a finding
    return spec


def _spec(serving: Serving, context: Context) -> Spec | None:
    if serving.server.name == TRITON_SERVER:
        from modelpack.loading.azure.triton import to_triton_spec  # noqa: PLC0415 - only for Triton's repositories

        return to_triton_spec(serving, context)
    if not is_no_code(serving):
        return to_spec(serving, context)
    from modelpack.loading.azure.no_code import to_mlflow_spec  # noqa: PLC0415 - only for models of MLflow's

    return to_mlflow_spec(serving, context)


def _serving(document: Document, context: Context) -> Serving:
    if document.kind == PACKAGE_KIND:
        return read_package(document, context)
    if document.kind == DEPLOYMENT_KIND:
        return read_deployment(document, context)
    if document.kind == BATCH_KIND:
        return read_batch(document, context)
    return read_single(document, context)
