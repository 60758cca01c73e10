"""Files that a spec names by address: downloaded once by their sha256, kept in the cache, unpacked when asked for."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelpack.errors import FetchError
from modelpack.progress import Progress
from modelpack.spec import Remote, Source
from modelpack.store.storepath import flat_path, store_name

_FOLDER, _UNPACKED = "assets", "unpacked"
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, tarfile.TarError, zipfile.BadZipFile)


def place(source: Source, cache: Path) -> Path:
    """Give where a source lies on this machine; one with an address may still have to be brought there.

    A file that is in the Nix store already is not wanted in the cache too.
    """
    remote = source.remote
    if remote is None:
        return source.path
    folder = cache / _FOLDER / remote.sha256
    if remote.unpack:
        return folder / _UNPACKED
    kept = folder / source.path.name
    stored = Path(flat_path(store_name(source.path.name), remote.sha256))
    return stored if not kept.is_file() and stored.is_file() else kept


def identity(sources: Mapping[str, Source]) -> str | None:
    """Give the digest of what a tree is made of, by path; None when some of it has no address, and may change."""
    remotes = {path: source.remote for path, source in sources.items()}
    if not remotes or not all(remotes.values()):
        return None
    listing = sorted((path, remote.sha256, remote.unpack) for path, remote in remotes.items() if remote)
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def bring(sources: Iterable[Source], cache: Path, progress: Progress, mirrors: Sequence[str]) -> None:
    """Bring sources with addresses to their places, those that are not there.

    Args:
        sources: of a spec.
        cache: modelpack's.
        progress: told the bytes.
        mirrors: addresses laid out ``sha256/<hex>``, asked before the source's own.

    Raises:
        FetchError: one cannot be had, or cannot be unpacked.
    """
    for source in sources:
        if source.remote and not place(source, cache).exists():
            _bring(source, source.remote, cache, progress, mirrors)


def _bring(source: Source, remote: Remote, cache: Path, progress: Progress, mirrors: Sequence[str]) -> None:
    folder = cache / _FOLDER / remote.sha256
    target = folder / source.path.name
    with _alone(folder):
        if not target.is_file():
            _download(source, remote, target, progress, mirrors)
        if remote.unpack and not (folder / _UNPACKED).is_dir():
            _unpack(target, folder / _UNPACKED, source.key)


def _download(source: Source, remote: Remote, target: Path, progress: Progress, mirrors: Sequence[str]) -> None:
    from modelpack.web import http  # noqa: PLC0415 - only when something is missing

    part = target.with_name("part")
    task = f"download {source.path.name}"
    tries: list[str] = []
    progress.start(task)
    try:
        for url in (*(f"{mirror.rstrip('/')}/sha256/{remote.sha256}" for mirror in mirrors), remote.url):
            try:
                http.download(
                    url, part, size=None, sha256=remote.sha256, on_bytes=lambda count: progress.advance(task, count)
                )
            except http.HttpError as error:
                tries += [error.message, *(f"  {line}" for line in error.details)]
            else:
                part.replace(target)
                return
    finally:
        progress.finish(task)
    hint = "see that the address and the sha256 are right, or add a source that has it (artifacts.sources)"
    raise FetchError(f"{source.key}: {source.path.name} could not be had", hint=hint, details=tuple(tries))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a folder from other runs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FetchError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unpack(archive: Path, folder: Path, key: str) -> None:
    """Unpack an archive whole, or not at all.

    Raises:
        FetchError: it is none, or something in it would lie outside.
    """
    temporary = folder.with_name("unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        if zipfile.is_zipfile(archive):
            _unzip(archive, temporary)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter="data")
        temporary.replace(folder)
    except _DAMAGED as error:
        shutil.rmtree(temporary, ignore_errors=True)
        hint = "a zip or tar archive is unpacked, plain or compressed with gzip, bzip2 or xz"
        raise FetchError(f"{key}: {archive.name} cannot be unpacked: {error}", hint=hint) from error


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        for info in content.infolist():
            parts = Path(info.filename).parts
            if info.filename.startswith("/") or ".." in parts or "\\" in info.filename:
                raise ValueError(f"{info.filename} would lie outside")
            path = Path(content.extract(info, folder))
            if not info.is_dir() and info.external_attr >> 16 & 0o100:
                path.chmod(0o755)
