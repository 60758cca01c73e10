"""Writes an image as what other programs read: an OCI layout, an OCI archive, a docker-archive.

Nothing is prepared on disk: blobs come from the store, uncompressed layers are made from store paths as they are
written, and every digest is checked on the way. The manifest is the same in all forms that have one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from modelpack.builders import tarstream
from modelpack.builders.image import INDEX, LAYOUT, encode
from modelpack.builders.tarstream import Entry
from modelpack.delivery import atomic
from modelpack.delivery.image import Image, blob, tar
from modelpack.errors import ExportError
from modelpack.progress import Progress, Silent

_REF_NAME = "org.opencontainers.image.ref.name"
_BLOBS = "blobs/sha256"
_NAME = 100  # bytes at the start of a tar: the first member's name, by which an export is known


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file of an export."""

    name: str
    size: int
    pieces: Iterable[bytes]


def export_oci(image: Image, target: Path, *, force: bool = False, progress: Progress | None = None) -> None:
    """Write an OCI layout, or add the image to one: the image's name moves to it, other images stay.

    Args:
        image: what to export.
        target: a folder that is an OCI layout, is empty or does not exist.
        force: also into a folder that holds something else.
        progress: told of every byte.

    Raises:
        ExportError: it cannot be written, or the store changed.
    """
    report = progress or Silent()
    if atomic.is_free(target):
        with atomic.new_folder(target) as folder:
            _add(image, folder, report)
    elif force or (target / "oci-layout").is_file():
        with atomic.locked(target):
            _add(image, target, report)
    else:
        raise _not_ours(target, "an OCI layout")


def export_oci_archive(image: Image, target: Path, *, force: bool = False, progress: Progress | None = None) -> None:
    """Write the OCI layout as one tar file; arguments and errors as for ``export_oci``."""
    members = [
        _member("oci-layout", encode(LAYOUT)),
        _member("index.json", image.index),
        *(Member(name=f"{_BLOBS}/{item.name}", size=item.size, pieces=item.pieces) for item in _blobs(image)),
    ]
    folders = [tarstream.directory("blobs"), tarstream.directory(_BLOBS)]
    _write_archive(folders, members, target, force=force, progress=progress)


def export_docker_archive(image: Image, target: Path, *, force: bool = False, progress: Progress | None = None) -> None:
    """Write what ``docker load`` reads: no manifest, layers as plain tar; else as for ``export_oci``."""
    config = f"{_hex(image.config_digest)}.json"
    tars = {f"{_hex(layer.diff_id)}.tar": layer for layer in image.layers}
    layers = [Member(name=name, size=layer.tar_size, pieces=tar(image, layer)) for name, layer in tars.items()]
    names = [f"{_hex(layer.diff_id)}.tar" for layer in image.layers]
    listing = encode([{"Config": config, "RepoTags": [image.reference], "Layers": names}])
    members = [_member("manifest.json", listing), _member(config, image.config), *layers]
    _write_archive([], members, target, force=force, progress=progress)


def pour(pieces: Iterable[bytes], stream: BinaryIO, progress: Progress, task: str) -> None:
    """Write pieces, and tell of each."""
    for piece in pieces:
        stream.write(piece)
        progress.advance(task, len(piece))


@contextlib.contextmanager
def task(progress: Progress, name: str, total: int | None) -> Iterator[str]:
    """Begin and end a task."""
    progress.start(name, total=total)
    try:
        yield name
    finally:
        progress.finish(name)


def refuse_foreign(target: Path, first: bytes, found: bytes, what: str, *, force: bool) -> None:
    """Fail when the file at ``target`` is not one that an earlier export wrote.

    Args:
        target: the file.
        first: the first bytes of every export of this kind.
        found: the first bytes of the file.
        what: the kind, for people.
        force: do not fail.
    """
    if not force and not found.startswith(first):
        raise _not_ours(target, what)


def _blobs(image: Image) -> Iterator[Member]:
    """Give all blobs, those first that lead to others; a layer that the image has twice is one blob."""
    yield _member(_hex(image.digest), image.manifest)
    yield _member(_hex(image.config_digest), image.config)
    for layer in {layer.digest: layer for layer in image.layers}.values():
        yield Member(name=_hex(layer.digest), size=layer.size, pieces=blob(image, layer))


def _add(image: Image, folder: Path, progress: Progress) -> None:
    """Add the image to a layout; the index comes last, since it is what makes an image visible."""
    blobs = folder / _BLOBS
    missing = [item for item in _blobs(image) if not _is_there(blobs / item.name, item.size)]
    total = sum(item.size for item in missing)
    atomic.require_space(folder, total)
    with atomic.explained(folder):
        blobs.mkdir(parents=True, exist_ok=True)
    with task(progress, "export", total) as name:
        for item in missing:
            with atomic.new_file(blobs / item.name) as stream:
                pour(item.pieces, stream, progress, name)
    index = encode(_merged(folder / "index.json", image))
    atomic.replace_file(folder / "oci-layout", encode(LAYOUT))
    atomic.replace_file(folder / "index.json", index)


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size


def _merged(path: Path, image: Image) -> dict[str, Any]:
    """Give the index at ``path`` with the image in it."""
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX}
    if path.exists():
        try:
            index = json.loads(path.read_bytes())
            others = [entry for entry in index["manifests"] if _name(entry) != image.reference]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ExportError(f"{path} is not an index of an OCI layout: {error}") from error
    else:
        others = []
    return {**index, "manifests": [*others, *json.loads(image.index)["manifests"]]}


def _name(entry: dict[str, Any]) -> str | None:
    name = (entry.get("annotations") or {}).get(_REF_NAME)
    return name if isinstance(name, str) else None


def _write_archive(
    folders: list[Entry], members: list[Member], target: Path, *, force: bool, progress: Progress | None
) -> None:
    report = progress or Silent()
    first = tarstream.header(_file(members[0]))
    found = atomic.start_of(target, _NAME)
    if found is not None:
        refuse_foreign(target, first[:_NAME], found, "an earlier export of this kind", force=force)
    total = sum(member.size for member in members)
    if not target.exists() or target.is_file():
        atomic.require_space(target.parent, total)
    with atomic.new_file(target) as stream, task(report, "export", total) as name:
        pour(_archive(folders, members), stream, report, name)


def _archive(folders: list[Entry], members: list[Member]) -> Iterator[bytes]:
    # The first member tells what the file is, so it comes before folders.
    for number, member in enumerate(members):
        yield tarstream.header(_file(member))
        yield from member.pieces
        if padding := tarstream.padding(member.size):
            yield padding
        if number == 0:
            yield from tarstream.stream(folders)
    yield tarstream.END


def _file(member: Member) -> Entry:
    return Entry(member.name.encode(), tarstream.REGULAR, 0o644, member.size)


def _member(name: str, data: bytes) -> Member:
    return Member(name=name, size=len(data), pieces=[data])


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _not_ours(target: Path, what: str) -> ExportError:
    return ExportError(f"{target} exists and is not {what}", hint="choose another place, or overwrite it with --force")
