"""A spec to all that can be found in it and in what it resolves to, before anything is built."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack import lockfile
from modelpack.codec import CodecError, from_json, to_json
from modelpack.errors import Problem
from modelpack.findings.silencing import silence
from modelpack.weights import judge

if TYPE_CHECKING:
    from modelpack.lock import Lock
    from modelpack.locking.machine import Machine
    from modelpack.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """What was found at an earlier time."""

    problems: tuple[Problem, ...]
    complete: bool
    """The package indexes were asked, where something depends on them."""


def examine(spec: Spec, lock: Lock, machine: Machine, *, again: bool = False) -> tuple[Problem, ...]:
    """Give everything that is found, in order, with what the spec silences marked.

    What was found before of the same spec and lock is repeated, without looking again.

    Args:
        spec: what the user wrote.
        lock: what it resolves to.
        machine: where notes are kept, and the indexes are known.
        again: ask the indexes again, when they did not answer before.
    """
    # The only step of a build without changes that costs more than a glance.
    file = machine.cache / "findings" / f"{_key(spec, lock)}.json"
    noted = _read(file)
    if noted is None or (again and not noted.complete):
        noted = _look(spec, lock, machine)
        _write(file, noted)
    return _finished(spec, (*spec.notices, *judge.notices(lock), *noted.problems))


def examine_spec(spec: Spec) -> tuple[Problem, ...]:
    """Give what is found in a spec that resolves to nothing."""
    from modelpack.findings.checks import of_spec  # noqa: PLC0415 - only what is needed

    return _finished(spec, (*spec.notices, *of_spec(spec)))


def _finished(spec: Spec, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    if not problems:
        return ()
    from modelpack.findings.report import ordered  # noqa: PLC0415 - only where there is something

    return ordered(silence(problems, spec.ignored))


def _look(spec: Spec, lock: Lock, machine: Machine) -> Noted:
    from modelpack.findings.checks import of_lock, of_spec  # noqa: PLC0415 - packaging, which most runs do not need

    machine.progress.start("looking for mistakes", unit="")
    try:
        problems, complete = of_lock(spec, lock, machine)
        return Noted(problems=(*of_spec(spec), *problems), complete=complete)
    finally:
        machine.progress.finish("looking for mistakes")


def _key(spec: Spec, lock: Lock) -> str:
    """Give what decides the result, and how files are named in it."""
    try:
        written = hashlib.sha256(spec.path.read_bytes()).hexdigest()
    except OSError:
        written = ""
    value = [lockfile.digest(lock), written, str(spec.path), os.path.relpath(spec.path), _own_digest()]
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _own_digest() -> str:
    """Give the digest of what decides what is found."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> Noted | None:
    try:
        return from_json(Noted, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, CodecError):
        return None


def _write(file: Path, noted: Noted) -> None:
    """Keep it; what cannot be kept only costs time later."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(to_json(noted)), encoding="utf-8")
        temporary.replace(file)


def errors(problems: tuple[Problem, ...]) -> Iterator[Problem]:
    """Give those that refuse the package."""
    return (problem for problem in problems if problem.severity == "error" and problem.reason is None)
