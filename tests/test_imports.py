"""What may import what: arrows point one way, from the command line over the stages to the values."""

from __future__ import annotations

import ast
import fnmatch
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "modelpack"
VALUES = {"codec", "errors", "lock", "progress", "spec", "store.storepath"}
"""What every stage speaks in."""
PRINT = {"cli", "console", "running"}
LIBRARIES = {
    "jinja2": {"server_files", "starter"},
    "packaging": {"catalogue", "findings.*", "injection", "loading.*", "python.*"},
    "poetry": {"loading.poetry"},
    "rattler": {"conda"},
    "rich": {"console"},
    "typer": {"arguments", "cli", "command"},
    "urllib3": {"web.*"},
    "uv": {"doctor", "python.uv_tool"},
    "yaml": {"loading.yamlfile"},
}
"""Third-party libraries, and the modules that may import them."""


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports(path):
    """Give the full names of all modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            modules = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = {module for module in modules if (PACKAGE.parent / (module.replace(".", "/") + ".py")).is_file()}
            found |= inner or {node.module}
    return found


# Programs of servers run in packages, on the package's Python and beside its libraries.
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "servers" not in path.relative_to(PACKAGE).parts)
IMPORTS = {name_of(path): imports(path) for path in MODULES}
OWN = {
    module: {name.removeprefix("modelpack.") for name in names if name.startswith("modelpack.")}
    for module, names in IMPORTS.items()
}


def matches(module, patterns):
    return any(fnmatch.fnmatchcase(module, pattern) for pattern in patterns)


def test_no_module_needs_itself_over_others():
    # One module in two halves, of which the one with the heavy imports loads late.
    halves = OWN | {"web.client": OWN["web.client"] - {"web.http"}}
    list(graphlib.TopologicalSorter(halves).static_order())


def test_only_the_program_knows_the_command_line():
    assert [module for module, names in OWN.items() if "cli" in names] == ["__main__"]


def test_values_know_only_each_other():
    assert {module: OWN[module] - VALUES for module in VALUES if OWN[module] - VALUES} == {}


def test_builders_know_only_the_standard_library_and_each_other():
    builders = [module for module in IMPORTS if module.startswith("builders.")]
    assert builders
    for module in builders:
        for name in IMPORTS[module]:
            top = name.split(".")[0]
            assert name.startswith("modelpack.builders") or top in sys.stdlib_module_names, f"{module}: {name}"


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_known_to_few(library):
    users = {module for module, names in IMPORTS.items() if library in {name.split(".")[0] for name in names}}
    assert users
    assert {module for module in users if not matches(module, LIBRARIES[library])} == set()


def test_no_other_library_is_used():
    known = {*LIBRARIES, *sys.stdlib_module_names, "modelpack", "_typeshed"}
    assert {module: names for module, names in _tops().items() if names - known} == {}


def _tops():
    return {module: {name.split(".")[0] for name in names} for module, names in IMPORTS.items()}


def test_no_stage_prints():
    printing = set()
    for path in (path for path in MODULES if path.parent.name != "builders"):
        calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        if any(isinstance(call, ast.Name) and call.id == "print" for call in calls):
            printing.add(name_of(path))
    assert printing <= PRINT


def test_the_command_line_starts_without_what_a_build_that_changes_nothing_does_not_need():
    heavy = ("urllib3", "ssl", "jinja2", "packaging", "rich", "uv", "http.client", "asyncio", "email")
    probe = f"import sys, modelpack.cli; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == []
