"""The user's files: which of them go into a package, and the sha256 of each."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelpack.errors import Problem, SpecError
from modelpack.lock import LARGE, FileEntry, Tree
from modelpack.parallel import Stop, run
from modelpack.progress import Progress
from modelpack.store.nar import ChangedError, nar_sha256
from modelpack.store.statcache import StatCache

Layout = Mapping[str, Path]
"""What a tree is made of: its files and folders on disk by their path in the tree.

``{"model": Path("/home/me/model")}`` gives ``model/...``; the path ``""`` makes a folder's content the tree's own.
"""

IGNORED = ("__pycache__", "*.pyc", ".git", ".hg", ".svn", ".ipynb_checkpoints", ".DS_Store", "*~", ".*.sw[op]", ".#*")
"""Names (shell patterns) of what tools leave beside the user's files; never packaged."""

_CHUNK = 1 << 20
_WORKERS = min(4, os.cpu_count() or 1)
_CHANGED = ("it changed while it was read", "wait until it is whole, and run this again")
_ignored = re.compile("|".join(map(fnmatch.translate, IGNORED))).match


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A file or symlink on disk."""

    path: str
    """In the tree."""
    disk: str
    base: str
    """Path in the tree of the file or folder of the layout that it belongs to."""
    source: str
    """That file or folder on disk."""
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


def scan(layout: Layout, *, cache: Path | None, progress: Progress, name: str = "files") -> Tree:
    """Give every file of a tree with its size and sha256, in the order of their paths' bytes.

    Owner, times, and all modes but the owner's execute bit are not kept; nor are empty folders. Files are read in
    parallel, unless the cache knows them.

    Args:
        layout: the files and folders that the tree is made of; where those are symlinks, what they lead to.
        cache: folder to remember hashes in; None reads everything.
        progress: told the bytes that are read.
        name: of the tree, for the progress.

    Raises:
        SpecError: every symlink that leads outside, special file, name that is not UTF-8, and file that cannot be
            read or that changed meanwhile.
    """
    problems: list[Problem] = []
    found = [item for base, source in layout.items() for item in _walk(base, str(source), problems)]
    problems += _judge_links(found)
    known = StatCache(_cache_file(cache, layout) if cache else None)
    try:
        files = tuple(sorted(_entries(found, known, problems, progress, name), key=lambda entry: entry.path))
        nar = "" if problems else _small_nar(files, found, known, problems)
    except BaseException:
        known.save(whole=False)
        raise
    known.save(whole=True)
    if problems:
        raise SpecError(tuple(sorted(problems, key=lambda problem: problem.where)))
    return Tree(files=files, nar_sha256=nar)


def digest(tree: Tree) -> str:
    """Give the sha256 of what a tree lists."""
    listed = [[entry.path, entry.sha256, entry.executable, entry.link] for entry in tree.files]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def locate(layout: Layout, path: str) -> Path:
    """Give the place on disk of a file of the tree.

    Raises:
        ValueError: the layout has no such file.
    """
    for base, source in layout.items():
        if path == base:
            return source
        prefix = f"{base}/" if base else ""
        if path.startswith(prefix):
            return source / path[len(prefix) :]
    raise ValueError(f"{path}: is not in the layout")


def is_small(entry: FileEntry) -> bool:
    """Tell whether an entry belongs to the folder of small files, and has no store path of its own."""
    return entry.link is not None or entry.size < LARGE


def _walk(base: str, source: str, problems: list[Problem]) -> Iterator[_Found]:
    """Find all files and symlinks of one file or folder of the layout."""
    try:
        status = os.stat(source)  # noqa: PTH116 - texts, since every build walks every file
    except OSError as error:
        problems.append(_problem(source, error.strerror or str(error)))
        return
    if not stat.S_ISDIR(status.st_mode):
        file = _Found(path=base, disk=os.path.realpath(source), base=base, source=source, status=status)
        yield from _packaged(file, problems)
        return
    count = 0
    folders = [(f"{base}/" if base else "", source)]
    while folders:
        prefix, folder = folders.pop()
        for item in _list(folder, problems):
            status = item.stat(follow_symlinks=False)
            path = prefix + item.name
            if stat.S_ISDIR(status.st_mode):
                folders.append((path + "/", item.path))
                continue
            count += 1
            yield from _packaged(_Found(path=path, disk=item.path, base=base, source=source, status=status), problems)
    if not count:
        problems.append(_problem(source, "this folder holds no files"))


def _list(folder: str, problems: list[Problem]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return [item for item in items if not _ignored(item.name)]
    except OSError as error:
        problems.append(_problem(folder, error.strerror or str(error)))
        return []


def _packaged(item: _Found, problems: list[Problem]) -> Iterator[_Found]:
    """Pass on what can be in a package."""
    kind = stat.S_IFMT(item.status.st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFLNK):
        special = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}.get(kind, "a device")
        problems.append(_problem(item.disk, f"{special} cannot be packaged", "take it out of the folder"))
    elif not _is_utf8(item.path):
        problems.append(_problem(item.disk, "its name is not UTF-8", "rename it"))
    else:
        yield item


def _judge_links(found: Sequence[_Found]) -> Iterator[Problem]:
    links = [item for item in found if item.is_link]
    if not links:
        return
    packaged = {"", "."}
    for item in found:
        path = item.path
        while path not in packaged:
            packaged.add(path)
            path = path.rpartition("/")[0]
    for link in links:
        target = os.readlink(link.disk)  # noqa: PTH115 - the text as it stands
        wrong, hint = _judge_link(link, target, packaged)
        if wrong:
            yield _problem(link.disk, f"this symlink {wrong}: {target}", hint)


def _judge_link(link: _Found, target: str, packaged: set[str]) -> tuple[str, str | None]:
    """Say what is wrong with a symlink, or nothing, and what to do about it."""
    if not _is_utf8(target):
        return "has a target that is not UTF-8", None
    if target.startswith("/"):
        return "is absolute", "make it relative, or put what it leads to in its place"
    root, real = os.path.realpath(link.source), os.path.realpath(link.disk)
    folder = os.path.relpath(link.disk, link.source).rpartition("/")[0]
    # Both as it is written and as the file system follows it through other symlinks.
    for place in (os.path.normpath(f"{folder or '.'}/{target}"), os.path.relpath(real, root)):
        if place.split("/")[0] == "..":
            return "leads out of its folder", "copy the folder with cp -rL, which puts files in place of symlinks"
    if not os.path.exists(real):  # noqa: PTH110 - texts, as above
        return "leads to nothing", None
    if os.path.normpath(f"{link.base or '.'}/{os.path.relpath(real, root)}") not in packaged:
        return "leads to what is not packaged", None
    return "", None


def _entries(
    found: Sequence[_Found], known: StatCache, problems: list[Problem], progress: Progress, name: str
) -> Iterator[FileEntry]:
    """Give the entries of all that could be read; the rest are problems."""
    unread: list[_Found] = []
    for item in found:
        if item.is_link:
            yield FileEntry(path=item.path, link=os.readlink(item.disk))  # noqa: PTH115 - the text as it stands
        elif sha256 := known.sha256(item.path, item.status):
            yield _entry(item, item.status, sha256)
        else:
            unread.append(item)
    if not unread:
        return
    task, stop = f"read {name}", Stop()

    def read(item: _Found) -> FileEntry | Problem:
        now = time.time_ns()
        try:
            status, sha256 = _read(item, progress, task, stop)
        except OSError as error:
            return _problem(item.disk, error.strerror or str(error))
        except ChangedError:
            return _problem(item.disk, *_CHANGED)
        known.keep(item.path, status, sha256, read_at=now)
        return _entry(item, status, sha256)

    progress.start(task, total=sum(item.status.st_size for item in unread))
    # The largest first, so that no thread is left alone with one at the end.
    unread.sort(key=lambda item: -item.status.st_size)
    try:
        for result in run(read, unread, workers=_WORKERS, stop=stop):
            if isinstance(result, Problem):
                problems.append(result)
            else:
                yield result
    finally:
        progress.finish(task)


def _read(item: _Found, progress: Progress, task: str, stop: Stop) -> tuple[os.stat_result, str]:
    """Hash one file, and see to it that it was one file from beginning to end."""
    digest, count = hashlib.sha256(), 0
    handle = os.open(item.disk, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 - a handle, not a path
        before = os.fstat(handle)
        buffer = memoryview(bytearray(max(1, min(before.st_size, _CHUNK))))
        while size := file.readinto(buffer):
            stop.check()
            digest.update(buffer[:size])
            count += size
            progress.advance(task, size)
        after = os.fstat(handle)
    if (before.st_size, before.st_mtime_ns, before.st_ctime_ns) != (count, after.st_mtime_ns, after.st_ctime_ns):
        raise ChangedError(item.path)
    return before, digest.hexdigest()


def _entry(item: _Found, status: os.stat_result, sha256: str) -> FileEntry:
    executable = bool(status.st_mode & stat.S_IXUSR)
    return FileEntry(path=item.path, size=status.st_size, sha256=sha256, executable=executable)


def _small_nar(files: Iterable[FileEntry], found: Iterable[_Found], known: StatCache, problems: list[Problem]) -> str:
    """Hash the folder of small files, unless it is the one that was hashed before."""
    small = [entry for entry in files if is_small(entry)]
    listing = [[entry.path, entry.sha256, entry.executable, entry.link] for entry in small]
    key = hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    if nar := known.derived(key):
        return nar
    places = {item.path: Path(item.disk) for item in found}
    try:
        nar = nar_sha256(small, lambda entry: places[entry.path].open("rb"))
    except ChangedError as error:
        problems.append(_problem(str(places[error.path]), *_CHANGED))
        return ""
    known.keep_derived(key, nar)
    return nar


def _cache_file(cache: Path, layout: Layout) -> Path:
    places = {base: os.path.abspath(source) for base, source in layout.items()}  # noqa: PTH100 - texts
    return cache / hashlib.sha256(json.dumps(places, sort_keys=True).encode()).hexdigest()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(disk: str, message: str, hint: str | None = None) -> Problem:
    """Name a file as it is seen from where the user is."""
    here = os.getcwd() + "/"  # noqa: PTH109 - texts
    shown = os.fsencode(disk.removeprefix(here)).decode(errors="backslashreplace")
    return Problem(where=shown, message=message, hint=hint, code="MP106")
