"""Sources in questions that are only tried: as a lock would take them, except that nothing is built."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from modelpack.lock import Wheel
from modelpack.python import sdist
from modelpack.python.from_source import Sources, shelve, shelved
from modelpack.python.metadata import parse
from modelpack.python.question import Question
from modelpack.python.target import Target
from modelpack.python.uv_tool import UvError
from modelpack.web import http


@contextmanager
def rehearsed(question: Question, *, trusting: bool) -> Iterator[Question]:
    """Give a question with sources of its own, as far as it has some.

    Args:
        question: to be tried.
        trusting: take it that what has to be compiled can be.

    Raises:
        UvError: a wheel of the user's is not for the target.
    """
    if question.sources is None:
        yield question
        return
    with tempfile.TemporaryDirectory(prefix="modelpack-") as folder:
        yield replace(question, sources=_Rehearsal(question.sources, Path(folder), question.target, trusting=trusting))


class _Rehearsal(Sources):
    def __init__(self, real: Sources, folder: Path, target: Target, *, trusting: bool) -> None:
        super().__init__(folder, target=target, store=real.store, workshop=real.workshop)
        self._real, self._trusting = real, trusting
        for name, version in real.owned.items():
            self._take(name, version)
            self.owned[name] = version

    def learn(self, name: str, version: Version) -> None:
        """Take what is known, else what the archive says of itself.

        Raises:
            UvError: nothing tells what it requires; FetchError, ResolveError: the archive is not to be had.
        """
        if self._real.target == self.target and (name, version) in self._real.learnt:
            self._take(name, version)
            return
        file = self.offered[name, version]
        metadata = self._described(file.filename, file.url, file.sha256)
        if not metadata and not self._trusting:
            raise UvError(f"{name} {version} would have to be compiled")
        metadata = metadata or f"Name: {name}\nVersion: {version}\n".encode()
        wheel = Wheel(
            name=name, version=str(version), filename=file.filename, sha256=file.sha256 or "", size=0, source="pypi"
        )
        self.learnt[name, version] = wheel, parse(wheel, metadata)
        shelve(self.folder, name, version, metadata)

    def _described(self, filename: str, url: str, sha256: str | None) -> bytes:
        """Give what an archive says of itself; nothing when it has to be compiled."""
        key = f"{sha256}.described"
        kept = self.store.kept(key) if sha256 else None
        if kept is None:
            facts = sdist.read_archive(filename, http.read(url))
            kept = b"" if facts.compiles else facts.metadata or facts.described
            if sha256:
                self.store.keep(key, kept)
        return kept

    def _take(self, name: str, version: Version) -> None:
        wheel, distribution = self._real.learnt[name, version]
        if wheel.filename.endswith(".whl"):
            tags = parse_wheel_filename(wheel.filename)[3]
            if tags.isdisjoint(self.target.tags()):
                raise UvError(f"{wheel.filename} is not for {self.target}")
        self.learnt[name, version] = wheel, distribution
        shutil.copy(self._real.folder / shelved(name, version), self.folder)
