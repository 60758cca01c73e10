"""Pinning the base and the tools."""

from __future__ import annotations

from modelpack import injection, interpreters, suites
from modelpack.debian import base as debian_base
from modelpack.debian.release import Access
from modelpack.debian.sources import archives_for, named
from modelpack.lock import Deb, DebianBase, Interpreter, Lock
from modelpack.locking.machine import Machine
from modelpack.locking.sources import sources
from modelpack.spec import Spec
from modelpack.store.fetch import seed_nar_sha256
from modelpack.store.nix import system
from modelpack.web import http

ARCHITECTURES = {"linux/amd64": "amd64", "linux/arm64": "arm64", "x86_64-linux": "amd64", "aarch64-linux": "arm64"}
"""Debian's words for platforms and Nix's systems."""


def resolve_base(spec: Spec, interpreter: Interpreter | None, previous: Lock | None, machine: Machine) -> DebianBase:
    """Pin what the archives have now.

    Raises:
        ResolveError, FetchError: as the archives.
    """
    machine.progress.start("resolving the base", unit="")
    try:
        found = _resolve(spec, interpreter, machine)
    finally:
        machine.progress.finish("resolving the base")
    return DebianBase(
        suite=found.suite,
        glibc=found.glibc,
        evidence=found.evidence,
        target=found.target,
        tools=found.tools,
        seed=found.seed,
        seed_nar_sha256=_seed_nar(found.seed, spec, previous, machine),
        tools_suite=None if found.tools_suite == found.suite else found.tools_suite,
        tools_python=None if found.tools_python == spec.python else found.tools_python,
    )


def _resolve(spec: Spec, interpreter: Interpreter | None, machine: Machine) -> debian_base.ResolvedBase:
    configured = machine.settings.archives
    request = debian_base.BaseRequest(
        suite=spec.base.suite,
        python=None if interpreter else spec.python,
        packages=injection.packages(spec),
        target_architecture=ARCHITECTURES[spec.platform],
        build_architecture=ARCHITECTURES[system()],
        other_pythons=interpreters.at_hand(spec, machine.settings),
    )
    access = Access(cache=machine.cache / "debian", read=http.read, progress=machine.progress)
    tools = archives_for(suites.tools_for(request.suite, request.python)[0], configured=configured)
    archives = archives_for(spec.base.suite, configured=configured)
    others = named(spec.base.sources, configured=machine.settings.sources)
    found = debian_base.resolve_base(request, archives, access, tools=tools, named=others)
    if interpreter:
        foreign = request.target_architecture != request.build_architecture
        interpreters.check_compiler(spec, interpreter, found.tools_python, foreign=foreign)
    return found


def _seed_nar(seed: Deb, spec: Spec, previous: Lock | None, machine: Machine) -> str:
    if previous and previous.base.seed.sha256 == seed.sha256:
        return previous.base.seed_nar_sha256
    return seed_nar_sha256(seed, sources=sources(spec, machine), cache=machine.cache, progress=machine.progress)
