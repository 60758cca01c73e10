"""Functions that the server calls, by what they take and give back."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from modelpack.catalogue import ServerEntry
from modelpack.errors import Problem
from modelpack.findings.walk import Function, Module

_GIVEN = {"init": 0, "run": 1}
"""How many arguments servers give to functions of a scoring script."""


def problems(module: Module, entry: ServerEntry) -> Iterator[Problem]:
    """Find functions that are called in another way, and a ``run()`` that answers nothing.

    Decorators may change how a function is called, so nothing is said of those that have one.

    Args:
        module: the scoring script; places are in it (``LINE:COLUMN``).
        entry: of the server.
    """
    for name in (name for name in _GIVEN if name in module.called & module.functions.keys()):
        function = module.functions[name]
        if not function.decorator_list:
            fault = _fault(function, entry)
            if fault:
                yield _called(function, *fault)
            elif name == "run":
                yield from _nothing(function)


def _fault(function: Function, entry: ServerEntry) -> tuple[str, str] | None:
    """Say how a function cannot be called, and how to write it."""
    words = "data" if _GIVEN[function.name] else ""
    write = f"write def {function.name}({words}):"
    if isinstance(function, ast.AsyncFunctionDef):
        return f"the server does not await {function.name}(), which is async", write
    inside = list(_inside(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inside) and not (entry.job and words):
        return f"{function.name}() is a generator (it has yield in it), which the server does not run", "use return"
    arguments = function.args
    if entry.further_arguments and words and (arguments.vararg or arguments.kwarg or arguments.posonlyargs):
        return "the server refuses run() with *args, **kwargs or arguments that have no name", write
    taken = [one for one in (*arguments.posonlyargs, *arguments.args) if one.arg not in entry.further_arguments]
    needed = len(taken) - len(arguments.defaults)
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    needed += sum(value is None and one.arg not in entry.further_arguments for one, value in named)
    given = _GIVEN[function.name]
    if needed > given or (len(taken) < given and arguments.vararg is None):
        return f"the server calls {function.name}({words}), which does not take that", write
    return None


def _called(function: Function, message: str, hint: str) -> Problem:
    where = f"{function.lineno}:{function.col_offset + 1}"
    return Problem(where=where, message=message, hint=hint, severity="warning", code="MP307")


def _nothing(run: Function) -> Iterator[Problem]:
    inside = list(_inside(run))
    returns = [node for node in inside if isinstance(node, ast.Return)]
    generates = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inside)
    if generates or any(map(_gives, returns)) or isinstance(run.body[-1], ast.Raise) or _is_empty(run):
        return
    yield Problem(
        where=f"{run.lineno}:{run.col_offset + 1}",
        message="run() never returns anything, so every answer is null",
        hint="return the predictions at its end",
        severity="warning",
        code="MP311",
    )


def _gives(node: ast.Return) -> bool:
    return node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None)


def _is_empty(run: Function) -> bool:
    """Say whether it is a mere place for code that is still to be written."""
    return all(isinstance(node, ast.Pass) or _is_text(node) for node in run.body)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield child
            yield from _inside(child)
