"""Manifests, indexes and configurations of images (OCI image-spec 1.1, Docker's schema 2): what to take of them.

They come from elsewhere. Every part is read by its digest, and one that says what no honest image says is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelpack.errors import ResolveError
from modelpack.lock import ImageBase, ImageBlob, ImageLayer
from modelpack.spec import BaseImage

MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
ACCEPT = ", ".join((*MANIFESTS, *INDEXES))
LARGEST = 4 << 20
"""Bytes of a manifest or configuration; registries take no larger manifests."""
_MOST_LAYERS = 100
_OCI = "application/vnd.oci.image.layer.v1.tar"
_DOCKER = "application/vnd.docker.image.rootfs.diff.tar"
_LAYERS = {
    **{_OCI + suffix: _OCI + suffix for suffix in ("", "+gzip", "+zstd")},
    **{_DOCKER + before: _OCI + after for before, after in (("", ""), (".gzip", "+gzip"), (".zstd", "+zstd"))},
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Read = Callable[[str, int], bytes]
"""Gives the bytes of a digest, of which there are as many as said, or up to ``LARGEST``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a manifest lists."""

    top: str
    """Digest of the index that led to it, or its own."""
    manifest: str
    """Its own digest."""
    config: ImageBlob
    layers: tuple[tuple[ImageBlob, str], ...]
    """Each with its media type in OCI's words, lowest first."""


class ManifestError(ResolveError):
    """An image that cannot be a base."""


def resolve(image: BaseImage, top: bytes, platform: str, read: Read) -> ImageBase:
    """Give what the lock says of an image.

    Args:
        image: what was asked for.
        top: manifest or index.
        platform: ``linux/amd64``, for an index.
        read: gives everything else.

    Raises:
        ManifestError: it is not what was asked for, or cannot be a base.
    """
    digest = digest_of(top)
    if image.digest and digest != image.digest:
        raise ManifestError(f"{image.name}: the digest is {digest}, expected {image.digest}")
    data, document = top, _parse(image, top)
    if "manifests" in document and "layers" in document:
        raise ManifestError(f"{image.name}: the manifest is an index too: {digest}")
    if "manifests" in document:
        data = _read(image, _chosen(image, document, platform), read)
        document = _parse(image, data)
        if "manifests" in document:
            raise ManifestError(f"{image.name}: its index leads to another index: {digest_of(data)}")
    layers = _list(image, document, "layers")
    parts = Parts(
        top=digest,
        manifest=digest_of(data),
        config=_blob(image, document.get("config")),
        layers=tuple((_blob(image, layer), _media_type(image, layer)) for layer in layers),
    )
    settings = _parse(image, _read(image, document["config"], read))
    return assemble(image, settings, platform, parts)


def assemble(image: BaseImage, settings: dict[str, Any], platform: str, parts: Parts) -> ImageBase:
    """Put together what the lock says, and hold the configuration against it; errors as for ``resolve``."""
    found = f"{settings.get('os')}/{settings.get('architecture')}"
    if found != platform:
        raise ManifestError(f"{image.name} is for {found}, the package for {platform}")
    diff_ids = _list(image, settings.get("rootfs") or {}, "diff_ids")
    layers = parts.layers
    if len(diff_ids) != len(layers) or not all(isinstance(item, str) and _DIGEST.fullmatch(item) for item in diff_ids):
        raise ManifestError(f"{image.name}: its configuration has {len(diff_ids)} layers, its manifest {len(layers)}")
    if len(layers) > _MOST_LAYERS:
        raise ManifestError(
            f"{image.name} has {len(layers)} layers; engines take 127, and {127 - _MOST_LAYERS} are the package's",
            hint="squash it",
        )
    return ImageBase(
        name=image.name,
        digest=image.digest or parts.top,
        manifest=parts.manifest,
        config=parts.config,
        layers=tuple(
            ImageLayer(
                filename=blob.filename, sha256=blob.sha256, size=blob.size, media_type=media_type, diff_id=diff_id
            )
            for (blob, media_type), diff_id in zip(layers, diff_ids, strict=True)
        ),
    )


def blob_of(digest: str, size: int) -> ImageBlob:
    """Describe a blob; its name follows from its digest, so that images share what they share."""
    sha256 = digest.removeprefix("sha256:")
    return ImageBlob(filename=f"oci-{sha256[:16]}", sha256=sha256, size=size)


def digest_of(data: bytes) -> str:
    """Give ``sha256:HEX``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def parse_json(data: bytes) -> dict[str, Any]:
    """Read a JSON object in which no key is there twice.

    Raises:
        ValueError: it is none.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key is there twice")
        return found

    try:
        found = json.loads(data, object_pairs_hook=unique)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - as for other contents
    return found


def _chosen(image: BaseImage, index: dict[str, Any], platform: str) -> object:
    """Give the descriptor of the manifest for a platform."""
    entries = [entry for entry in _list(image, index, "manifests") if isinstance(entry, dict)]
    offered: dict[str, object] = {}
    for entry in entries:
        of = entry.get("platform")
        found = f"{of.get('os')}/{of.get('architecture')}" if isinstance(of, dict) else platform
        offered.setdefault(found, entry)
    if platform in offered:
        return offered[platform]
    known = ", ".join(sorted(name for name in offered if "unknown" not in name)) or "none"
    raise ManifestError(f"{image.name} is not there for {platform}, but for: {known}")


def _read(image: BaseImage, descriptor: object, read: Read) -> bytes:
    blob = _blob(image, descriptor)
    if blob.size > LARGEST:
        raise ManifestError(f"{image.name}: a manifest or configuration of {blob.size} bytes")
    data = read(f"sha256:{blob.sha256}", blob.size)
    if digest_of(data) != f"sha256:{blob.sha256}" or len(data) != blob.size:
        raise ManifestError(f"{image.name}: the bytes of sha256:{blob.sha256} are other ones: {digest_of(data)}")
    return data


def _blob(image: BaseImage, descriptor: object) -> ImageBlob:
    if isinstance(descriptor, dict):
        digest, size = descriptor.get("digest"), descriptor.get("size")
        if isinstance(digest, str) and _DIGEST.fullmatch(digest) and type(size) is int and size >= 0:
            return blob_of(digest, size)
        raise ManifestError(f"{image.name}: not a sha256 digest and a size: {digest!r}, {size!r}")
    raise ManifestError(f"{image.name}: its manifest lacks a descriptor")


def _media_type(image: BaseImage, layer: dict[str, Any]) -> str:
    name = layer.get("mediaType")
    if not isinstance(name, str) or name not in _LAYERS:
        hint = "its layers are not where its manifest is" if "foreign" in str(name) or "nondist" in str(name) else None
        raise ManifestError(f"{image.name} has a layer that cannot be taken: {name!r}", hint=hint)
    return _LAYERS[name]


def _parse(image: BaseImage, data: bytes) -> dict[str, Any]:
    try:
        return parse_json(data)
    except ValueError as error:
        raise ManifestError(f"{image.name}: {digest_of(data)} is no manifest or configuration: {error}") from error


def _list(image: BaseImage, document: dict[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list):
        raise ManifestError(f"{image.name}: not an image manifest, it has no {key}")
    return found
