"""Modules that code imports, held against what the package has; and own modules that hide others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from modelpack import injection
from modelpack.errors import Problem
from modelpack.findings.imports import Import, followed
from modelpack.findings.modules import DISTRIBUTIONS, GONE, STANDARD, distributions
from modelpack.findings.places import shown_folder
from modelpack.findings.resolution import Resolution
from modelpack.parallel import run_all
from modelpack.python.contents import modules
from modelpack.python.index import IndexFile
from modelpack.python.metadata import MetadataStore

Offers = Callable[[], Mapping[str, Sequence[IndexFile]]]

_WORKERS = 8
_HARMLESS = frozenset({"test", "this", "antigravity", "idlelib", "turtledemo", "__future__", "__main__"})


def problems(resolution: Resolution, offers: Offers) -> tuple[list[Problem], bool]:
    """Give what is found, and whether all wheels could be read that had to be.

    Args:
        resolution: what there is.
        offers: asks the indexes, which is only done for wheels that were never looked into.
    """
    code = resolution.spec.code
    if code is None or resolution.lock.image_base is not None:
        return [], True
    judged = _Code(resolution, offers, code.source.path)
    found = list(judged.shadows())
    if code.scoring_script:
        found += judged.missing(PurePosixPath(code.scoring_script))
    return found, judged.complete


class _Code:
    def __init__(self, resolution: Resolution, offers: Offers, folder: Path) -> None:
        self.resolution = resolution
        self.offers = offers
        self.folder = folder
        self.complete = True
        python = resolution.spec.python.split(".")
        self.python = (int(python[0]), int(python[1]))

    def missing(self, script: PurePosixPath) -> Iterator[Problem]:
        called = injection.entry_of(self.resolution.spec).scoring_script
        told = set()
        for item in followed(self.folder, script, called):
            top = item.module.partition(".")[0]
            if item.module in told:
                continue
            if top in STANDARD:
                if self.python >= GONE.get(top, (4, 0)) and not self.has(item.module):
                    told.add(item.module)
                    yield self._gone(item, top)
            elif not self.has(item.module):
                told.add(item.module)
                yield self._missing(item)

    def has(self, module: str) -> bool:
        """Say whether the package has a module; True when there is no telling."""
        if any(name in self.resolution.wheels or name in self._conda for name in distributions(module)):
            return True
        if self._conda:
            return module.partition(".")[0] not in DISTRIBUTIONS
        known = self._modules
        if known is None:
            return True
        return any(_inside(module, name) or _inside(name, module) for name in known)

    @cached_property
    def _conda(self) -> Mapping[str, str]:
        interpreter = self.resolution.lock.python.interpreter
        found: dict[str, str] = {}
        for package in interpreter.conda if interpreter else ():
            found |= package.distributions or {}
        return found

    @cached_property
    def _modules(self) -> frozenset[str] | None:
        """Give the modules of all locked wheels; None when some cannot be read."""
        store = MetadataStore(self.resolution.cache)
        wheels = self.resolution.lock.python.wheels
        if any(wheel.build or wheel.tree for wheel in wheels):
            return None
        lists = [modules(wheel, None, store) for wheel in wheels]
        if None in lists:
            urls = {file.filename: file.url for files in self.offers().values() for file in files}

            def read(index: int) -> tuple[str, ...] | None:
                kept = lists[index]
                return modules(wheels[index], urls.get(wheels[index].filename), store) if kept is None else kept

            lists = run_all(read, range(len(wheels)), workers=_WORKERS)
        if None in lists:
            self.complete = False
            return None
        return frozenset(name for found in lists for name in found or ())

    def shadows(self) -> Iterator[Problem]:
        """Find own modules that hide others."""
        for path in sorted(self.folder.iterdir()):
            is_package = path.is_dir() and (path / "__init__.py").is_file()
            if not is_package and path.suffix != ".py":
                continue
            where = f"{shown_folder(path.parent)}{path.name}"
            name = path.stem
            if name in STANDARD and name not in _HARMLESS and self.python < GONE.get(name, (4, 0)):
                yield _warn(where, f"hides Python's own module {name}, from libraries too", "MP305")
            for distribution in distributions(name):
                wheel = self.resolution.wheels.get(distribution)
                if wheel and wheel.tree is None and name not in STANDARD:
                    yield _warn(where, f"hides the module {name} of {wheel.name} {wheel.version}", "MP306")

    def _gone(self, item: Import, top: str) -> Problem:
        version = ".".join(map(str, GONE[top]))
        return Problem(
            where=self._where(item),
            message=f"imports {top}, which is no part of Python from {version} on",
            hint="use what took its place, or an older python",
            severity="error" if item.sure else "warning",
            code="MP308",
        )

    def _missing(self, item: Import) -> Problem:
        top = item.module.partition(".")[0]
        name = distributions(item.module)[0]
        known = item.module in DISTRIBUTIONS or top in DISTRIBUTIONS
        hint = (
            f"add {name} to requirements" if known else f"add the package that has it, perhaps {name}, to requirements"
        )
        when = "" if item.sure else ", on a path that may not be taken"
        return Problem(
            where=self._where(item),
            message=f"imports {item.module}, which no locked package has{when}",
            hint=f"{hint}; a module of your own has to lie in the code folder",
            severity="error" if item.sure else "warning",
            code="MP301" if item.sure else "MP302",
        )

    def _where(self, item: Import) -> str:
        path = self.folder / item.file
        return f"{shown_folder(path.parent)}{path.name}:{item.line}:{item.column}"


def _warn(where: str, message: str, code: str) -> Problem:
    return Problem(where=f"{where}:1:1", message=message, hint="rename it", severity="warning", code=code)


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
