"""The scoring script: judged without running it."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from modelpack.loading.yamlfile import Findings, Place

_FUNCTIONS, _SYNTAX = "MP303", "MP304"


def judge_script(path: Path, *, shown: str, python: str, functions: tuple[str, ...], findings: Findings) -> None:
    """Find a syntax error, and functions that the server calls but the script does not define.

    Args:
        path: the script.
        shown: its name in messages.
        python: the version that will run it, such as ``3.11``.
        functions: names that have to be defined at the top level.
        findings: takes what is wrong.
    """
    start = Place(file=shown, line=1, column=1)
    version = (3, int(python.split(".")[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes(), feature_version=min(version, sys.version_info[:2]))
            compile(tree, shown, "exec", dont_inherit=True)
    except OSError as error:
        findings.add(start, f"cannot be read: {error.strerror}", path="code.scoring_script")
    except SyntaxError as error:
        # A newer Python may know more syntax than the one that runs here.
        if version <= sys.version_info[:2]:
            place = Place(file=shown, line=error.lineno or 1, column=error.offset or 1)
            findings.add(place, f"not Python {python}: {error.msg}", path="code.scoring_script", code=_SYNTAX)
    except (ValueError, RecursionError, MemoryError) as error:
        findings.add(start, f"not Python {python}: {error}", path="code.scoring_script", code=_SYNTAX)
    else:
        names = set(_names(tree.body))
        missing = [name for name in functions if name not in names and "*" not in names]
        if missing:
            hint = f"the server calls {' and '.join(f'{name}()' for name in functions)}"
            message = f"defines no {' and no '.join(f'{name}()' for name in missing)}"
            findings.add(start, message, path="code.scoring_script", hint=hint, code=_FUNCTIONS)


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Give the names that statements at the top level may bind, ``*`` for those of a star import."""
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)
            case ast.Assign(targets=targets):
                yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                yield from _names_inside(statement)


def _names_inside(statement: ast.stmt) -> Iterator[str]:
    """Look into ``if``, ``try``, ``with``, ``for`` and ``match``, whose blocks run at the top level too."""
    for part in ("body", "orelse", "finalbody"):
        yield from _names(getattr(statement, part, ()))
    for block in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield from _names(block.body)
