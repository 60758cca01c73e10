"""What was built of which lock, so that nothing is asked for again when nothing has changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelpack import lockfile
from modelpack.codec import CodecError, from_json, to_json
from modelpack.lock import Lock
from modelpack.resources import root
from modelpack.store.nix import Nix


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A package in the store, and its identity."""

    name: str
    version: str
    store_path: str
    image_path: str
    check_path: str | None
    """Where the check's report lies; None for a package that was not checked."""
    image_digest: str
    """Of the OCI manifest."""
    image_size: int
    """Bytes of all blobs of the image."""
    lock_digest: str
    checked: bool
    answers: int = 0
    """Sample requests that were answered as expected; none of a checked package's: it was only seen to be ready."""
    unchecked_because: str | None = None
    """Why the server was not started, on this machine."""
    hermetic: bool
    closure_bytes: int
    """NAR sizes of the closure, summed."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage; ``build`` without the time of ``check``."""


class Record:
    """The note of one build; it may be deleted at any time.

    Args:
        folder: where notes are kept.
        lock: what was built.
        nix: the store, and whether the sandbox was on.
        link: what keeps the last build's paths from the garbage collector.
        checked: whether the server had to answer.
    """

    def __init__(self, folder: Path, lock: Lock, nix: Nix, link: Path, *, checked: bool) -> None:
        key = [lockfile.digest(lock), _library_digest(), str(nix.store), nix.sandbox, checked]
        self._file = folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.json"
        self._nix = nix
        self._link = link

    def read(self) -> Built | None:
        """Give what was built, when the store still has all of it."""
        try:
            built = from_json(Built, json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, CodecError):
            return None
        paths = [path for path in (built.store_path, built.image_path, built.check_path) if path]
        return built if self._nix.holds(paths, self._link) else None

    def write(self, built: Built) -> None:
        """Keep a note; one that cannot be kept only costs time later."""
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(to_json(replace(built, stages={}))), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _library_digest() -> str:
    """Give the digest of all that decides, beside the lock, what is built: the Nix library and the builders."""
    digest = hashlib.sha256()
    for folder in (root("nix") / "lib", Path(__file__).parent / "builders"):
        for path in sorted(folder.iterdir()):
            if path.is_file():
                digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
