"""Builds wheels from source while a lock is made: in Nix's sandbox, by the derivations that the package has too."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelpack import lockfile
from modelpack.errors import ResolveError, SourceBuildError
from modelpack.lock import BuildTools, Lock, LockedRequirement, Wheel
from modelpack.progress import Progress
from modelpack.python.scope import Scope
from modelpack.settings import Settings
from modelpack.store.artifacts import Wanted
from modelpack.store.download import Sources
from modelpack.store.files import Layout
from modelpack.store.nix import Nix


@dataclass(kw_only=True, slots=True)
class Workshop:
    """What builds need of this machine and of the lock in the making."""

    template: Lock
    """The lock, without distributions."""
    python: str
    """``3.11.2``, where the patch is known."""
    platform: str
    """Of the machine that builds."""
    packages: tuple[str, ...]
    """Debian packages to build with beside the compilers."""
    layouts: Mapping[str, Layout]
    sources: Sources
    settings: Settings
    cache: Path
    scope: Scope
    """Where the indexes are found out."""
    progress: Progress
    sandbox: bool = True
    previous: BuildTools | None = None
    """Of the lock before; its compilers are kept while they are what is asked for."""
    _compilers: BuildTools | None = field(default=None, init=False)

    @property
    def keeps_packages(self) -> bool:
        """Whether builds of the lock before had the same Debian packages."""
        before = self.previous
        return before is None or before.compilers is None or self._kept_compilers() is not None

    def require(self, name: str, requires: Sequence[str]) -> tuple[Wheel, ...]:
        """Resolve the requirements of a build.

        Raises:
            ResolveError: they cannot be met by wheels.
        """
        from modelpack.python.resolve import resolve  # noqa: PLC0415 - packaging and uv, which most runs do not need

        origin = f"build of {name}"
        return resolve(
            [LockedRequirement(requirement=text, origin=origin) for text in requires],
            python=self.python,
            platform=self.platform,
            glibc=self.template.base.glibc,
            cache=self.cache,
            progress=_Notes(self.progress),
            scope=self.scope,
        )

    def tools(self, wheels: Sequence[Wheel], *, compilers: bool) -> BuildTools:
        """Give what to build with.

        Raises:
            ResolveError: compilers that are not to be had.
        """
        found = self._resolved_compilers() if compilers else BuildTools(wheels=())
        return replace(found, wheels=tuple(sorted(wheels, key=lambda wheel: wheel.filename)))

    def build(self, wheel: Wheel, tools: BuildTools) -> bytes:
        """Build one, and give its core metadata.

        Raises:
            MissingBuildRequirementsError: its backend asks for more.
            BuildError: it cannot be built; FetchError: something for it could not be had.
        """
        from modelpack.store.fetch import fetch  # noqa: PLC0415 - HTTP, which is needed no earlier

        python = replace(self.template.python, wheels=(wheel,), build=tools)
        trees = {wheel.tree: self.template.trees[wheel.tree]} if wheel.tree else {}
        lock = replace(self.template, python=python, trees=trees, check=None)
        nix = Nix.of(self.settings, sandbox=self.sandbox)
        fetch(
            Wanted.of(lock, nix),
            layouts=self.layouts,
            sources=self.sources,
            store=nix,
            cache=self.cache,
            progress=self.progress,
        )
        task = f"building {wheel.name} from source"
        self.progress.start(task, unit="")
        try:
            with tempfile.TemporaryDirectory(prefix="modelpack-") as folder:
                path = Path(folder, lockfile.FILENAME)
                path.write_text(lockfile.to_text(lock), encoding="utf-8")
                (found,) = nix.build(path, (f"built.{wheel.name}",), checked=False)
            return nix.physical(f"{found}/METADATA").read_bytes()
        except SourceBuildError as error:
            from modelpack.hints import explain_source  # noqa: PLC0415 - only for failures

            raise explain_source(error, lock, (self.settings, self.cache, self.progress)) from error
        finally:
            self.progress.finish(task)

    def _resolved_compilers(self) -> BuildTools:
        if self._compilers is None:
            self._compilers = self._kept_compilers() or self._resolve_compilers()
        return self._compilers

    def _kept_compilers(self) -> BuildTools | None:
        from modelpack.debian.base import COMPILERS  # noqa: PLC0415

        previous = self.previous
        if previous is None or previous.compilers is None:
            return None
        asked = {name for name in previous.compilers.requested if not name.startswith("libpython3.")}
        return replace(previous, wheels=()) if asked == {*COMPILERS, *self.packages} else None

    def _resolve_compilers(self) -> BuildTools:
        from modelpack.debian import base as debian_base  # noqa: PLC0415
        from modelpack.debian.release import Access  # noqa: PLC0415
        from modelpack.debian.sources import archives_for  # noqa: PLC0415
        from modelpack.web import http  # noqa: PLC0415

        base = self.template.base
        request = debian_base.CompilersRequest(
            suite=base.suite,
            python=self.template.python.version,
            packages=self.packages,
            architecture=base.tools.architecture,
        )
        access = Access(cache=self.cache / "debian", read=http.read, progress=self.progress)
        archives = archives_for(base.suite, configured=self.settings.archives)
        try:
            evidence, compilers = debian_base.resolve_compilers(request, archives, access)
        except ResolveError as error:
            message = f"compilers to build from source: {error.message}"
            raise ResolveError(message, hint=error.hint, details=error.details) from error
        return BuildTools(wheels=(), evidence=evidence, compilers=compilers)


class _Notes:
    """Passes notes on, and shows no task of its own: one is being shown."""

    def __init__(self, progress: Progress) -> None:
        self.note = progress.note

    def start(self, task: str, *, total: int | None = None, unit: str = "B") -> None:
        """Drop it."""

    def advance(self, task: str, amount: int) -> None:
        """Drop it."""

    def finish(self, task: str) -> None:
        """Drop it."""
