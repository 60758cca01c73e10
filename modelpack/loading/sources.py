"""Paths that a spec names: where they lead, and whether they may."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from modelpack.loading.shape_reader import Value, nearest
from modelpack.loading.yamlfile import Fault, Findings, show
from modelpack.spec import Source

FILE = "a file"
FOLDER = "a folder"


def is_file(path: Path) -> bool:
    """Tell a file; False as well when that cannot be known, as of a name that is too long."""
    return os.path.isfile(path)  # noqa: PTH113 - pathlib's raises then


def is_folder(path: Path) -> bool:
    """Tell a folder; False as well when that cannot be known."""
    return os.path.isdir(path)  # noqa: PTH112


def exists(path: Path) -> bool:
    """Tell whether there is something; False as well when that cannot be known."""
    return os.path.exists(path)  # noqa: PTH110


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A folder that relative paths begin in and may not leave."""

    path: Path
    """Absolute, without symlinks."""
    shown: str
    """What messages put before the names of its files: ends in ``/``, or is empty for the current folder."""
    noun: str = "the folder of the spec"
    absolute: bool = True
    """An absolute path may lead elsewhere."""
    bound: bool = True
    """A relative path may not lead elsewhere, nor to this folder itself."""

    def show(self, path: Path) -> str:
        """Name a file for messages: as seen from where the user is, when it lies in this folder."""
        if path.is_relative_to(self.path):
            return show(self.shown + str(path.relative_to(self.path)))
        return show(str(path) if self.bound else os.path.normpath(self.shown + os.path.relpath(path, self.path)))

    def name(self, path: Path) -> str:
        """Name a file for the lock: relative to this folder, or alone when it may not lie elsewhere but does."""
        if not self.bound:
            return show(os.path.relpath(path, self.path))
        return show(str(path.relative_to(self.path)) if path.is_relative_to(self.path) else path.name)


def find_source(value: Value, folder: Folder, findings: Findings, *, kind: str = "") -> Source | None:
    """Give what the path in ``value`` leads to; None when something is wrong with it, which is then found.

    A relative path stays inside the folder, symlinks followed, so that the folder can be moved as a whole; an
    absolute path is taken as meant.

    Args:
        value: the text.
        folder: where relative paths begin.
        findings: takes what is wrong.
        kind: ``FILE`` or ``FOLDER`` when only that will do.
    """
    path = folder.path / value.text
    fault = _leaving(value.text, path, folder) or _unfit(value.text, path, folder, kind)
    if fault:
        findings.add(value.place, *fault, path=value.path, code="MP106")
        return None
    return Source(path=_tidy(path), key=value.path)


def _tidy(path: Path) -> Path:
    """Drop ``.`` and ``..``; a symlink keeps its own name, unless a ``..`` after it makes that impossible."""
    short = os.path.normpath(path)
    real = os.path.realpath(path)
    return Path(short if os.path.realpath(short) == real else real)


def _leaving(text: str, path: Path, folder: Folder) -> Fault | None:
    """Say why a path may not be followed."""
    if "://" in text:
        return f"expected a path, found an address: {show(text)}", "download it and name the file"
    if Path(text).is_absolute():
        return None if folder.absolute else (f"expected a path below {folder.noun}, found: {show(text)}", None)
    real = os.path.realpath(path)
    if not folder.bound or Path(real).is_relative_to(folder.path):
        return None
    hint = "an absolute path may lie anywhere" if folder.absolute else None
    if ".." in Path(text).parts:
        return f"leaves {folder.noun}: {show(text)}", hint
    return f"leaves {folder.noun} through a symlink: {show(f'{text} -> {real}')}", hint


def _unfit(text: str, path: Path, folder: Folder, kind: str) -> Fault | None:
    """Say why what a path leads to will not do."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _missing(text, path, error, kind)
    found = FOLDER if stat.S_ISDIR(mode) else FILE if stat.S_ISREG(mode) else None
    if found is None:
        return f"neither a file nor a folder: {show(text)}", None
    if kind not in ("", found):
        parent = os.path.dirname(text)  # noqa: PTH120 - keeps "./"
        hint = f"name its folder: {parent}" if parent not in ("", ".") else "put it into a folder of its own"
        return f"expected {kind}, found {found}: {show(text)}", hint if kind == FOLDER else None
    if folder.bound and folder.path.is_relative_to(path.resolve()):
        return f"holds the spec itself, and its lock: {show(text)}", "put what it is to hold into a folder of its own"
    return _unusable(text, path, found)


def _missing(text: str, path: Path, error: OSError, kind: str) -> Fault:
    what = {FILE: "file", FOLDER: "folder"}.get(kind, "file or folder")
    if os.path.islink(path):  # noqa: PTH114 - unlike pathlib's, False when it may not be known
        return f"a symlink that leads nowhere: {show(f'{text} -> {path.readlink()}')}", None
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"cannot be read: {show(text)}: {error.strerror}", None
    hint = "~ is not replaced, write the whole path" if text.startswith("~") else _near_path(text, path)
    return f"no such {what}: {show(text)}", hint


def _near_path(text: str, path: Path) -> str | None:
    try:
        name = nearest(path.name, [item.name for item in path.parent.iterdir()])
    except OSError:
        return None
    folder = text[: text.rstrip("/").rfind("/") + 1]
    return f"did you mean {show(folder + name)}?" if name else None


def _unusable(text: str, path: Path, found: str) -> Fault | None:
    try:
        if found == FOLDER:
            return None if any(path.iterdir()) else (f"an empty folder: {show(text)}", None)
        path.open("rb").close()
    except OSError as error:
        return f"cannot be read: {show(text)}: {error.strerror}", None
    return None
