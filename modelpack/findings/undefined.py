"""Names that code uses and nothing defines, as when ``init`` sets a variable of its own in place of the global one."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from modelpack.errors import Problem
from modelpack.findings.walk import Function, Module

_KNOWN = frozenset(dir(builtins)) | {
    *("__file__", "__name__", "__doc__", "__package__", "__spec__", "__loader__", "__path__", "__dict__", "__class__"),
    *("__annotations__", "__module__", "__qualname__", "__builtins__", "__cached__", "WindowsError", "_"),
}
_ANY = frozenset({"exec", "eval", "globals", "vars", "__getattr__", "locals", "setattr"})
"""Names whose use can make others."""
_LOCAL = "uses {}, which init() sets for itself alone"
_DECLARE = "write this as the first line of init(): global {}"


def problems(module: Module) -> Iterator[Problem]:
    """Find them, with where they are in the module (``LINE:COLUMN``)."""
    used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
    if used & _ANY or _star(module.tree):
        return
    try:
        table = symtable.symtable(ast.unparse(module.tree), str(module.file), "exec")
    except SyntaxError:
        return
    bound = _bound(table)
    missing = {item for item in _globals(table, "") if item[1] not in bound and item[1] not in _KNOWN}
    uses = _uses(module)
    told = set()
    for function, name in sorted(missing & uses.keys(), key=lambda item: (not uses[item][1], item)):
        if name not in told:
            told.add(name)
            yield _problem(module, name, uses[function, name], bound)
    yield from _left_empty(module, uses)


def _star(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree))


def _bound(table: symtable.SymbolTable) -> set[str]:
    """Give the names that the module, or a function by ``global``, binds."""
    found = {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()}
    found |= {one.get_name() for one in table.get_symbols() if one.is_namespace() or one.is_annotated()}
    waiting = [*table.get_children()]
    while waiting:
        inner = waiting.pop()
        waiting += inner.get_children()
        found |= {
            one.get_name()
            for one in inner.get_symbols()
            if one.is_declared_global() and (one.is_assigned() or one.is_imported())
        }
    return found


def _globals(table: symtable.SymbolTable, function: str) -> Iterator[tuple[str, str]]:
    """Give the global names that are used, each with the outermost function or class that uses it."""
    for one in table.get_symbols():
        if one.is_referenced() and (one.is_global() or table.get_type() == "module"):
            yield function, one.get_name()
    for inner in table.get_children():
        anonymous = inner.get_name() in ("lambda", "genexpr", "listcomp", "setcomp", "dictcomp")
        yield from _globals(inner, function or ("" if anonymous else inner.get_name()))


def _uses(module: Module) -> Mapping[tuple[str, str], tuple[ast.Name, bool]]:
    """Give by function and name the first place that surely loads it, else the first, and whether it is sure."""
    notes = {id(inner) for node in ast.walk(module.tree) for part in _annotations(node) for inner in ast.walk(part)}
    found: dict[tuple[str, str], tuple[ast.Name, bool]] = {}
    for spot in module.spots:
        node = spot.node
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or id(node) in notes or spot.guarded:
            continue
        key = spot.function, node.id
        if key not in found or (spot.sure and not found[key][1]):
            found[key] = (node, spot.sure)
    return found


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    parts = (getattr(node, "annotation", None), getattr(node, "returns", None))
    yield from (part for part in parts if isinstance(part, ast.expr))


def _problem(module: Module, name: str, use: tuple[ast.Name, bool], bound: set[str]) -> Problem:
    node, sure = use
    init = module.functions.get("init")
    if "init" in module.called and init and name in _own(init):
        message, hint = _LOCAL.format(name), _DECLARE.format(name)
    else:
        message = f"uses {name}, which nothing defines"
        near = get_close_matches(name, bound, 1, 0.75)
        hint = f"did you mean {near[0]}?" if near else "import or define it, or correct its name"
    return Problem(
        where=_where(node), message=message, hint=hint, severity="error" if sure else "warning", code="MP310"
    )


def _left_empty(module: Module, uses: Mapping[tuple[str, str], tuple[ast.Name, bool]]) -> Iterator[Problem]:
    """Find what ``init`` was to set for ``run`` and sets for itself alone, so that ``run`` gets None."""
    init, run = module.functions.get("init"), module.functions.get("run")
    if init is None or run is None or not {"init", "run"} <= module.called:
        return
    declared = {name for node in ast.walk(module.tree) if isinstance(node, ast.Global) for name in node.names}
    empty = _empty(module.tree) - declared
    local = _own(run) | {one.arg for one in ast.walk(run.args) if isinstance(one, ast.arg)}
    read = {node.id for node in ast.walk(run) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for name in sorted(empty & _own(init) & (read - local)):
        if ("run", name) in uses:
            node, _ = uses["run", name]
            yield Problem(where=_where(node), message=_LOCAL.format(name), hint=_DECLARE.format(name), code="MP310")


def _empty(tree: ast.Module) -> set[str]:
    """Give names to which the top level gives None alone, or nothing but a type."""
    statements = [node for node in tree.body if not isinstance(node, Function | ast.ClassDef)]
    stored = Counter(
        node.id
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    found = set()
    for node in statements:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is None or (isinstance(value, ast.Constant) and value.value is None):
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if stored[name] == 1}


def _own(function: Function) -> set[str]:
    """Give the names that a function assigns for itself alone."""
    outer = {name for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored - outer


def _where(node: ast.AST) -> str:
    return f"{getattr(node, 'lineno', 1)}:{getattr(node, 'col_offset', 0) + 1}"
