"""What is found in the user's code without running it, beside what it imports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modelpack import injection
from modelpack.errors import Problem, SpecError
from modelpack.findings import answers, devices, reads, secrets, undefined, wanted
from modelpack.findings.contents import Contents, variables
from modelpack.findings.downloads import Downloads
from modelpack.findings.folding import Folder
from modelpack.findings.imports import own_modules
from modelpack.findings.places import shown_folder
from modelpack.findings.walk import Module
from modelpack.loading.script import judge_script
from modelpack.loading.yamlfile import Findings
from modelpack.spec import Spec


def problems(spec: Spec) -> Iterator[Problem]:
    """Find it in the scoring script and in what that imports of the code folder."""
    if spec.code is None or spec.code.scoring_script is None:
        return
    folder = spec.code.source.path
    entry = injection.entry_of(spec)
    known = variables(spec)
    broken: list[PurePosixPath] = []
    script = PurePosixPath(spec.code.scoring_script)
    modules = list(own_modules(folder, script, entry.scoring_script, broken=broken))
    yield from (problem for file in broken if file != script for problem in _unreadable(folder / file, spec.python))
    downloads = Downloads(folder, known)
    for module in modules:
        found = [*undefined.problems(module), *answers.problems(module, entry), *secrets.problems(module)]
        found += downloads.problems(module)
        for problem in found:
            yield _placed(problem, folder, module)
    if spec.base.image is not None:
        # It may have further variables and files.
        return
    folders = [Folder(module, known) for module in modules]
    placed = [*reads.problems(modules, folders, Contents(spec)), *wanted.problems(modules, known)]
    for module, problem in (*placed, *devices.problems(modules, spec)):
        yield _placed(problem, folder, module)


def _unreadable(path: Path, python: str) -> Iterator[Problem]:
    """Say why a file that the script imports cannot be parsed."""
    shown = f"{shown_folder(path.parent)}{path.name}"
    version = (3, int(python.split(".")[1]))
    found = Findings()
    judge_script(path, shown=shown, python=python, functions=(), findings=found)
    try:
        found.raise_any()
    except SpecError as error:
        # A newer Python may know more syntax than the one that runs here.
        problems = (replace(one, where=one.where.removesuffix(": code.scoring_script")) for one in error.problems)
        yield from problems if version <= sys.version_info[:2] else ()


def _placed(problem: Problem, folder: Path, module: Module) -> Problem:
    path = folder / module.file
    return replace(problem, where=f"{shown_folder(path.parent)}{path.name}:{problem.where}")
