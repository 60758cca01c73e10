"""One tar out of the layers of an image that has a base image: whiteouts applied, every path once.

Members of the base image's layers are written again with all that their headers say of owners, modes, times and
attributes. Layers of ours hide nothing but what they replace.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, cast

from modelpack.builders import streams
from modelpack.errors import ExportError

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_CHUNK = 1 << 20
_MOST_LINKS = 40
Open = Callable[[], Iterable[bytes]]
"""Gives a layer's tar in pieces, each time from its start."""


@dataclass(kw_only=True, slots=True)
class Plan:
    """Which members make the root file system: by layer and number of the member, the names that it goes by."""

    names: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    """A file's first name has its contents, the others are hard links to it."""


def plan(layers: Iterable[Open], replaced: Iterable[str], trees: Iterable[str] = ()) -> Plan:
    """Find out what is left of all layers; reads each once.

    Args:
        layers: of the base image, lowest first.
        replaced: paths that layers above have, but for folders.
        trees: folders that layers above have whole, with the same content.

    Raises:
        ExportError: a layer cannot be read.
    """
    state = _State()
    for number, open_layer in enumerate(layers):
        with _archive(open_layer) as archive:
            for index, member in enumerate(archive):
                state.take(member, (number, index))
        state.end_layer()
    for path in replaced:
        state.lower.pop(path, None)
    whole = set(trees)
    found = Plan()
    for path, key in state.lower.items():
        if not any(path[:end] in whole for end in _ends(path)):
            found.names.setdefault(key, []).append(path)
    return found


def _ends(path: str) -> Iterator[int]:
    """Give where the folders above a path end, and the path itself."""
    yield from (end for end, character in enumerate(path) if character == "/")
    yield len(path)


def write(layers: Iterable[Open], planned: Plan) -> Iterator[bytes]:
    """Give the members of a plan as a tar without its end; reads each layer once more.

    Raises:
        ExportError: a layer cannot be read.
    """
    for number, open_layer in enumerate(layers):
        with _archive(open_layer) as archive:
            for index, member in enumerate(archive):
                names = planned.names.get((number, index), ())
                if names:
                    yield from _member(archive, member, names)


class _State:
    """What there is after the members so far."""

    def __init__(self) -> None:
        self.lower: dict[str, tuple[int, int]] = {}
        self._fresh: dict[str, tuple[int, int]] = {}
        self._folders: set[str] = set()
        self._links: dict[str, str] = {}

    def end_layer(self) -> None:
        """Make what the layer brought a part of what whiteouts hide."""
        self.lower |= self._fresh
        self._fresh = {}

    def take(self, member: tarfile.TarInfo, key: tuple[int, int]) -> None:
        """Take one member."""
        path = self._resolved(member.name)
        folder, _, base = path.rpartition("/")
        if base == _OPAQUE:
            self._forget(f"{folder}/" if folder else "")
        elif base.startswith(_WHITEOUT):
            hidden = f"{folder}/{base.removeprefix(_WHITEOUT)}".lstrip("/")
            self.lower.pop(hidden, None)
            self._forget(f"{hidden}/")
            if hidden not in self._fresh:
                self._links.pop(hidden, None)
        elif path:
            self._put(path, member, key)

    def _put(self, path: str, member: tarfile.TarInfo, key: tuple[int, int]) -> None:
        if member.isdir():
            self._folders.add(path)
        elif path in self._folders:
            # What is in a folder's place hides what the folder had.
            self._folders.discard(path)
            self._forget(f"{path}/")
        self._links.pop(path, None)
        if member.issym():
            self._links[path] = member.linkname
        if member.islnk():
            target = self._resolved(member.linkname)
            key = self._fresh.get(target) or self.lower.get(target) or key
        self.lower.pop(path, None)
        self._fresh[path] = key

    def _forget(self, prefix: str) -> None:
        for path in [path for path in self.lower if path.startswith(prefix)]:
            del self.lower[path]
            self._links.pop(path, None)

    def _resolved(self, name: str) -> str:
        """Give where a path lies when symlinks above it are followed inside the image."""
        pending = [part for part in name.split("/") if part not in ("", ".")]
        done: list[str] = []
        left = _MOST_LINKS
        while pending and left:
            part = pending.pop(0)
            if part == "..":
                del done[-1:]
                continue
            place = "/".join([*done, part])
            target = self._links.get(place) if pending else None
            if target is None:
                done.append(part)
                continue
            left -= 1
            done = [] if target.startswith("/") else done
            pending[:0] = [item for item in target.split("/") if item not in ("", ".")]
        return "/".join([*done, *pending])


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, names: Iterable[str]) -> Iterator[bytes]:
    first, *others = names
    if member.islnk():
        raise ExportError(f"the base image has a hard link to nothing: {member.name} to {member.linkname}")
    info = member.replace(name=first, deep=False)
    info.pax_headers = _kept(member.pax_headers)
    yield info.tobuf(tarfile.PAX_FORMAT)
    if member.isreg() and member.size:
        source = cast("IO[bytes]", archive.extractfile(member))
        while piece := source.read(_CHUNK):
            yield piece
        yield bytes(-member.size % tarfile.BLOCKSIZE)
    for name in others:
        link = info.replace(name=name, linkname=first, deep=False)
        link.type, link.size, link.pax_headers = tarfile.LNKTYPE, 0, {}
        yield link.tobuf(tarfile.PAX_FORMAT)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Give extended attributes; the rest is written anew from what the header says."""
    return {key: value for key, value in headers.items() if key.startswith("SCHILY.xattr.")}


@contextmanager
def _archive(open_layer: Open) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", streams.Reader(open_layer())), mode="r|") as archive:
            yield archive
    except (tarfile.TarError, EOFError) as error:
        raise ExportError(f"a layer of the base image cannot be read: {error}") from error
