"""Texts and paths that code puts together, as far as they can be known without running it."""

from __future__ import annotations

import ast
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from modelpack.findings.walk import Function, Module, Spot

MODEL = "\0model"
"""Stands for the folder of the models at the beginning of a path."""
CODE = "\0code"
"""Stands for the folder of the code, in which servers are started."""
INPUT = "\0input-"
"""Stands for an input, before its name."""

_ENVIRONMENT = ("os.getenv", "os.environ.get")
_PATHS = ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath")
_SAME = ("os.path.abspath", "os.path.realpath", "os.path.normpath", "os.fspath", "str", *_PATHS)
_SAME_METHODS = ("resolve", "absolute", "expanduser", "as_posix")
_NOTHING = ast.Constant(value=None)
_DEEP = 12
"""Names that are followed from one to the next."""


class Folder:
    """Gives what expressions of one module are worth.

    Args:
        module: the code.
        variables: values of environment variables, which may begin with ``MODEL``, ``CODE`` or ``INPUT``.
    """

    def __init__(self, module: Module, variables: Mapping[str, str]) -> None:
        self._module = module
        self._variables = variables

    def value(self, spot: Spot, node: ast.expr) -> str | None:
        """Give the text or path of an expression; None when it cannot be known."""
        return self._value(node, spot.function, _DEEP)

    def _value(self, node: ast.expr, function: str, deep: int) -> str | None:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self._named(name, function, deep - 1) if deep else None
            case ast.JoinedStr(values=parts):
                return _joined([self._value(part, function, deep) for part in parts])
            case ast.FormattedValue(value=value, format_spec=None):
                return self._value(value, function, deep)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined([self._value(left, function, deep), self._value(right, function, deep)])
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return _path([self._value(left, function, deep), self._value(right, function, deep)])
            case ast.Subscript(value=value, slice=index) if self._module.dotted(value) == "os.environ":
                return self._variable(index, function, deep)
            case ast.Attribute(value=value, attr="parent"):
                return _parent(self._value(value, function, deep))
            case ast.Call(func=called, args=args):
                return self._call(called, args, function, deep)
        return None

    def _call(self, called: ast.expr, args: Sequence[ast.expr], function: str, deep: int) -> str | None:
        name = self._module.dotted(called)
        if name in _ENVIRONMENT and args:
            return self._variable(args[0], function, deep)
        if name in ("os.getcwd", "pathlib.Path.cwd"):
            return CODE
        if name == "os.path.join" or (name in _PATHS and len(args) > 1):
            return _path([self._value(arg, function, deep) for arg in args])
        if name == "os.path.dirname" and args:
            return _parent(self._value(args[0], function, deep))
        if name in _SAME and len(args) == 1:
            return self._value(args[0], function, deep)
        if isinstance(called, ast.Attribute) and called.attr in _SAME_METHODS:
            return self._value(called.value, function, deep)
        if isinstance(called, ast.Attribute) and called.attr == "joinpath":
            return _path([self._value(arg, function, deep) for arg in (called.value, *args)])
        return None

    def _variable(self, name: ast.expr, function: str, deep: int) -> str | None:
        text = self._value(name, function, deep)
        return self._variables.get(text) if text else None

    def _named(self, name: str, function: str, deep: int) -> str | None:
        if name == "__file__":
            return f"{CODE}/{self._module.file}"
        if function and function not in self._bindings:
            return None
        if name in self._bindings.get(function, {}):
            found = self._bindings[function][name]
            return None if found is None else self._value(found, function, deep)
        found = self._bindings[""].get(name)
        return None if found is None else self._value(found, "", deep)

    @cached_property
    def _bindings(self) -> Mapping[str, Mapping[str, ast.expr | None]]:
        """Give by function what its names are bound to: the one expression, or None when it is not one alone."""
        found = {"": dict(_bound(self._module.tree, outer=True))}
        shared: Counter[str] = Counter()
        for name, function in self._module.functions.items():
            own = dict(_bound(function, outer=False))
            own |= dict.fromkeys((one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)), None)
            declared = {item for node in ast.walk(function) if isinstance(node, ast.Global) for item in node.names}
            for item in declared & own.keys():
                shared[item] += 1
                value = own.pop(item)
                before = found[""].get(item, _NOTHING)
                found[""][item] = value if shared[item] == 1 and _is_nothing(before) else None
            found[name] = own
        return found


def _is_nothing(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _bound(scope: ast.Module | Function, *, outer: bool) -> Iterator[tuple[str, ast.expr | None]]:
    counted: Counter[str] = Counter()
    values: dict[str, ast.expr] = {}
    for node in _inside(scope) if outer else ast.walk(scope):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            counted[node.id] += 1
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
            values[node.target.id] = node.value
    for name, count in counted.items():
        yield name, values.get(name) if count == 1 else None


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Give what is inside a node, but not inside functions and classes in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield child
            yield from _inside(child)


def _joined(parts: Sequence[str | None]) -> str | None:
    return None if None in parts else "".join(part for part in parts if part is not None)


def _path(parts: Sequence[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return None
    # As of an absolute path, what comes before is of no account.
    starts = [index for index, part in enumerate(known) if part.startswith(("\0", "/"))]
    return posixpath.normpath(posixpath.join(*known[starts[-1] if starts else 0 :]))


def _parent(path: str | None) -> str | None:
    return posixpath.dirname(path) if path and "/" in path else None
