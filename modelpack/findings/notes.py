"""What was found at an earlier time, by what it follows from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack.codec import CodecError, from_json, to_json
from modelpack.errors import Problem

if TYPE_CHECKING:
    from modelpack.lock import Lock
    from modelpack.locking.machine import Machine
    from modelpack.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """What was found."""

    problems: tuple[Problem, ...]
    complete: bool
    """The package indexes were asked, where something depends on them."""


def place(machine: Machine, key: Sequence[str]) -> Path:
    """Give the file for what follows from ``key``, and from the checks themselves."""
    digest = hashlib.sha256(json.dumps([*key, _own_digest()]).encode()).hexdigest()
    return machine.cache / "findings" / f"{digest}.json"


def python_digest(spec: Spec, lock: Lock) -> str:
    """Give the digest of the distributions, and of how the places are named that ask for them."""
    shown = os.path.relpath(spec.path)
    text = json.dumps([to_json(lock.python), lock.platform, lock.base.glibc, shown, repr(spec.indexes)])
    return hashlib.sha256(text.encode()).hexdigest()


def written(spec: Spec) -> str:
    """Give the digest of the spec's text; empty when it is no file."""
    try:
        return hashlib.sha256(spec.path.read_bytes()).hexdigest()
    except OSError:
        return ""


@functools.cache
def _own_digest() -> str:
    """Give the digest of what decides what is found."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read(file: Path) -> Noted | None:
    """Give what a file keeps; None when it keeps nothing of use."""
    try:
        return from_json(Noted, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, CodecError):
        return None


def write(file: Path, noted: Noted) -> None:
    """Keep it; what cannot be kept only costs time later."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(to_json(noted)), encoding="utf-8")
        temporary.replace(file)
