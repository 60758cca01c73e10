"""Environment variables that code cannot do without, and nobody sets."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from modelpack.errors import Problem
from modelpack.findings.walk import Module

_THERE = re.compile(
    r"PATH|HOME|HOSTNAME|PWD|LANG|LC_\w+|SSL_CERT_FILE|LOCPATH|TMPDIR|TZ|USER|MODELPACK_(?!INPUT_)\w+|AZUREML_\w+|AML_\w+|MLFLOW_\w+"
    r"|AIP_\w+|SM_\w+|SAGEMAKER_\w+|AWS_\w+|KUBERNETES_\w+|PYTHON\w+|MSI_\w+|IDENTITY_\w+|WORKER_COUNT|WORKER_TIMEOUT"
)
"""What the start script, servers and platforms set."""
_HINT = "set it in environment_variables, or write os.environ.get('{}') and do without it"
_SETTERS = re.compile(r"os\.(putenv|environ\.(setdefault|update))|(dotenv\.)?load_dotenv")


def problems(modules: Sequence[Module], known: Collection[str]) -> Iterator[tuple[Module, Problem]]:
    """Find them, with where they are in the module (``LINE:COLUMN``).

    Args:
        modules: the code.
        known: variables that the package has.
    """
    set_by_code: set[str] = set()
    for module in modules:
        for spot in module.spots:
            set_by_code |= _touched(module, spot.node)
        if any(_SETTERS.fullmatch(name) for _, _, name in module.calls):
            return
    for module in modules:
        told = set()
        for spot in module.spots:
            name = _read(module, spot.node)
            if not name or not spot.sure or spot.guarded or name in told:
                continue
            if name in known or name in set_by_code or _THERE.fullmatch(name):
                continue
            told.add(name)
            node = spot.node
            where = f"{getattr(node, 'lineno', 1)}:{getattr(node, 'col_offset', 0) + 1}"
            message = f"needs the environment variable {name}, which nobody sets"
            near = get_close_matches(name, known, 1, 0.8)
            hint = f"did you mean {near[0]}?" if near else _HINT.format(name)
            yield module, Problem(where=where, message=message, hint=hint, severity="warning", code="MP313")


def _read(module: Module, node: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and module.dotted(node.value) == "os.environ":
        key = node.slice
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
    return ""


def _touched(module: Module, node: ast.AST) -> set[str]:
    """Give variables that code sets, or asks for before it reads them."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Store()):
            return {name} if module.dotted(value) == "os.environ" else set()
        case ast.Compare(left=ast.Constant(value=str(name)), comparators=[of]):
            return {name} if module.dotted(of) == "os.environ" else set()
    return set()
