"""Writes an image as a root file system that serves without Nix and without a container engine.

The files are those of the image's layers at their places, so that the root file system can also be imported
elsewhere; ``serve`` at its top starts the server (see ``launcher``).
"""

from __future__ import annotations

import itertools
import os
import shlex
import struct
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, cast

from modelpack.builders import streams, tarstream
from modelpack.builders.tarstream import DIRECTORY, SYMLINK, Entry
from modelpack.delivery import atomic, overlaid
from modelpack.delivery.export import refuse_foreign, task
from modelpack.delivery.image import Image, StoredLayer, changed, entries, find_zstd, tar
from modelpack.errors import ExportError
from modelpack.progress import Progress, Silent

_PT_INTERP = 3
_START = 1 << 20
_SUFFIXES = {".tar": None, ".tar.gz": "gzip", ".tgz": "gzip", ".tar.zst": "zstd", ".tzst": "zstd"}
# Relative to the folder, whose own name may hold what separates library paths.
_SERVE = """#!/bin/sh
# Serves {reference} from this folder: starts its own Python, wherever the folder lies. See serve.py.
self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
case $self in */*) cd -- "${{self%/*}}" || exit ;; esac
exec .{loader} --inhibit-cache --library-path .{libraries} \\
    .{python} -I -S -B serve.py "$@"
"""


def export_rootfs(image: Image, target: Path, *, force: bool = False, progress: Progress | None = None) -> None:
    """Write a tarball, compressed as its name says: ``.tar``, ``.tar.gz`` or ``.tar.zst``.

    Args:
        image: what to export.
        target: a file.
        force: replace a file that no earlier export wrote.
        progress: told of every byte of the tar.

    Raises:
        ExportError: it cannot be written, or the store changed.
        ToolError: there is no program to compress with.
    """
    report = progress or Silent()
    compression = _compression(target)
    zstd = find_zstd(image) if compression == "zstd" else ""
    top = _top(image)
    total = sum(layer.tar_size for layer in image.layers)
    start = atomic.start_of(target, _START)
    if start is not None:
        found = _uncompressed(start, compression, zstd)
        refuse_foreign(target, tarstream.header(top[0])[:100], found, "an earlier export of this kind", force=force)
    if compression is None:
        atomic.require_space(target.parent, total)
    with task(report, "export", total) as name, atomic.new_file(target) as stream:
        pieces = _told(_archive(image, top), report, name)
        if compression == "gzip":
            pieces = streams.gzip(pieces)
        elif compression == "zstd":
            pieces = streams.zstd(pieces, zstd, os.cpu_count() or 1)
        try:
            stream.writelines(pieces)
        except streams.StreamError as error:
            raise ExportError(str(error)) from error


def unpack(image: Image, target: Path, *, force: bool = False, progress: Progress | None = None) -> None:
    """Write the root file system into a folder that is empty or does not exist; else as ``export_rootfs``.

    Args:
        image: what to unpack.
        target: the folder.
        force: replace a folder that an earlier call wrote; no other one is ever replaced.
        progress: told of every byte of the files.
    """
    report = progress or Silent()
    if not atomic.is_free(target) and not (force and _is_ours(target)):
        raise ExportError(
            f"{target} exists and is not an empty folder",
            hint="choose another place; --force replaces a folder that an earlier export made",
        )
    total = sum(layer.tar_size for layer in image.layers)
    atomic.require_space(target.parent, total)
    with task(report, "export", total) as name, atomic.new_folder(target) as folder:
        folder.chmod(0o755)
        for entry in _top(image):
            _unpack(entry, folder, streams.Digest(), report, name)
        if any(layer.blob for layer in image.layers):
            _unpack_base(image, folder)
        for layer in own_layers(image):
            _unpack_layer(image, layer, folder, report, name)


def _is_ours(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("serve", "serve.json", "serve.py"))


def _archive(image: Image, top: list[Entry]) -> Iterator[bytes]:
    """Give one tar out of the layers' tars: without their ends, and the folders above store paths once."""
    folders = list(tarstream.folders_above(path for layer in image.layers for path in layer.paths))
    above = b"".join(tarstream.stream(folders))
    yield from tarstream.stream(top)
    yield from _base(image)
    yield from tarstream.stream(folders)
    for layer in own_layers(image):
        for number, piece in enumerate(tar(image, layer)):
            if piece is not tarstream.END:
                yield piece if number else piece.removeprefix(above)
    yield tarstream.END


def _base(image: Image) -> Iterator[bytes]:
    """Give what is left of the base image's layers, without the end of an archive."""
    layers = [partial(tar, image, layer) for layer in image.layers if layer.blob]
    if layers:
        above = (entry for layer in own_layers(image) if not layer.paths for entry in entries(image, layer))
        replaced = [os.fsdecode(entry.name) for entry in above if entry.kind != DIRECTORY]
        # An image of ours as the base may have store paths that we have too.
        own = [path[1:] for layer in image.layers for path in layer.paths]
        folders = [os.fsdecode(entry.name) for entry in tarstream.folders_above(f"/{path}" for path in own)]
        yield from overlaid.write(layers, overlaid.plan(layers, [*replaced, *folders], own))


def _unpack_base(image: Image, folder: Path) -> None:
    """Unpack what is left of the base image's layers.

    Raises:
        ExportError: a path of it leaves the folder.
    """
    pieces = itertools.chain(_base(image), [tarstream.END])
    with tarfile.open(fileobj=cast("IO[bytes]", streams.Reader(pieces)), mode="r|") as archive:
        own = os.geteuid() == 0
        # Devices are nobody's but root's to make, and a folder is there before its files are.
        members = (member for member in archive if own or not member.isdev())
        try:
            archive.extractall(folder, members=members, numeric_owner=True, filter=_within(folder))  # noqa: S202 - the filter does
        except (tarfile.TarError, ValueError) as error:
            raise ExportError(f"the base image cannot be unpacked: {error}") from error


def _within(folder: Path) -> Callable[[tarfile.TarInfo, str], tarfile.TarInfo]:
    """Give the filter that refuses members whose folder, symlinks followed, is not the one that they name."""
    top = folder.resolve()

    def check(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
        names = [member.name, *([member.linkname] if member.islnk() else [])]
        for name in names:
            if ".." in Path(name).parts or (top / name).parent.resolve() != (top / name).parent:
                raise ExportError(f"the base image has a path that leads elsewhere: {name}")
        return member

    return check


def own_layers(image: Image) -> tuple[StoredLayer, ...]:
    """Give the layers that are not the base image's."""
    return tuple(layer for layer in image.layers if not layer.blob)


def _unpack_layer(image: Image, layer: StoredLayer, folder: Path, progress: Progress, name: str) -> None:
    """Make a layer's files, and hold them against its digest."""
    digest = streams.Digest()
    try:
        for entry in entries(image, layer):
            _unpack(entry, folder, digest, progress, name)
    except tarstream.TarError as error:
        raise ExportError(f"the store cannot be read: {error}") from error
    finally:
        digest.update(tarstream.END)
        found = digest.finish()
    if found != layer.diff_id:
        raise changed(", ".join(layer.paths) or layer.output)


def _unpack(entry: Entry, folder: Path, digest: streams.Digest, progress: Progress, name: str) -> None:
    place = folder / os.fsdecode(entry.name)
    digest.update(tarstream.header(entry))
    if entry.kind == DIRECTORY:
        place.mkdir(exist_ok=True)
    elif entry.kind == SYMLINK:
        place.symlink_to(os.fsdecode(entry.link))
    else:
        with place.open("xb", buffering=0) as stream:
            for piece in tarstream.contents(entry):
                digest.update(piece)
                stream.write(piece)
                progress.advance(name, len(piece))
        digest.update(tarstream.padding(entry.size))
    if entry.kind != SYMLINK:
        place.chmod(entry.mode)
        if entry.uid and os.geteuid() == 0:
            os.chown(place, entry.uid, entry.gid)


def _top(image: Image) -> list[Entry]:
    """Give the files that start the server; the first one tells what the archive is."""
    base = next((layer.skeleton.base for layer in image.layers if layer.skeleton), None)
    if base is None:
        raise ExportError(f"the image has no layer with a root file system: {image.reference}")
    python = _python(image, base)
    loader = Path(_loader(image.physical(python)))
    text = _SERVE.format(
        reference=image.reference,
        loader=shlex.quote(str(loader)),
        libraries=shlex.quote(str(loader.parent)),
        python=shlex.quote(python),
    )
    launcher = Path(streams.__file__).with_name("launcher.py")
    return [
        tarstream.file("serve", text.encode(), 0o755),
        tarstream.file("serve.json", image.config, 0o644),
        tarstream.file("serve.py", launcher.read_bytes(), 0o644),
    ]


def _python(image: Image, base: str) -> str:
    for folder in ("usr/bin", "bin"):
        place = image.physical(f"{base}/{folder}")
        if (place / "python3").is_file():
            return f"{base}/{folder}/{(place / 'python3').resolve().name}"
    raise ExportError(f"the base has no python3: {base}")


def _loader(program: Path) -> str:
    """Give the dynamic linker that a 64-bit little-endian ELF program asks for."""
    with program.open("rb") as stream:
        head = stream.read(64)
        offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        for index in range(count):
            stream.seek(offset + index * size)
            kind, _, place, _, _, length = struct.unpack("<IIQQQQ", stream.read(40))
            if kind == _PT_INTERP:
                stream.seek(place)
                return stream.read(length).rstrip(b"\0").decode()
    raise ExportError(f"not a program that is linked dynamically: {program}")


def _told(pieces: Iterator[bytes], progress: Progress, name: str) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        progress.advance(name, len(piece))


def _compression(target: Path) -> str | None:
    for suffix, compression in _SUFFIXES.items():
        if target.name.endswith(suffix):
            return compression
    known = ", ".join(suffix for suffix in _SUFFIXES)
    raise ExportError(f"{target.name}: the name does not say how to compress", hint=f"end it in one of {known}")


def _uncompressed(start: bytes, compression: str | None, zstd: str) -> bytes:
    """Give as much as can be had of the start of a compressed file."""
    if compression == "gzip":
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _START)
        except zlib.error:
            return b""
    if compression == "zstd":
        # An incomplete frame: the program writes what it can before it fails.
        return subprocess.run([zstd, "-dcq"], input=start, capture_output=True, check=False).stdout
    return start
