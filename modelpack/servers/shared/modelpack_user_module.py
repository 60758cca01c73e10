"""The module of the user's that ``MODELPACK_SCORING_SCRIPT`` names."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def load() -> ModuleType:
    """Run the module, with its folder and the code's on the path.

    It goes by its file's name, so that processes which are started later find its classes.
    """
    path = Path(os.environ["MODELPACK_SCORING_SCRIPT"])
    for folder in (str(path.parent), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a Python module: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def only_class(module: ModuleType, base: type[Any], otherwise: str = "") -> type[Any]:
    """Give the one subclass of ``base`` that a module defines itself.

    Raises:
        SystemExit: there is none, or several; says so, and what would do ``otherwise``.
    """
    kinds = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, base)]
    own = [kind for kind in kinds if kind.__module__ == module.__name__]
    if len(own) != 1:
        names = ", ".join(kind.__name__ for kind in own) or "none"
        raise SystemExit(
            f"{module.__name__}.py has to define one subclass of {base.__name__}{otherwise}, found {names}"
        )
    return own[0]
