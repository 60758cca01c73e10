"""Spec to package: every stage in order, each timed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelpack import emulation, lockfile, records
from modelpack.errors import CheckError, FindingsError, ModelpackError, Problem, SourceBuildError, StrictError
from modelpack.findings import examine as findings
from modelpack.loading import inputs
from modelpack.loading.options import Options
from modelpack.lock import Lock, LockedCheck
from modelpack.locking import staleness, trees
from modelpack.locking.machine import Machine
from modelpack.locking.make import make
from modelpack.locking.sources import sources
from modelpack.records import Built
from modelpack.spec import Spec
from modelpack.store.artifacts import Wanted
from modelpack.store.nix import Nix


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A spec and the lock that is its."""

    spec: Spec
    lock: Lock
    lock_path: Path
    lock_written: bool
    findings: tuple[Problem, ...] = ()
    """What was found in them, in order; what the spec silences is marked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """All that can be said of an input before anything is built."""

    project: Project | None
    """None when there is an error."""
    findings: tuple[Problem, ...]
    """What was found beside the error, in order."""
    error: ModelpackError | None = None
    """Why there is no project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """Times stages."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time what is done inside as the stage ``name``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - began


def tell(found: Sequence[Problem], machine: Machine) -> None:
    """Say what was found."""
    if found:
        from modelpack.findings import report  # noqa: PLC0415 - only where there is something

        for line in report.lines(found):
            machine.progress.note(line)


def examine(
    path: Path,
    machine: Machine,
    stages: Stages,
    *,
    locked: bool = False,
    again: bool = False,
    options: Options | None = None,
) -> Examined:
    """Load a spec, bring its lock up to date, and find all that can be found in both.

    Args:
        path: the input.
        machine: what this machine has.
        stages: takes the times.
        locked: a lock that is not up to date is an error.
        again: ask the package indexes again, when they did not answer before.
        options: what the command line says of the input.
    """
    spec = None
    try:
        with stages.time("load"):
            spec = inputs.load(path, options, channels=bool(machine.settings.channels))
            previous = lockfile.read(spec.lock_path)
        with stages.time("lock"):
            lock = staleness.check_fresh(spec, previous, machine) if locked else make(spec, previous, machine)
            written = not locked and lockfile.write(lock, spec.lock_path)
    except ModelpackError as error:
        found = findings.examine_spec(spec) if spec else ()
        return Examined(project=None, findings=found, error=error)
    with stages.time("examine"):
        found = findings.examine(spec, lock, machine, again=again)
    project = Project(spec=spec, lock=lock, lock_path=spec.lock_path, lock_written=written, findings=found)
    return Examined(project=project, findings=found)


def load_project(
    path: Path, machine: Machine, stages: Stages, *, locked: bool = False, options: Options | None = None
) -> Project:
    """Load a spec and bring its lock up to date; with ``locked`` a lock that is not is an error instead.

    What is found beside is told.

    Raises:
        SpecError, LockError, ResolveError, FetchError: as the stages.
    """
    examined = examine(path, machine, stages, locked=locked, options=options)
    tell(examined.findings, machine)
    return project_of(examined)


def project_of(examined: Examined) -> Project:
    """Give the project of an input without errors.

    Raises:
        ModelpackError: the error there is.
    """
    if examined.error:
        raise examined.error
    assert examined.project is not None  # noqa: S101 - there was no error
    return examined.project


def refuse(found: Sequence[Problem], *, strict: bool = False) -> None:
    """Go no further when there are errors, or with ``strict`` warnings.

    Raises:
        FindingsError, StrictError: there are.
    """
    severities = [problem.severity for problem in found if problem.reason is None]
    if count := severities.count("error"):
        message = f"the package would not work: {count} error{'s' if count != 1 else ''} found"
        hint = "mend what is said above; what is a false alarm, silence in the spec (findings.ignore)"
        raise FindingsError(message, hint=hint)
    if strict and (count := severities.count("warning")):
        message = f"--strict: {count} warning{'s' if count != 1 else ''}"
        raise StrictError(message, hint="mend them, or say in the spec why they are meant (findings.ignore)")


def fetch(project: Project, machine: Machine, nix: Nix, stages: Stages) -> int:
    """Bring all artifacts into the store; gives the bytes that were downloaded.

    Raises:
        FetchError: artifacts that could not be had.
    """
    with stages.time("fetch"):
        wanted = Wanted.of(project.lock, nix)
        if not wanted.absent:
            return 0
        from modelpack.store.fetch import fetch as fetch_artifacts  # noqa: PLC0415 - HTTP, which is needed no earlier

        trees.bring(project.spec, machine)
        report = fetch_artifacts(
            wanted,
            layouts=trees.layouts(project.spec, machine.cache),
            store=nix,
            sources=sources(project.spec, machine),
            cache=machine.cache,
            progress=machine.progress,
        )
    return report.downloaded


def build(project: Project, machine: Machine, nix: Nix, stages: Stages) -> Built:
    """Fetch what is missing, build package, image and check, and give the package's identity.

    What was built before, of the same lock by the same library, and is still in the store, is not asked for again.

    Raises:
        FindingsError: something was found that would not work.
        FetchError: artifacts that could not be had.
        BuildError, CheckError: a derivation failed.
    """
    refuse(project.findings)
    reason = why_unchecked(project.lock)
    checked = reason is None
    record = records.Record(machine.cache / "built", project.lock, nix, _root(project.spec, machine), checked=checked)
    with stages.time("identify"):
        known = record.read()
        if known is not None:
            return replace(known, stages=stages.seconds, unchecked_because=reason)
    fetch(project, machine, nix, stages)
    built = _build(project, machine, nix, stages, checked=checked)
    record.write(built)
    return replace(built, unchecked_because=reason)


def _build(project: Project, machine: Machine, nix: Nix, stages: Stages, *, checked: bool) -> Built:
    attributes = ("package", "image", *(("check",) if checked else ()))
    paths = _realise(project, machine, nix, stages, attributes, checked=checked)
    with stages.time("identify"):
        from modelpack.delivery.image import open_image  # noqa: PLC0415

        image = open_image(paths[1], nix.store or "/")
        # The image was only made because its layers are the package's closure, no more and no less.
        closure = [path for layer in image.layers for path in layer.paths]
        return Built(
            name=project.lock.name,
            version=project.lock.package_version,
            store_path=paths[0],
            image_path=paths[1],
            check_path=paths[2] if checked else None,
            image_digest=image.digest,
            image_size=len(image.manifest) + len(image.config) + sum(layer.size for layer in image.layers),
            lock_digest=lockfile.digest(project.lock),
            checked=checked,
            answers=_samples(project.lock.check) if checked and project.lock.check else 0,
            hermetic=nix.sandbox,
            closure_bytes=sum(nix.sizes(closure)),
            stages=stages.seconds,
        )


def check(project: Project, machine: Machine, nix: Nix, stages: Stages) -> Path:
    """Run the served check alone, and give the folder of its report.

    Raises:
        ModelpackError: the spec has no check.
        ToolError: the target's programs do not start on this machine.
        BuildError, CheckError: it failed.
    """
    if project.lock.check is None:
        raise ModelpackError("the spec says check: false", hint="give the spec a check with a sample request")
    emulation.require(project.lock)
    return nix.physical(_realise(project, machine, nix, stages, ("check",), checked=True)[0])


def build_sources(project: Project, nix: Nix, stages: Stages) -> dict[str, Path]:
    """Build what the lock has a source of, and give the folders of the wheels by distribution.

    Raises:
        BuildError: one cannot be built.
    """
    names = [wheel.name for wheel in project.lock.python.wheels if wheel.build]
    if not names:
        return {}
    staleness.check_builds_here(project.lock)
    with stages.time("build"):
        paths = nix.build(project.lock_path, tuple(f"built.{name}" for name in names), checked=False)
    return {name: nix.physical(path) for name, path in zip(names, paths, strict=True)}


def why_unchecked(lock: Lock) -> str | None:
    """Give why a build does not ask the server anything; None when it does."""
    if lock.check is None:
        return "the spec says check: false"
    found = emulation.obstacle(lock.platform)
    return f"{found.message}; {found.hint}" if found else None


def _realise(
    project: Project, machine: Machine, nix: Nix, stages: Stages, attributes: tuple[str, ...], *, checked: bool
) -> tuple[str, ...]:
    staleness.check_builds_here(project.lock)
    watch = _Watch(project.lock.name, machine, stages)
    began = time.perf_counter()
    machine.progress.start("building", unit="derivations")
    try:
        link = _root(project.spec, machine)
        return nix.build(project.lock_path, attributes, checked=checked, link=link, on_build=watch.on_build)
    except CheckError as error:
        from modelpack.hints import explain  # noqa: PLC0415 - only for failures

        raise explain(error, project.lock.base, (machine.settings, machine.cache, machine.progress)) from error
    except SourceBuildError as error:
        from modelpack.hints import explain_source  # noqa: PLC0415 - only for failures

        raise explain_source(error, project.lock, (machine.settings, machine.cache, machine.progress)) from error
    finally:
        machine.progress.finish("building")
        stages.seconds["build"] = time.perf_counter() - began - stages.seconds.get("check", 0)


def _root(spec: Spec, machine: Machine) -> Path:
    """Give the link that keeps what a spec's last build gave, its image and report too, from the garbage collector."""
    folder = machine.cache / "roots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{spec.name}-{hashlib.sha256(str(spec.path).encode()).hexdigest()[:16]}"


class _Watch:
    """Shows which derivations are being built, and times the check apart from the rest."""

    def __init__(self, name: str, machine: Machine, stages: Stages) -> None:
        self._check = f"check-{name}"
        self._machine = machine
        self._stages = stages
        self._began: dict[str, float] = {}

    def on_build(self, name: str, ended: bool) -> None:
        """Take one event of ``Nix.build``."""
        if not ended:
            self._began[name] = time.perf_counter()
            self._machine.progress.start(f"building {name}", unit="")
            return
        self._machine.progress.finish(f"building {name}")
        self._machine.progress.advance("building", 1)
        if name == self._check:
            self._stages.seconds["check"] = time.perf_counter() - self._began.pop(name)


def _samples(check: LockedCheck) -> int:
    return len(check.requests) + len(check.runs or ())


def internet(folder: Path) -> Iterator[Problem]:
    """Give what the code wanted of the internet in a check that it passed all the same."""
    from modelpack.findings.internet import problems  # noqa: PLC0415 - only where there was a check

    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    yield from problems(report.get("internet", ()), "code")


def warnings(built: Built, nix: Nix) -> Iterator[Problem]:
    """Give what a package was built in spite of."""
    if built.check_path and nix.physical(built.check_path).is_dir():
        yield from internet(nix.physical(built.check_path))
    path = nix.physical(f"{built.store_path}/share/modelpack/environment")
    notes = nix.physical(str(path.readlink())) / "share/modelpack"
    missing: dict[str, list[str]] = json.loads((notes / "missing-libraries.json").read_text(encoding="utf-8"))
    together: dict[str, list[str]] = {}
    for name, owners in missing.items():
        together.setdefault(", ".join(owners), []).append(name)
    for owners_text, names in together.items():
        message = f"nothing provides {', '.join(names)}, which {owners_text} may load"
        yield Problem(where="", message=message, severity="warning", code="MP601")
    conflicts: dict[str, list[str]] = json.loads((notes / "file-conflicts.json").read_text(encoding="utf-8"))
    for place, (winner, *others) in conflicts.items():
        message = f"{winner} and {', '.join(others)} install different files at {place}: those of {winner} are taken"
        hint = "file_conflicts in the spec chooses"
        yield Problem(where="", message=message, hint=hint, severity="warning", code="MP602")
