"""An image in the store: what it is, and where the bytes of its blobs come from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelpack.builders import links, streams, tarstream
from modelpack.builders import root as skeleton
from modelpack.builders.blob import uncompressed
from modelpack.builders.layer import Layer
from modelpack.codec import CodecError, from_json
from modelpack.errors import ExportError, ToolError


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLayer(Layer):
    """A layer and the store path that describes it, which holds its blob if that is compressed."""

    output: str

    @property
    def place(self) -> str:
        """Store path of the blob, if there is one."""
        return self.blob or f"{self.output}/blob"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """``layers.json`` of an image."""

    reference: str
    """``name:tag``."""
    zstd: str | None = None
    """The program that exports compress with, so that they are the same everywhere."""
    layers: tuple[StoredLayer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image, read from the store."""

    root: str
    """Folder below which store paths lie on this machine: ``/``, or that of a store of its own."""
    reference: str
    zstd: str | None
    index: bytes
    digest: str
    """``sha256:HEX`` of the manifest: the image's identity."""
    manifest: bytes
    config_digest: str
    config: bytes
    layers: tuple[StoredLayer, ...]

    def physical(self, path: str) -> Path:
        """Give where a store path's bytes lie on this machine."""
        return Path(self.root.rstrip("/") + path)


def open_image(output: str, root: Path | str = "/") -> Image:
    """Read the image at a store path.

    Args:
        output: the store path, ``/nix/store/...``.
        root: folder below which it lies on this machine.

    Raises:
        ExportError: it is no image, or it is damaged.
    """
    folder = Path(str(root).rstrip("/") + output)
    try:
        index = (folder / "index.json").read_bytes()
        digest = json.loads(index)["manifests"][0]["digest"]
        manifest = _blob(folder, digest)
        config_digest = json.loads(manifest)["config"]["digest"]
        config = _blob(folder, config_digest)
        listing = from_json(Listing, json.loads((folder / "layers.json").read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, CodecError) as error:
        raise ExportError(f"not an image: {folder}: {error}", hint="run: modelpack build") from error
    return Image(
        root=str(root),
        reference=listing.reference,
        zstd=listing.zstd,
        index=index,
        digest=digest,
        manifest=manifest,
        config_digest=config_digest,
        config=config,
        layers=listing.layers,
    )


def blob(image: Image, layer: StoredLayer) -> Iterator[bytes]:
    """Give a layer's blob in pieces; the last one is given only if the digest is right.

    Raises:
        ExportError: the store does not hold what the layer's digest says.
    """
    if layer.digest == layer.diff_id and not layer.blob:
        return tar(image, layer)
    return _verified(_read(image.physical(layer.place)), layer.digest, layer.place)


def tar(image: Image, layer: StoredLayer) -> Iterator[bytes]:
    """Give a layer's tar in pieces, made from the store again; else as ``blob``."""
    if layer.blob:
        pieces = uncompressed(str(image.physical(layer.blob)), layer.media_type, find_zstd(image))
        return _verified(pieces, layer.diff_id, layer.blob)
    place = ", ".join(layer.paths) or layer.output
    return _verified(tarstream.archive(entries(image, layer)), layer.diff_id, place)


def find_zstd(image: Image) -> str:
    """Give the program that made the layers, so that what it writes is the same everywhere; else the machine's.

    Raises:
        ToolError: there is none.
    """
    if image.zstd and image.physical(image.zstd) == Path(image.zstd) and Path(image.zstd).exists():
        return image.zstd
    if found := shutil.which("zstd"):
        return found
    raise ToolError("zstd is not on this machine", hint="install zstd, or export to a name that ends in .tar.gz")


def entries(image: Image, layer: StoredLayer) -> Iterator[tarstream.Entry]:
    """Give the members of a layer's tar."""
    if layer.skeleton:
        return iter(skeleton.entries(layer.skeleton, image.root))
    if layer.links:
        return iter(links.entries(layer.links, image.root))
    return tarstream.store_paths(layer.paths, image.root)


def changed(place: str) -> ExportError:
    """Give the error that says that the store no longer holds what it held."""
    return ExportError(
        f"the store changed since the image was built: {place}",
        hint="run: nix-store --verify --check-contents --repair, then modelpack build",
    )


def _verified(pieces: Iterator[bytes], digest: str, place: str) -> Iterator[bytes]:
    """Hand on pieces one late, so that whoever takes the last one knows that all were right."""
    seen = streams.Digest()
    held = b""
    try:
        for piece in seen.watch(pieces):
            if held:
                yield held
            held = piece
    except OSError as error:
        raise ExportError(f"the store cannot be read: {error}") from error
    if seen.finish() != digest:
        raise changed(place)
    yield held


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        while piece := stream.read(tarstream.CHUNK):
            yield piece


def _blob(folder: Path, digest: str) -> bytes:
    data = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
    if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"its bytes are not those of its digest: {digest}")
    return data
