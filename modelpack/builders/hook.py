"""Runs the hooks of a build backend (PEP 517), in the build environment's own Python and the source's folder.

Arguments: the name of the hook, the backend, its path, and the file for the answer, then the hook's own arguments.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys


def main() -> None:
    """Call one hook and write its answer as JSON; a hook that the backend does not have answers null."""
    os.environ.pop("PYTHONPATH", None)
    name, backend, path, answer, *arguments = sys.argv[1:]
    # The folder of this file is no place to import from.
    sys.path[:1] = [os.path.abspath(folder) for folder in json.loads(path)]
    module, _, attribute = backend.partition(":")
    found = functools.reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))
    hook = getattr(found, name, None)
    result = hook(*arguments) if hook else None
    with open(answer, "w", encoding="utf-8") as stream:
        json.dump(result, stream)


if __name__ == "__main__":
    main()
