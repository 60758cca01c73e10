"""Bring every artifact of a lock into the store, in parallel; what is there already is not touched."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelpack.errors import FetchError
from modelpack.lock import Deb, FileEntry, Wheel
from modelpack.parallel import Stop, run
from modelpack.progress import Progress
from modelpack.store import seed
from modelpack.store.artifacts import Artifact, LargeFile, Seed, SmallFiles, Store, Wanted, seed_artifact
from modelpack.store.download import Downloader, Sources, Unavailable
from modelpack.store.files import Layout, locate

__all__ = ["FetchReport", "Sources", "Store", "fetch", "seed_nar_sha256"]

_TASK = "fetch"
_ALONE = 64 << 20
"""Bytes from which a file is added by a call of its own, beside others."""
_RELOCK = "run: modelpack lock"
_PARTIAL, _STAGING = "partial", "staging-"
_ABANDONED = 24 * 3600
"""Seconds after which nobody fills a staging folder any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchReport:
    """What a fetch did."""

    artifacts: int
    """Artifacts that the lock has."""
    added: int
    """Of these, were not in the store."""
    downloaded: int
    """Bytes that came from sources, those of earlier interrupted runs not counted."""
    seconds: float


def fetch(
    wanted: Wanted,
    *,
    layouts: Mapping[str, Layout],
    sources: Sources,
    store: Store,
    cache: Path,
    progress: Progress,
) -> FetchReport:
    """Bring every artifact of a lock into the store.

    Args:
        wanted: what to bring.
        layouts: where the user's files are, by the names of the lock's trees.
        sources: where the rest is.
        store: takes it all.
        cache: folder for downloads that are not whole yet; the next run goes on from them.
        progress: told the bytes.

    Raises:
        FetchError: artifacts that could not be had, all of them and what each source answered; or no space left.
    """
    begun = time.monotonic()
    # The largest first, so that the end is not one long download alone.
    todo = sorted(wanted.absent, key=lambda item: -item.size)
    stop = Stop()
    wheels = [item.origin for item in todo if isinstance(item.origin, Wheel)]
    downloader = Downloader(sources, cache / _PARTIAL, wheels=wheels, stop=stop)
    job = _Job(layouts=layouts, store=_Adder(store), downloader=downloader, cache=cache, progress=progress)
    results = _work(job, todo, sources.jobs, stop) if todo else ()
    failures = [result for result in results if isinstance(result, Unavailable)]
    if failures:
        raise _error(failures, len(todo))
    _sweep(wanted.all, Downloader(sources, cache / _PARTIAL, stop=Stop()), cache)
    return FetchReport(
        artifacts=len(wanted.all),
        added=len(todo),
        downloaded=sum(result for result in results if isinstance(result, int)),
        seconds=time.monotonic() - begun,
    )


def seed_nar_sha256(deb: Deb, *, sources: Sources, cache: Path, progress: Progress) -> str:
    """Give the hash of the seed that a Debian package gives; the package is kept for ``fetch`` to use.

    Raises:
        FetchError: it could not be had, or is not what it should be.
    """
    artifact = seed_artifact(deb, "")
    downloader = Downloader(sources, cache / _PARTIAL, stop=Stop())
    progress.start(_TASK, total=artifact.size)
    try:
        with downloader.reserve(artifact, lambda: None, keep=True) as file:
            downloader.fetch(artifact, file, lambda amount: progress.advance(_TASK, amount))
            return seed.seed_nar_sha256(file)
    except Unavailable as failure:
        raise _error([failure], 1) from failure
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        progress.finish(_TASK)


def keep(found: Sequence[Artifact], *, sources: Sources, cache: Path, progress: Progress) -> tuple[Path, ...]:
    """Give files of artifacts that have to be looked into; they stay for ``fetch`` to use.

    Raises:
        FetchError: artifacts that could not be had.
    """
    stop = Stop()
    downloader = Downloader(sources, cache / _PARTIAL, stop=stop)

    def bring(artifact: Artifact) -> Path | Unavailable:
        try:
            with downloader.reserve(artifact, lambda: None, keep=True) as file:
                downloader.fetch(artifact, file, lambda amount: progress.advance(_TASK, amount))
                return file
        except Unavailable as failure:
            return failure

    progress.start(_TASK, total=sum(artifact.size for artifact in found))
    try:
        results = list(run(bring, found, workers=sources.jobs, stop=stop))
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        progress.finish(_TASK)
    if failures := [result for result in results if isinstance(result, Unavailable)]:
        raise _error(failures, len(found))
    return tuple(sorted(result for result in results if isinstance(result, Path)))


def _work(job: _Job, todo: Sequence[Artifact], jobs: int, stop: Stop) -> list[int | Unavailable]:
    job.progress.start(_TASK, total=sum(item.size for item in todo))
    try:
        job.cache.mkdir(parents=True, exist_ok=True)
        return list(run(job.bring, todo, workers=jobs, stop=stop))
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        job.progress.finish(_TASK)


def _sweep(wanted: Sequence[Artifact], downloader: Downloader, cache: Path) -> None:
    """Remove what runs that were killed left behind of artifacts that the store has by now."""
    partial = cache / _PARTIAL
    left = {place.name.removesuffix(".lock") for place in partial.iterdir()} if partial.is_dir() else ()
    for artifact in wanted:
        if artifact.sha256 in left:
            with downloader.reserve(artifact, lambda: None):
                pass
    for place in cache.glob(f"{_STAGING}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - place.stat().st_mtime > _ABANDONED:
                shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """What the workers of one fetch share."""

    layouts: Mapping[str, Layout]
    store: _Adder
    downloader: Downloader
    cache: Path
    progress: Progress

    def bring(self, artifact: Artifact) -> int | Unavailable:
        """Bring one artifact into the store; give the bytes downloaded for it, or why it cannot be had."""
        try:
            match artifact.origin:
                case SmallFiles(entries=entries):
                    return self._add_small(artifact, entries)
                case LargeFile() as large:
                    return self._add_large(artifact, large)
                case _:
                    return self._download(artifact)
        except Unavailable as failure:
            return failure

    def _add_small(self, artifact: Artifact, entries: Sequence[FileEntry]) -> int:
        layout = self.layouts.get(artifact.name, {})
        with self._staging(artifact) as folder:
            folder.mkdir()
            for entry in entries:
                _stage(entry, layout, folder / entry.path, artifact)
            self._expect(artifact, self.store.add_tree(folder))
        self.progress.advance(_TASK, artifact.size)
        return 0

    def _add_large(self, artifact: Artifact, large: LargeFile) -> int:
        place = _place(self.layouts.get(large.tree, {}), large.entry.path)
        if place is None or not place.is_file():
            return self._download(artifact)
        found = self.store.add_flat(artifact, place) if place.stat().st_size == artifact.size else None
        if found != artifact.store_path:
            raise _changed(artifact, place)
        self.progress.advance(_TASK, artifact.size)
        return 0

    def _download(self, artifact: Artifact) -> int:
        waits: list[str] = []

        def wait() -> None:
            waits.append(artifact.label)
            self.progress.note(f"another run is fetching {artifact.label}: waiting for it")

        with self.downloader.reserve(artifact, wait) as file:
            if waits and not self.store.missing(artifact):
                self.progress.advance(_TASK, artifact.size)
                return 0
            begun_with = file.stat().st_size if file.exists() else 0
            count = _Counter(self.progress)
            self.downloader.fetch(artifact, file, count.add)
            self._add_file(artifact, file)
            return max(0, count.total - begun_with)

    def _add_file(self, artifact: Artifact, file: Path) -> None:
        if not isinstance(artifact.origin, Seed):
            self._expect(artifact, self.store.add_flat(artifact, file))
            return
        with self._staging(artifact) as folder:
            seed.unpack(file, folder)
            self._expect(artifact, self.store.add_tree(folder))

    @contextlib.contextmanager
    def _staging(self, artifact: Artifact) -> Iterator[Path]:
        """Give a folder, not made yet, that has the artifact's store name."""
        with tempfile.TemporaryDirectory(dir=self.cache, prefix=_STAGING) as folder:
            yield Path(folder) / artifact.name

    @staticmethod
    def _expect(artifact: Artifact, found: str) -> None:
        if found != artifact.store_path:
            raise Unavailable(artifact.label, [f"it gives {found}, the lock says {artifact.store_path}"], _RELOCK)


class _Adder:
    """Adds to a store from many threads: one call at a time, with all that has gathered meanwhile.

    Calls at once would wait for each other in Nix's database, and each call costs its start. A large file is added
    beside the others, as hashing it takes longest.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._large = threading.BoundedSemaphore(2)
        self._guard = threading.Lock()
        self._gathered: list[_Addition] = []

    def missing(self, artifact: Artifact) -> bool:
        """Tell whether an artifact is not in the store."""
        return bool(self._store.missing([artifact.store_path]))

    def add_flat(self, artifact: Artifact, file: Path) -> str:
        """Add a file and give its store path."""
        addition = _Addition(name=artifact.name, file=file)
        if artifact.size >= _ALONE:
            with self._large:
                self._add([addition])
        else:
            with self._guard:
                self._gathered.append(addition)
            with self._turn:
                with self._guard:
                    batch, self._gathered = self._gathered, []
                self._add(batch)
        # Without a path, the call that had it in its batch has failed, and ends the whole fetch.
        return addition.path

    def add_tree(self, folder: Path) -> str:
        """Add a folder and give its store path."""
        with self._turn:
            return self._store.add_tree(folder)

    def _add(self, batch: Sequence[_Addition]) -> None:
        paths = self._store.add_flat([(addition.name, addition.file) for addition in batch]) if batch else ()
        for addition, path in zip(batch, paths, strict=True):
            addition.path = path


@dataclass(kw_only=True, slots=True, eq=False)
class _Addition:
    """A file to be added, and the store path that it got."""

    name: str
    file: Path
    path: str = ""


class _Counter:
    """Counts the bytes of one artifact, for the progress too."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.total = 0

    def add(self, amount: int) -> None:
        self.total += amount
        self._progress.advance(_TASK, amount)


def _stage(entry: FileEntry, layout: Layout, target: Path, artifact: Artifact) -> None:
    """Copy one small file, or make one symlink, as the lock has it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.link is not None:
        target.symlink_to(entry.link)
        return
    place = _place(layout, entry.path)
    if place is None or not place.is_file():
        raise Unavailable(artifact.label, [f"{place or entry.path}: it is not there"], "put it back, or " + _RELOCK)
    content = place.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise _changed(artifact, place)
    target.write_bytes(content)
    target.chmod(0o555 if entry.executable else 0o444)


def _place(layout: Layout, path: str) -> Path | None:
    try:
        return locate(layout, path).resolve()
    except ValueError:
        return None


def _changed(artifact: Artifact, place: Path) -> Unavailable:
    return Unavailable(artifact.label, [f"{place}: it is no longer what the lock says"], _RELOCK)


def _error(failures: Sequence[Unavailable], total: int) -> FetchError:
    """Tell of everything that could not be had, what each source answered, and what to do."""
    if len(failures) == 1:
        (failure,) = failures
        return FetchError(f"{failure.label} could not be had", hint=failure.hint, details=failure.tries)
    lines: list[str] = []
    for failure in sorted(failures, key=lambda failure: failure.label):
        lines += [f"{failure.label}:", *(f"  {line}" for line in failure.tries), f"  hint: {failure.hint}"]
    return FetchError(f"{len(failures)} of {total} artifacts could not be had", details=tuple(lines))


def _disk_error(error: OSError) -> FetchError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free some space and run this again; it goes on from what has arrived" if full else None
    return FetchError(f"{error.filename or 'a file'} cannot be written: {error.strerror or error}", hint=hint)
