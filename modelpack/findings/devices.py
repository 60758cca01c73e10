"""Weights of PyTorch that lie on a GPU, and code that would load them onto one."""

from __future__ import annotations

import ast
import pickletools
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from modelpack.errors import Problem
from modelpack.findings.walk import Module
from modelpack.spec import Spec

_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt"})
_LOADERS = ("torch.load", "torch.jit.load")
_GPU = re.compile(r"cuda(:\d+)?")
_BYTES = 64 << 20
"""Of a pickle inside, which names tensors and does not hold them."""


def problems(modules: Sequence[Module], spec: Spec) -> Iterator[tuple[Module, Problem]]:
    """Find calls that would end with RuntimeError where there is no GPU, with where they are (``LINE:COLUMN``)."""
    calls = [
        (module, call)
        for module in modules
        for spot, call, name in module.calls
        if name in _LOADERS and len(call.args) < 2 and not _is_mapped(call) and not spot.guarded
    ]
    saved = next(_on_gpu(spec), None) if calls else None
    for module, call in calls if saved else ():
        yield (
            module,
            Problem(
                where=f"{call.lineno}:{call.col_offset + 1}",
                message=f"loads weights to where they were saved, and those of {saved} were on a GPU, of which the "
                "package has none",
                hint='write torch.load(path, map_location="cpu"), or take a base image for GPUs',
                severity="warning",
                code="MP508",
            ),
        )


def _is_mapped(call: ast.Call) -> bool:
    return any(one.arg in ("map_location", None) for one in call.keywords)


def _on_gpu(spec: Spec) -> Iterator[str]:
    """Give the names of files whose tensors all or in part lie on a GPU."""
    for source in spec.models.values():
        files = sorted(source.path.rglob("*")) if source.path.is_dir() else [source.path]
        for path in files:
            if path.suffix in _SUFFIXES and path.is_file() and _has_gpu(path):
                yield path.name


def _has_gpu(path: Path) -> bool:
    """Say whether the index of a file's tensors (``data.pkl`` in a ZIP archive) names a GPU as the place of one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                one for one in archive.infolist() if one.filename.endswith("/data.pkl") and one.file_size <= _BYTES
            ]
            return any(_names_gpu(archive.read(one)) for one in names)
    except (OSError, ValueError, zipfile.BadZipFile, RuntimeError):
        return False


def _names_gpu(pickle: bytes) -> bool:
    """Look for ``("storage", TYPE, KEY, "cuda:0", SIZE)``, which stands for a tensor's content."""
    if b"cuda" not in pickle:
        return False
    operations = [
        (op.name, value) for op, value, _ in pickletools.genops(pickle) if "PUT" not in op.name and op.name != "MEMOIZE"
    ]
    return any(
        isinstance(value, str)
        and _GPU.fullmatch(value)
        and "INT" in "".join(name for name, _ in operations[index + 1 : index + 2])
        and any(name == "BINPERSID" for name, _ in operations[index + 2 : index + 5])
        for index, (_, value) in enumerate(operations)
    )
