"""Spec to lock: what is still right is kept, what is not is resolved anew."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack import conda, injection, interpreters, places, projects, suites
from modelpack.errors import LockError, Problem, SpecError
from modelpack.images import locked as locked_image
from modelpack.lock import (
    VERSION,
    BuildTools,
    CondaPackage,
    DebianBase,
    Digests,
    FileEntry,
    ImageBase,
    Interpreter,
    Lock,
    LockedCheck,
    LockedImage,
    LockedRequest,
    LockedRequirement,
    LockedRun,
    LockedWeights,
    Python,
    Tree,
    Wheel,
    to_text,
)
from modelpack.progress import Progress
from modelpack.settings import Settings
from modelpack.spec import CheckRequest, IndexAddress, Indexes, Requirement, Source, Spec
from modelpack.store import files, remote
from modelpack.store.made import keep
from modelpack.store.nix import system
from modelpack.weights import judge
from modelpack.weights.scan import weigh

if TYPE_CHECKING:
    from modelpack.python.question import Choice
    from modelpack.store.download import Sources
    from modelpack.workshop import Workshop

_ARCHITECTURES = {"linux/amd64": "amd64", "linux/arm64": "arm64", "x86_64-linux": "amd64", "aarch64-linux": "arm64"}
# Raised when the same spec has to be resolved to something else: it makes every lock's sections stale.
_RESOLVER = 1
_BODY = "request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What locking needs of this machine."""

    settings: Settings
    cache: Path
    progress: Progress
    sandbox: bool = True
    """False builds from source without Nix's sandbox."""


def layouts(spec: Spec, cache: Path) -> dict[str, files.Layout]:
    """Give what every tree of the lock is made of, by the tree's name.

    Args:
        spec: the spec.
        cache: where files lie that are made and not the user's.
    """
    trees: dict[str, files.Layout] = {
        tree: {path: remote.place(source, cache) for path, source in sources.items()}
        for tree, sources in _assets(spec).items()
    }
    if spec.code:
        path = spec.code.source.path
        trees["code"] = {"" if path.is_dir() else path.name: path}
    if programs := injection.programs(spec, cache / "made"):
        trees["server"] = programs
    if samples := _samples(spec, cache / "made"):
        trees["samples"] = samples
    return {**trees, **projects.layouts(spec)}


def _assets(spec: Spec) -> dict[str, dict[str, Source]]:
    """Give the models and inputs: by tree, by path in it."""
    model = {places.model_path(name, source): source for name, source in spec.models.items()}
    return {"model": model} | {f"input-{name}": {item.path.name: item} for name, item in spec.inputs.items()}


def bring(spec: Spec, machine: Machine) -> None:
    """Download what the spec names by address and this machine has not.

    Raises:
        FetchError: something cannot be had.
    """
    sources = [source for tree in _assets(spec).values() for source in tree.values()]
    remote.bring(sources, machine.cache, machine.progress, machine.settings.artifacts)


def _samples(spec: Spec, made: Path) -> dict[str, Path]:
    found = {}
    for request in spec.check.requests if spec.check else ():
        for kind, source in (("request", request.request), ("response", request.response)):
            if source:
                found[_sample_path(request, kind, source)] = source.path
        if request.body is not None:
            found[f"{request.name}/{_BODY}"] = keep(made, _BODY, request.body)
    return found


def make(spec: Spec, previous: Lock | None, machine: Machine, *, upgrade: bool | Sequence[str] = False) -> Lock:
    """Give the lock of a spec, keeping from the previous one what was made from the same.

    Args:
        spec: the spec.
        previous: the lock there is.
        machine: where to look and whom to tell.
        upgrade: True resolves everything anew; names do so for those Python distributions.

    Raises:
        SpecError: files that cannot be packaged.
        ResolveError: a base or requirements that are not to be had; FetchError and ToolError as the resolvers.
    """
    trees = _scan(spec, machine, previous)
    # Before anything is asked of the network.
    weights = _weigh(spec, trees, previous, machine)
    interpreter, digest = (
        previous.python.interpreter if previous else None,
        interpreters.digest(spec, _scanner(machine)),
    )
    if previous is None or upgrade is True or previous.digests.interpreter != digest:
        interpreter = interpreters.resolve(spec, machine.settings, _ways(spec, machine))
    base = previous.base if previous else None
    if previous is None or base is None or upgrade is True or previous.digests.base != _base_digest(spec, interpreter):
        base = _resolve_base(spec, interpreter, previous, machine)
    kept = None if upgrade is True else previous
    image = locked_image.resolve(spec, kept, machine.settings, machine.progress)
    pins = _Pins(base=base, interpreter=interpreter, interpreter_digest=digest, image=image)
    found = Distributions.of(previous)
    if previous is None or upgrade or previous.digests.python != _python_digest(spec, pins, trees):
        found = _resolve_python(_assemble(spec, trees, pins, Distributions()), spec, found, machine, upgrade)
    _judge_file_conflicts(spec, found.wheels)
    return _judged(replace(_assemble(spec, trees, pins, found), weights=weights), spec, machine)


def staleness(spec: Spec, lock: Lock, machine: Machine) -> tuple[str, ...]:
    """Give why a lock is not its spec's, without asking any index; nothing when it is."""
    pins = _pins_of(lock, interpreters.digest(spec, _scanner(machine)))
    fresh = _assemble(spec, _scan(spec, machine, lock), pins, Distributions.of(lock))
    fresh = _weighed(fresh, spec, lock, machine)
    reasons = []
    if fresh.digests.interpreter != lock.digests.interpreter:
        reasons.append("python: the interpreter is another one now")
    if fresh.digests.base != lock.digests.base:
        reasons.append("base: the suite, its packages, Python or a platform is another one now")
    if fresh.digests.image != lock.digests.image:
        reasons.append("base.image: the image or the platform is another one now")
    if fresh.digests.python != lock.digests.python:
        reasons.append("requirements: they are other ones now")
    for name in sorted({*fresh.trees, *lock.trees}):
        reasons += _changes(name, lock.trees.get(name), fresh.trees.get(name))
    for field in (
        "name",
        "package_version",
        "description",
        "environment_variables",
        "server",
        "check",
        "image",
        "links",
        "weights",
        "file_conflicts",
    ):
        if getattr(fresh, field) != getattr(lock, field):
            reasons.append(f"{field}: the spec says something else now")
    if not reasons and fresh != lock:
        reasons.append("requirements: they stand in other places now")
    return tuple(reasons)


def check_fresh(spec: Spec, lock: Lock | None, machine: Machine) -> Lock:
    """Give the lock when it is its spec's.

    Raises:
        LockError: there is none, or it is stale; says why.
    """
    path = spec.lock_path
    if lock is None:
        raise LockError(f"there is no {path.name}", hint="run: modelpack lock")
    reasons = staleness(spec, lock, machine)
    if reasons:
        raise LockError(f"{path.name} is stale", details=reasons, hint="run: modelpack lock")
    return _judged(lock, spec, machine)


def check_builds_here(lock: Lock) -> None:
    """Refuse a lock whose tools are for another kind of machine.

    Raises:
        LockError: they are.
    """
    if lock.build_system != system():
        raise LockError(
            f"the lock has tools to build on {lock.build_system}, this machine is {system()}",
            hint="run: modelpack lock, or build on such a machine",
        )


def sources(spec: Spec, machine: Machine) -> Sources:
    """Give where artifacts may be had: the machine's own sources, its archives of the suite, and snapshots."""
    from modelpack.debian.sources import archives_for  # noqa: PLC0415 - not for a no-op build
    from modelpack.store.download import Sources  # noqa: PLC0415

    def locate_wheels(wheels: Sequence[Wheel]) -> Mapping[str, str]:
        from modelpack.python.index import locate  # noqa: PLC0415 - only when wheels are missing
        from modelpack.python.scope import Scope  # noqa: PLC0415

        return locate(wheels, python=spec.python, scope=Scope(spec.path.parent, spec.indexes))

    settings = machine.settings
    names = {spec.base.suite, *(suites.tools_for(spec.base.suite, python)[0] for python in (spec.python, None))}
    archives = [archive.uri for name in sorted(names) for archive in archives_for(name, configured=settings.archives)]
    return Sources(
        artifacts=settings.artifacts,
        archives=tuple(dict.fromkeys((*archives, *settings.snapshots))),
        interpreters=interpreters.addresses(spec, settings, lambda source: remote.place(source, machine.cache)),
        locate_conda=lambda package: conda.addresses(package, settings.channels),
        locate_wheels=locate_wheels,
        locate_blob=locked_image.locator(spec, settings),
    )


def write(lock: Lock, path: Path) -> bool:
    """Write the lock whole or not at all; False when the file had these bytes already."""
    data = to_text(lock).encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise LockError(f"{path.name} cannot be written: {error.strerror}") from error
    return True


def _weighed(lock: Lock, spec: Spec, previous: Lock | None, machine: Machine) -> Lock:
    """Give the lock with what its weights are; those of trees that the previous one has too are not read again."""
    return replace(lock, weights=weigh(lock.trees, layouts(spec, machine.cache), previous))


def _weigh(spec: Spec, trees: Mapping[str, Tree], previous: Lock | None, machine: Machine) -> LockedWeights:
    """Give what the weights are.

    Raises:
        SpecError: with all that are damaged, or else with all that may not be in the package.
    """
    weights = weigh(trees, layouts(spec, machine.cache), previous)
    if problems := tuple(dict.fromkeys(judge.refusals(weights, *_policies(spec, machine)))):
        raise SpecError(problems)
    return weights


def _policies(spec: Spec, machine: Machine) -> tuple[tuple[str, Sequence[str] | None], ...]:
    """Give who says which kinds of weights are allowed, and which."""
    return (
        (f"{spec.path.name}: formats", spec.formats),
        ("weights.formats of this machine", machine.settings.formats),
    )


def _judged(lock: Lock, spec: Spec, machine: Machine) -> Lock:
    """Give the lock, when its weights may be in it and fit it; what is worth knowing of them is told.

    Raises:
        SpecError: with all that may not, or do not.
    """
    if problems := tuple(dict.fromkeys(judge.problems(lock, *_policies(spec, machine)))):
        raise SpecError(problems)
    for notice in judge.notices(lock):
        machine.progress.note(f"{notice.severity}: {notice}")
    return lock


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pins:
    """What requirements are resolved on."""

    base: DebianBase
    interpreter: Interpreter | None
    interpreter_digest: str | None
    image: ImageBase | None = None


def _pins_of(lock: Lock, interpreter_digest: str | None) -> _Pins:
    return _Pins(
        base=lock.base,
        interpreter=lock.python.interpreter,
        interpreter_digest=interpreter_digest,
        image=lock.image_base,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Distributions:
    """What requirements are resolved to."""

    wheels: tuple[Wheel, ...] = ()
    build: BuildTools | None = None

    @classmethod
    def of(cls, lock: Lock | None) -> Distributions:
        """Give what a lock has; nothing for none."""
        return cls(wheels=lock.python.wheels, build=lock.python.build) if lock else cls()


def _assemble(spec: Spec, trees: dict[str, Tree], pins: _Pins, found: Distributions) -> Lock:
    names = [name for name in trees if name != "samples"]
    places.require(spec.links, names, image=spec.base.image is not None, where=spec.path.name)
    return Lock(
        version=VERSION,
        name=spec.name,
        package_version=spec.version,
        description=spec.description,
        platform=spec.platform,
        build_system=system(),
        digests=Digests(
            python=_python_digest(spec, pins, trees),
            base=_base_digest(spec, pins.interpreter),
            interpreter=pins.interpreter_digest,
            image=locked_image.digest(spec),
        ),
        environment_variables=spec.environment_variables,
        server=injection.resolve_server(spec),
        check=_check(spec),
        image=LockedImage(user=spec.image.user, labels=spec.image.labels, compression=spec.image.compression),
        trees=trees,
        python=Python(
            version=spec.python,
            requirements=_requirements(spec),
            wheels=found.wheels,
            build=found.build,
            interpreter=pins.interpreter,
        ),
        base=pins.base,
        image_base=pins.image,
        links=dict(spec.links) or None,
        file_conflicts=dict(spec.file_conflicts) or None,
    )


def _judge_file_conflicts(spec: Spec, wheels: tuple[Wheel, ...]) -> None:
    """Refuse winners that are not there.

    Raises:
        SpecError: with all of them.
    """
    locked = {wheel.name for wheel in wheels}
    problems = tuple(
        Problem(
            where=f"{spec.path.name}: file_conflicts.{path}",
            message=f"not a distribution that the package has: {name}",
            hint="modelpack why NAME says what it has and why",
        )
        for path, name in spec.file_conflicts.items()
        if name not in locked
    )
    if problems:
        raise SpecError(problems)


def _scan(spec: Spec, machine: Machine, previous: Lock | None = None) -> dict[str, Tree]:
    """Give all trees; what was downloaded for the previous lock need not be here for this one."""
    trees = dict(previous.trees) if previous else {}
    assets = _assets(spec)
    made_of = {name: remote.identity(sources) for name, sources in assets.items()}
    known = {name for name, found in made_of.items() if found and name in trees and trees[name].made_of == found}
    wanted = [source for name, sources in assets.items() if name not in known for source in sources.values()]
    remote.bring(wanted, machine.cache, machine.progress, machine.settings.artifacts)
    return {
        name: trees[name]
        if name in known
        else replace(
            files.scan(layout, cache=machine.cache / "files", progress=machine.progress, name=name),
            made_of=made_of.get(name),
        )
        for name, layout in layouts(spec, machine.cache).items()
    }


def _solve_conda(spec: Spec, machine: Machine) -> tuple[CondaPackage, ...]:
    """Solve, and look into the archives for the Python distributions that they bring."""
    from modelpack.store.artifacts import conda_artifact  # noqa: PLC0415 - only where conda is asked for
    from modelpack.store.fetch import keep  # noqa: PLC0415

    machine.progress.start("solving packages of conda", unit="")
    try:
        solved = conda.solve(spec, machine.settings.channels, machine.cache / "conda")
    finally:
        machine.progress.finish("solving packages of conda")
    wanted = [conda_artifact(package) for package in solved]
    archives = keep(wanted, sources=sources(spec, machine), cache=machine.cache, progress=machine.progress)
    by_sha256 = {archive.parent.name: archive for archive in archives}
    packages = []
    for package in solved:
        distributions, scripts = conda.describe(by_sha256[package.sha256])
        if scripts:
            machine.progress.note(f"conda's {package.name} has scripts for its installation, which are not run")
        packages.append(replace(package, distributions=distributions or None))
    return tuple(packages)


def _conda_limits(spec: Spec, pins: _Pins, cache: Path) -> tuple[Indexes, tuple[Requirement, ...]]:
    """Have the resolver take what conda brings as it is."""
    packages = pins.interpreter.conda if pins.interpreter else ()
    if not packages:
        return spec.indexes, ()
    folder = cache / "conda-stand-ins" / _digest(sorted(package.sha256 for package in packages))[:32]
    versions = conda.write_stand_ins(packages, folder)
    address = IndexAddress(written="packages of conda", url=str(folder))
    held = tuple(Requirement(text=f"{name}=={version}", origin="conda") for name, version in versions.items())
    return replace(spec.indexes, links=(*spec.indexes.links, address)), held


def _ways(spec: Spec, machine: Machine) -> interpreters.Ways:
    def find(source: Source) -> Path:
        remote.bring((source,), machine.cache, machine.progress, machine.settings.artifacts)
        return remote.place(source, machine.cache)

    return interpreters.Ways(scan=_scanner(machine), find=find, solve=lambda: _solve_conda(spec, machine))


def _scanner(machine: Machine) -> interpreters.Scan:
    def scan(path: Path) -> FileEntry:
        layout = {path.name: path}
        return files.scan(layout, cache=machine.cache / "files", progress=machine.progress, name=path.name).files[0]

    return scan


def _sample_path(request: CheckRequest, kind: str, source: Source) -> str:
    return f"{request.name}/{kind}{source.path.suffix}"


def _request_path(request: CheckRequest) -> str | None:
    if request.request:
        return _sample_path(request, "request", request.request)
    return None if request.body is None else f"{request.name}/{_BODY}"


def _check(spec: Spec) -> LockedCheck | None:
    if spec.check is None:
        return None
    server = injection.resolve_server(spec)
    if server.job:
        runs = tuple(_run(request) for request in spec.check.requests)
        return LockedCheck(timeout=_decimal(spec.check.timeout), requests=(), runs=runs)
    return LockedCheck(
        timeout=_decimal(spec.check.timeout),
        requests=tuple(
            LockedRequest(
                name=request.name,
                method=request.method,
                route=request.route or server.routes["scoring"],
                content_type=request.content_type,
                request=_request_path(request),
                status=request.status,
                response=_sample_path(request, "response", request.response) if request.response else None,
                tolerance=_decimal(request.tolerance),
            )
            for request in spec.check.requests
        ),
    )


def _run(request: CheckRequest) -> LockedRun:
    assert request.request is not None  # noqa: S101 - load_spec refuses a job without
    return LockedRun(
        name=request.name,
        input=_sample_path(request, "request", request.request),
        output=_sample_path(request, "response", request.response) if request.response else None,
        tolerance=_decimal(request.tolerance),
    )


def _decimal(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _requirements(spec: Spec) -> tuple[LockedRequirement, ...]:
    own = tuple(LockedRequirement(requirement=item.text, origin=item.origin) for item in spec.requirements)
    return (*own, *injection.server_requirements(spec))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps([_RESOLVER, value], sort_keys=True).encode()).hexdigest()


def _base_digest(spec: Spec, interpreter: Interpreter | None) -> str:
    packages, python = sorted(injection.packages(spec)), None if interpreter else spec.python
    return _digest([spec.base.distribution, spec.base.suite, packages, python, spec.platform, system()])


def _python_digest(spec: Spec, pins: _Pins, trees: Mapping[str, Tree]) -> str:
    requirements = sorted(item.requirement for item in _requirements(spec))
    own = [[name, files.digest(tree)] for name, tree in sorted(trees.items()) if name.startswith(projects.PREFIX)]
    built = [own, sorted(spec.base.build_packages)] if own or spec.base.build_packages else []
    target = [_python_patch(spec, pins), spec.platform, pins.base.glibc]
    return _digest([requirements, _limits(spec), *target, *built])


def _limits(spec: Spec) -> list[object]:
    """Give what decides which versions and files are chosen, without credentials and values of variables."""
    named = spec.indexes
    addresses = [one.written for one in (*((named.default,) if named.default else ()), *named.extra, *named.links)]
    return [
        sorted(item.text for item in spec.constraints),
        sorted([item.text, *sorted(item.hashes)] for item in (*spec.requirements, *spec.constraints) if item.hashes),
        [addresses, named.none, named.prereleases],
    ]


def _python_patch(spec: Spec, pins: _Pins) -> str:
    """Give the version of the package's Python with its patch, which markers may ask for: ``3.11.2``."""
    if pins.interpreter:
        return pins.interpreter.version
    versions = (deb.version for deb in pins.base.target.packages if deb.name == f"python{spec.python}")
    match = re.search(rf"{re.escape(spec.python)}\.\d+", next(versions, ""))
    return match[0] if match else spec.python


def _resolve_base(spec: Spec, interpreter: Interpreter | None, previous: Lock | None, machine: Machine) -> DebianBase:
    # Resolving loads what most runs do not need.
    from modelpack.debian import base as debian_base  # noqa: PLC0415
    from modelpack.debian.release import Access  # noqa: PLC0415
    from modelpack.debian.sources import archives_for  # noqa: PLC0415
    from modelpack.store.fetch import seed_nar_sha256  # noqa: PLC0415
    from modelpack.web import http  # noqa: PLC0415

    machine.progress.start("resolving the base", unit="")
    try:
        archives = archives_for(spec.base.suite, configured=machine.settings.archives)
        request = debian_base.BaseRequest(
            suite=spec.base.suite,
            python=None if interpreter else spec.python,
            packages=injection.packages(spec),
            target_architecture=_ARCHITECTURES[spec.platform],
            build_architecture=_ARCHITECTURES[system()],
            other_pythons=interpreters.at_hand(spec, machine.settings),
        )
        access = Access(cache=machine.cache / "debian", read=http.read, progress=machine.progress)
        tools = archives_for(suites.tools_for(request.suite, request.python)[0], configured=machine.settings.archives)
        found = debian_base.resolve_base(request, archives, access, tools=tools)
        if interpreter:
            foreign = request.target_architecture != request.build_architecture
            interpreters.check_compiler(spec, interpreter, found.tools_python, foreign=foreign)
    finally:
        machine.progress.finish("resolving the base")
    if previous and previous.base.seed.sha256 == found.seed.sha256:
        nar = previous.base.seed_nar_sha256
    else:
        nar = seed_nar_sha256(
            found.seed, sources=sources(spec, machine), cache=machine.cache, progress=machine.progress
        )
    return DebianBase(
        suite=found.suite,
        glibc=found.glibc,
        evidence=found.evidence,
        target=found.target,
        tools=found.tools,
        seed=found.seed,
        seed_nar_sha256=nar,
        tools_suite=None if found.tools_suite == found.suite else found.tools_suite,
        tools_python=None if found.tools_python == spec.python else found.tools_python,
    )


def _resolve_python(
    lock: Lock, spec: Spec, previous: Distributions, machine: Machine, upgrade: bool | Sequence[str]
) -> Distributions:
    """Pin the distributions of a lock that has everything else."""
    from modelpack.python import resolve as python_resolve  # noqa: PLC0415 - packaging and uv, which most runs do not need
    from modelpack.python.from_source import Sources as PythonSources  # noqa: PLC0415
    from modelpack.python.metadata import MetadataStore  # noqa: PLC0415
    from modelpack.python.question import Limits  # noqa: PLC0415
    from modelpack.python.scope import Scope  # noqa: PLC0415
    from modelpack.python.target import Target  # noqa: PLC0415

    pins = _pins_of(lock, None)
    indexes, held = _conda_limits(spec, pins, machine.cache)
    python, scope = _python_patch(spec, pins), Scope(spec.path.parent, indexes)
    kept = Distributions() if upgrade is True else previous
    renewed = () if isinstance(upgrade, bool) else upgrade
    with tempfile.TemporaryDirectory(prefix="modelpack-") as folder:
        found = PythonSources(
            Path(folder),
            target=Target(python, spec.platform, pins.base.glibc),
            store=MetadataStore(machine.cache),
            workshop=_workshop(lock, spec, kept.build, machine),
            previous=[wheel for wheel in kept.wheels if wheel.name not in renewed],
            pool=kept.build.wheels if kept.build else (),
        )
        for own in projects.own(spec, lock.trees):
            found.add(own)
        resolved = python_resolve.resolve(
            _requirements(spec),
            python=python,
            platform=spec.platform,
            glibc=pins.base.glibc,
            cache=machine.cache,
            progress=machine.progress,
            previous=previous.wheels,
            upgrade=upgrade,
            scope=scope,
            limits=Limits(
                constraints=(*spec.constraints, *held),
                hashed=tuple(item for item in (*spec.requirements, *spec.constraints) if item.hashes),
            ),
            choices=tuple(_choices(spec, pins)),
            sources=found,
        )
        wheels = tuple(wheel for wheel in resolved if not conda.is_stand_in(wheel.version))
        return Distributions(wheels=wheels, build=found.pool(wheels))


def _workshop(lock: Lock, spec: Spec, previous: BuildTools | None, machine: Machine) -> Workshop:
    from modelpack.python.scope import Scope  # noqa: PLC0415
    from modelpack.workshop import Workshop  # noqa: PLC0415 - HTTP, which most runs do not need

    architecture = _ARCHITECTURES[system()]
    return Workshop(
        template=lock,
        python=_python_patch(spec, _pins_of(lock, None)),
        platform=f"linux/{architecture}",
        packages=spec.base.build_packages,
        layouts=projects.layouts(spec),
        sources=sources(spec, machine),
        settings=machine.settings,
        cache=machine.cache,
        scope=Scope(spec.path.parent, spec.indexes),
        progress=machine.progress,
        sandbox=machine.sandbox,
        previous=previous,
    )


def _choices(spec: Spec, pins: _Pins) -> Iterator[Choice]:
    """Give what else the spec could ask, which is tried when its requirements cannot be met."""
    from modelpack.python.question import Choice  # noqa: PLC0415 - packaging, which most runs do not need

    for name, suite in suites.SUITES.items():
        python = suite.pythons[0]
        if python != spec.python:
            text = f'base: debian:{name}, with python: "{python}"'
            yield Choice(text=text, requirements=_requirements(spec), python=python, glibc=suite.glibc)
    for name in injection.like(spec.server.name):
        other = replace(spec, server=replace(spec.server, name=name, version=None))
        python = _python_patch(spec, pins)
        yield Choice(text=f"server: {name}", requirements=_requirements(other), python=python, glibc=pins.base.glibc)


def _changes(name: str, before: Tree | None, now: Tree | None) -> list[str]:
    """Name the files of a tree that differ, a few of them."""
    old = {entry.path: entry for entry in before.files} if before else {}
    new = {entry.path: entry for entry in now.files} if now else {}
    lines = [f"{name}: {path}: changed" for path, entry in new.items() if path in old and old[path] != entry]
    lines += [f"{name}: {path}: new" for path in new if path not in old]
    lines += [f"{name}: {path}: gone" for path in old if path not in new]
    shown = 5
    return [*lines[:shown], f"{name}: and {len(lines) - shown} more"] if len(lines) > shown + 1 else lines
