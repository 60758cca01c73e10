"""What code imports, followed from the script that a server starts with; nothing is run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelpack.findings.walk import Module

_HANDLED = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """An import statement's module."""

    module: str
    """Dotted."""
    file: PurePosixPath
    """Below the code folder."""
    line: int
    column: int
    """From 1."""
    sure: bool
    """It is run when the server starts; else on a path that may not be taken."""


def followed(folder: Path, script: PurePosixPath, called: Sequence[str]) -> Iterator[Import]:
    """Give the imports of what is not the code's own, in the order in which they are met.

    Imports that may fail (``try`` with ``except ImportError``), and those for type checkers, are left out.

    Args:
        folder: of the code.
        script: what the server loads, below it.
        called: functions of the script that the server calls.
    """
    roots = (folder, folder / script.parent)
    waiting: list[tuple[PurePosixPath, bool]] = [(script, True)]
    seen: dict[PurePosixPath, bool] = {}
    while waiting:
        waiting.sort(key=lambda item: not item[1])
        file, sure = waiting.pop(0)
        if seen.get(file, False) or (file in seen and not sure):
            continue
        known, seen[file] = file in seen, sure
        tree = _parse(folder / file)
        for module, node, certain in _Visitor(called if file == script else ()).imports(tree) if tree else ():
            own = _own(module, node, folder / file, roots)
            if own is None:
                if not known or certain:
                    yield _import(module, node, file, sure=sure and certain)
            else:
                waiting += [(PurePosixPath(path.relative_to(folder)), sure and certain) for path in own]


def own_modules(
    folder: Path, script: PurePosixPath, called: Sequence[str], *, broken: list[PurePosixPath] | None = None
) -> Iterator[Module]:
    """Give the script and the files of the code's own that it imports, as far as they can be read.

    Args:
        folder: of the code.
        script: what the server loads, below it.
        called: functions of the script that the server calls.
        broken: takes the files that are imported for sure and cannot be parsed.
    """
    roots = (folder, folder / script.parent)
    waiting: list[tuple[PurePosixPath, bool]] = [(script, True)]
    seen = {script}
    while waiting:
        file, sure = waiting.pop(0)
        tree = _parse(folder / file)
        if tree is None:
            if broken is not None and sure:
                broken.append(file)
            continue
        yield Module(file, tree, called if file == script else (), sure=sure)
        for module, node, certain in _Visitor(called if file == script else ()).imports(tree):
            for path in _own(module, node, folder / file, roots) or ():
                name = PurePosixPath(path.relative_to(folder))
                if name not in seen:
                    seen.add(name)
                    waiting.append((name, sure and certain))


def _import(module: str, node: ast.stmt, file: PurePosixPath, *, sure: bool) -> Import:
    return Import(module=module, file=file, line=node.lineno, column=node.col_offset + 1, sure=sure)


def _parse(path: Path) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _own(module: str, node: ast.stmt, file: Path, roots: Sequence[Path]) -> list[Path] | None:
    """Give the files of the code's own that an import loads; None when it is of something else."""
    if isinstance(node, ast.ImportFrom) and node.level:
        start = file.parent
        for _ in range(node.level - 1):
            start = start.parent
        return [path for path in _files(start, module, node) if path.is_relative_to(roots[0])]
    top = module.partition(".")[0]
    for root in roots:
        if (root / f"{top}.py").is_file() or (root / top).is_dir():
            return [path for path in _files(root, module, node) if path.is_relative_to(roots[0])]
    return None


def _files(start: Path, module: str, node: ast.stmt) -> Iterator[Path]:
    place = start
    for part in filter(None, module.split(".")):
        place = place / part
        yield from _module(place)
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield from _module(place / alias.name)


def _module(place: Path) -> Iterator[Path]:
    yield from (path for path in (place.with_name(f"{place.name}.py"), place / "__init__.py") if path.is_file())


Found = tuple[str, ast.stmt, bool]


class _Visitor:
    """Walks through statements.

    Args:
        called: functions that are run for sure.
    """

    def __init__(self, called: Sequence[str]) -> None:
        self._called = called

    def imports(self, tree: ast.Module) -> Iterator[Found]:
        yield from self._block(tree.body, sure=True, top=True)

    def _block(self, body: Sequence[ast.stmt], *, sure: bool, top: bool = False) -> Iterator[Found]:
        for statement in body:
            yield from self._statement(statement, sure=sure, top=top)

    def _statement(self, statement: ast.stmt, *, sure: bool, top: bool) -> Iterator[Found]:
        match statement:
            case ast.Import(names=aliases):
                yield from ((alias.name, statement, sure) for alias in aliases)
            case ast.ImportFrom(module=module):
                yield module or "", statement, sure
            case ast.FunctionDef(name=name, body=body) | ast.AsyncFunctionDef(name=name, body=body):
                yield from self._block(body, sure=sure and top and name in self._called)
            case ast.ClassDef(body=body) | ast.With(body=body):
                yield from self._block(body, sure=sure)
            case ast.If(test=test, body=body, orelse=orelse):
                if not re.search(r"\bTYPE_CHECKING\b|__name__", ast.unparse(test)):
                    yield from self._block(body, sure=False)
                yield from self._block(orelse, sure=False)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                if not any(map(_handles_imports, handlers)):
                    yield from self._block(body, sure=sure)
                    yield from self._block(orelse, sure=sure)
                yield from self._block(final, sure=sure)
            case ast.For(body=body) | ast.While(body=body) | ast.AsyncFor(body=body) | ast.AsyncWith(body=body):
                yield from self._block(body, sure=False)
            case _:
                pass


def _handles_imports(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & _HANDLED)
