"""Finds what pickles import: in the environment, the standard library, or the user's code. Nothing is loaded."""

from __future__ import annotations

import _compat_pickle
import json
import os
import sys
from typing import Any

from modelpack.builders.problem import fail

_GONE = {"asynchat", "asyncore", "distutils", "imp", "smtpd"}
_STANDARD = {*sys.stdlib_module_names, *_compat_pickle.IMPORT_MAPPING, *_GONE}
"""Of the Python that builds; the target's may be older, and pickles may be older still."""
_UNKNOWN = {"", "?", "__main__", "__torch__"}
"""Names that no distribution has; TorchScript brings its classes itself, as ``__torch__``."""


def main() -> None:
    """Build from the plan.

    ``prefixes``: of the environment and its interpreter. ``folders``: the user's code and models, where modules may
    lie too. ``files``: a list of ``tree``, ``path`` and ``imports`` (``module:name``) of pickles.
    """
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    report = find(plan)
    missing = [f"{file}: {', '.join(names)}" for file, names in report.items() if names]
    if missing:
        message = "pickles import what no wheel of the package and no folder of code has: " + "; ".join(missing)
        hint = "require the distributions that have these modules, or put their code into the code folder"
        fail("weights", message, hint=hint)
    with open(os.environ["out"], "w", encoding="utf-8") as stream:
        json.dump(report, stream, indent=2, sort_keys=True)
        stream.write("\n")


def find(plan: dict[str, Any]) -> dict[str, list[str]]:
    """Give the modules that are nowhere, by file."""
    installed = {name for prefix in plan["prefixes"] for name in _modules_in(prefix)}
    own: set[str] | None = None
    report = {}
    for file in plan["files"]:
        modules = {name.partition(":")[0] for name in file["imports"]}
        wanted = {module for module in modules if module.partition(".")[0] not in installed | _STANDARD | _UNKNOWN}
        if wanted and own is None:
            own = {name for folder in plan["folders"] for name in _modules_below(folder)}
        report[f"{file['tree']}: {file['path']}"] = sorted(
            module for module in wanted if module.partition(".")[0] not in (own or ())
        )
    return report


def _modules_in(prefix: str) -> set[str]:
    """Give the top modules that a Python has."""
    library = f"{prefix}/lib"
    found = set()
    for python in os.listdir(library) if os.path.isdir(library) else ():
        for site in (f"{library}/{python}/site-packages", f"{library}/{python}"):
            found |= {name.partition(".")[0] for name in os.listdir(site)} if os.path.isdir(site) else set()
    return found


def _modules_below(folder: str) -> set[str]:
    """Give the names of all modules and packages in a folder, which the user's code may put on its path."""
    found = set()
    for _, folders, names in os.walk(folder):
        found.update(folders)
        found.update(name.partition(".")[0] for name in names if name.endswith((".py", ".so", ".zip")))
    return found


if __name__ == "__main__":
    main()
