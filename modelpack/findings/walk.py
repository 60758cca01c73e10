"""Statements and expressions of a module, each with whether it is run for sure; nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

Function = ast.FunctionDef | ast.AsyncFunctionDef
_NEVER = re.compile(r"\bTYPE_CHECKING\b|\b__name__\b|^False$|^0$")
"""Conditions of what a server does not run."""
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A node, and how it is come to."""

    node: ast.AST
    sure: bool
    """It is run when the server starts, or by what the server calls; else on a path that may not be taken."""
    guarded: bool
    """What it raises may be caught, or it is for another Python."""
    function: str
    """Name of the outermost function or class around it; empty at the top level."""


class Module:
    """A file of the user's code.

    Args:
        file: below the code folder.
        tree: what it says.
        called: functions that the server calls.
        sure: it is imported when the server starts.
    """

    def __init__(self, file: PurePosixPath, tree: ast.Module, called: Sequence[str], *, sure: bool) -> None:
        self.file = file
        self.tree = tree
        self._sure = sure
        self.called = frozenset(called)

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """Give those of the top level."""
        return {node.name: node for node in self.tree.body if isinstance(node, Function)}

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """Give all nodes; functions that are called for sure from such places are run for sure too."""
        called: set[str] = set()
        wanted = set(self.called & self.functions.keys())
        found = tuple(_Walk(called).module(self.tree, sure=self._sure))
        while wanted - called:
            called |= wanted
            found = tuple(_Walk(called).module(self.tree, sure=self._sure))
            wanted = {
                spot.node.func.id
                for spot in found
                if spot.sure and isinstance(spot.node, ast.Call) and isinstance(spot.node.func, ast.Name)
            } & self.functions.keys()
        return found

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Give what imported names stand for: ``{"np": "numpy", "environ": "os.environ"}``."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    found[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def dotted(self, node: ast.AST) -> str:
        """Name what an expression stands for, as ``numpy.load``; empty when that cannot be known.

        A name that nothing imports stands for itself.
        """
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""

    @cached_property
    def calls(self) -> tuple[tuple[Spot, ast.Call, str], ...]:
        """Give all calls, and the names of what they call."""
        return tuple(
            (spot, spot.node, self.dotted(spot.node.func)) for spot in self.spots if isinstance(spot.node, ast.Call)
        )


class _Walk:
    def __init__(self, called: Iterable[str]) -> None:
        self._called = frozenset(called)

    def module(self, tree: ast.Module, *, sure: bool) -> Iterator[Spot]:
        start = Spot(node=tree, sure=sure, guarded=False, function="")
        yield from self._block(tree.body, start)

    def _block(self, body: Sequence[ast.stmt], at: Spot) -> Iterator[Spot]:
        for statement in body:
            yield from self._node(statement, at)
            if isinstance(statement, _LEAVES):
                return
            if at.sure and _may_leave(statement):
                at = replace(at, sure=False)

    def _node(self, node: ast.AST, at: Spot) -> Iterator[Spot]:
        yield replace(at, node=node)
        unsure = replace(at, sure=False)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._function(node, at)
            case ast.Lambda(body=body):
                yield from self._node(body, unsure)
            case ast.ClassDef(name=name, body=body, decorator_list=decorators, bases=bases):
                yield from self._nodes((*decorators, *bases), at)
                yield from self._block(body, replace(at, function=at.function or name))
            case ast.If(test=test, body=body, orelse=orelse):
                yield from self._node(test, at)
                said = ast.unparse(test)
                unsure = replace(unsure, guarded=at.guarded or "version_info" in said)
                if not _NEVER.search(said):
                    yield from self._block(body, unsure)
                yield from self._block(orelse, unsure)
            case ast.Try() | ast.TryStar():
                yield from self._try(node, at)
            case ast.With(items=items, body=body):
                yield from self._nodes(items, at)
                guarded = at.guarded or any("suppress" in ast.unparse(item) for item in items)
                yield from self._block(body, replace(at, guarded=guarded))
            case _:
                yield from self._others(node, at)

    def _others(self, node: ast.AST, at: Spot) -> Iterator[Spot]:
        """Walk through what is inside a node; where that has conditions, its first part alone is run for sure."""
        inside = [*ast.iter_child_nodes(node)]
        match node:
            case ast.IfExp(test=first) | ast.BoolOp(values=[first, *_]) | ast.For(iter=first) | ast.While(test=first):
                yield from self._node(first, at)
                inside, at = [child for child in inside if child is not first], replace(at, sure=False)
            case ast.GeneratorExp() | ast.Match():
                at = replace(at, sure=False)
        yield from self._nodes(inside, at)

    def _nodes(self, nodes: Iterable[ast.AST], at: Spot) -> Iterator[Spot]:
        for node in nodes:
            yield from self._node(node, at)

    def _function(self, node: Function, at: Spot) -> Iterator[Spot]:
        arguments = node.args
        defaults = (value for value in (*arguments.defaults, *arguments.kw_defaults) if value)
        yield from self._nodes((*node.decorator_list, *defaults), at)
        called = at.sure and not at.function and node.name in self._called
        yield from self._block(node.body, replace(at, sure=called, guarded=False, function=at.function or node.name))

    def _try(self, node: ast.Try | ast.TryStar, at: Spot) -> Iterator[Spot]:
        inner = replace(at, guarded=at.guarded or bool(node.handlers))
        yield from self._block(node.body, inner)
        unsure = replace(at, sure=False)
        for handler in node.handlers:
            yield from self._block(handler.body, unsure)
        yield from self._block(node.orelse, unsure if node.handlers else at)
        yield from self._block(node.finalbody, at)


def _may_leave(statement: ast.stmt) -> bool:
    """Say whether what follows a statement may not be come to."""
    if isinstance(statement, (*_LEAVES, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(isinstance(node, _LEAVES) for node in ast.walk(statement))
