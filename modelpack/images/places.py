"""Where images are: OCI layouts, archives of images, registries. Each gives manifests, and the addresses of blobs."""

from __future__ import annotations

import ipaddress
import json
import posixpath
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from modelpack.errors import ModelpackError, ResolveError
from modelpack.images import manifest
from modelpack.images.reference import split
from modelpack.lock import ImageBase
from modelpack.spec import BaseImage
from modelpack.web import http

_REF_NAME = "org.opencontainers.image.ref.name"


class AbsentError(ResolveError):
    """A place does not have the image."""


class Place(Protocol):
    """A place that may have an image."""

    def resolve(self, image: BaseImage, platform: str) -> ImageBase:
        """Give what the lock says of an image.

        Raises:
            ModelpackError: it is not here, or not what was asked for.
        """

    def address(self, sha256: str) -> str | None:
        """Give where a blob can be read; None when it is not here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A folder that is an OCI layout."""

    folder: Path

    def resolve(self, image: BaseImage, platform: str) -> ImageBase:
        """As the protocol says."""
        digest = image.digest or _named(image, _index(self._bytes("index.json")), str(self.folder))
        return manifest.resolve(image, self._read(digest, manifest.LARGEST), platform, self._read)

    def address(self, sha256: str) -> str | None:
        """As the protocol says."""
        path = self.folder / "blobs/sha256" / sha256
        return path.absolute().as_uri() if path.is_file() and not path.is_symlink() else None

    def _read(self, digest: str, size: int) -> bytes:
        if not (self.folder / "blobs" / digest.replace(":", "/")).is_file():
            raise AbsentError(f"{self.folder} has no {digest}")
        return self._bytes("blobs/" + digest.replace(":", "/"), size)

    def _bytes(self, name: str, size: int = manifest.LARGEST) -> bytes:
        path = self.folder / name
        if path.is_symlink():
            raise AbsentError(f"{path} is a symlink")
        try:
            with path.open("rb") as stream:
                return stream.read(size + 1)
        except OSError as error:
            raise AbsentError(f"{path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A tar file with an OCI layout, or one that ``docker save`` wrote."""

    path: Path
    members: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name -> where the contents begin, and how many bytes they are."""

    @classmethod
    def open(cls, path: Path) -> Archive:
        """Read what is in it.

        Raises:
            ResolveError: it is not a tar file.
        """
        members: dict[str, tuple[int, int]] = {}
        links: dict[str, str] = {}
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    name = posixpath.normpath(member.name)
                    if member.isreg():
                        members[name] = (member.offset_data, member.size)
                    elif member.issym():
                        # Old versions of docker link layers that are the same.
                        links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        except tarfile.TarError as error:
            raise ResolveError(
                f"{path} is no archive of an image: {error}", hint="a compressed one has to be uncompressed"
            ) from error
        except OSError as error:
            raise ResolveError(f"{path} cannot be read: {error.strerror}") from error
        members |= {name: members[target] for name, target in links.items() if target in members}
        return cls(path=path, members=members)

    def resolve(self, image: BaseImage, platform: str) -> ImageBase:
        """As the protocol says."""
        if "index.json" in self.members:
            digest = image.digest or _named(image, _index(self._bytes("index.json")), str(self.path))
            return manifest.resolve(image, self._read(digest, manifest.LARGEST), platform, self._read)
        return self._docker(image, platform)

    def address(self, sha256: str) -> str | None:
        """As the protocol says."""
        found = self.members.get(f"blobs/sha256/{sha256}") or self._docker_members().get(sha256)
        return f"{self.path.absolute().as_uri()}#bytes={found[0]}-{found[0] + found[1]}" if found else None

    def _docker(self, image: BaseImage, platform: str) -> ImageBase:
        """Read what ``docker save`` wrote, which has no manifest: the image's digest is that of its configuration."""
        entry = self._docker_entry(image.name)
        data = self._bytes(entry["Config"])
        digest = manifest.digest_of(data)
        if image.digest and digest != image.digest:
            raise manifest.ManifestError(
                f"{image.name}: the digest of its configuration is {digest}, expected {image.digest}",
                hint="an archive of this kind has no manifest: its digest is the one that docker calls the image's ID",
            )
        settings = manifest.parse_json(data)
        diff_ids = (settings.get("rootfs") or {}).get("diff_ids") or []
        sizes = [self.members[name][1] for name in entry["Layers"]]
        if len(diff_ids) != len(sizes):
            found, wanted = len(diff_ids), len(sizes)
            raise manifest.ManifestError(f"{image.name}: its configuration has {found} layers, not {wanted}")
        layers = [manifest.blob_of(str(diff_id), size) for diff_id, size in zip(diff_ids, sizes, strict=True)]
        parts = manifest.Parts(
            top=digest,
            manifest=digest,
            config=manifest.blob_of(digest, len(data)),
            layers=tuple((blob, "application/vnd.oci.image.layer.v1.tar") for blob in layers),
        )
        return manifest.assemble(image, settings, platform, parts)

    def _docker_entry(self, name: str) -> dict[str, Any]:
        try:
            entries = json.loads(self._bytes("manifest.json"))
            named = [entry for entry in entries if name in (entry.get("RepoTags") or [])]
            (entry,) = named or entries
            return {"Config": entry["Config"], "Layers": list(entry["Layers"])}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise AbsentError(f"{self.path} holds no image, or several and none of them is {name}") from error

    def _docker_members(self) -> dict[str, tuple[int, int]]:
        """Give where blobs are, by sha256."""
        if "manifest.json" not in self.members:
            return {}
        found = {}
        try:
            for entry in json.loads(self._bytes("manifest.json")):
                config = self._bytes(entry["Config"])
                found[manifest.digest_of(config).removeprefix("sha256:")] = self.members[entry["Config"]]
                for diff_id, name in zip(json.loads(config)["rootfs"]["diff_ids"], entry["Layers"], strict=False):
                    found[diff_id.removeprefix("sha256:")] = self.members[name]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise AbsentError(f"{self.path} is no archive of an image that can be read: {error}") from error
        return found

    def _read(self, digest: str, size: int) -> bytes:
        return self._bytes("blobs/" + digest.replace(":", "/"), size)

    def _bytes(self, name: str, size: int = manifest.LARGEST) -> bytes:
        if name not in self.members:
            raise AbsentError(f"{self.path} has no {name}")
        start, length = self.members[name]
        with self.path.open("rb") as stream:
            stream.seek(start)
            return stream.read(min(length, size + 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """A registry of the OCI distribution API (distribution-spec 1.1)."""

    repository: str
    """``https://HOST[:PORT]/v2/NAME``."""

    def resolve(self, image: BaseImage, platform: str) -> ImageBase:
        """As the protocol says."""
        wanted = image.digest or split(image.name)[1]
        top = http.read(f"{self.repository}/manifests/{wanted}", accept=manifest.ACCEPT)
        manifests = _indexed(top)

        def read(digest: str, _: int) -> bytes:
            kind = "manifests" if digest in manifests else "blobs"
            return http.read(f"{self.repository}/{kind}/{digest}", accept=f"{manifest.ACCEPT}, */*")

        return manifest.resolve(image, top, platform, read)

    def address(self, sha256: str) -> str | None:
        """As the protocol says; whether it has the blob shows when it is asked."""
        return f"{self.repository}/blobs/sha256:{sha256}"


def places(image: BaseImage, sources: Sequence[str]) -> Iterator[Place]:
    """Give where to look for an image: the file that the spec names, what the machine is configured for, its host.

    Args:
        image: what to look for.
        sources: ``images.sources`` of the settings: addresses of registries, ``file:`` ones of layouts and archives.
    """
    if image.path and image.path.exists():
        yield at(image.path)
    for source in sources:
        if source.startswith("file:"):
            path = http.local_path(source)
            if path.exists():
                yield at(path)
        else:
            yield _registry(source, image)
    if image.host:
        yield _registry(f"{'http' if _is_loopback(image.host) else 'https'}://{image.host}", image)


def _registry(address: str, image: BaseImage) -> Registry:
    parts = urlsplit(address)
    names = [name for name in (parts.path.strip("/"), split(image.name)[0]) if name]
    return Registry(repository=f"{parts.scheme}://{parts.netloc}/v2/{'/'.join(names)}")


def at(path: Path) -> Place:
    """Give the place that a path is.

    Raises:
        ResolveError: it is neither a layout nor an archive.
    """
    if path.is_dir():
        if not (path / "oci-layout").is_file():
            raise ResolveError(f"{path} is no OCI layout: it has no file oci-layout")
        return Layout(folder=path)
    return Archive.open(path)


def resolve(image: BaseImage, platform: str, sources: Sequence[str]) -> ImageBase:
    """Give what the lock says of an image, from the first place that has it.

    Raises:
        ResolveError: no place has it, or it cannot be a base.
    """
    tries: list[str] = []
    hint = "name a layout, an archive or a registry in images.sources of the settings, or write the registry's host"
    for place in places(image, sources):
        try:
            return place.resolve(image, platform)
        except manifest.ManifestError:
            raise
        except ModelpackError as error:
            tries.append(error.message)
            if isinstance(error, http.HttpError) and error.status in (401, 403):
                hint = "run podman login or skopeo login for the registry; its name may be wrong too"
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            tries.append(f"an image that cannot be read: {error}")
    raise ResolveError(f"the base image could not be had: {image.name}", details=tuple(tries), hint=hint)


def _index(data: bytes) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = manifest.parse_json(data)["manifests"]
    return entries


def _named(image: BaseImage, entries: list[dict[str, Any]], where: str) -> str:
    """Give the digest that a layout's index has for a name; its only one when there is no other."""
    tag = split(image.name)[1]
    names = {str((entry.get("annotations") or {}).get(_REF_NAME)): str(entry["digest"]) for entry in entries}
    found = names.get(image.name) or names.get(tag)
    if found is None and len(entries) == 1:
        found = str(entries[0]["digest"])
    if found is None:
        raise AbsentError(f"{where} holds {len(entries)} images, none of them {image.name}: {', '.join(sorted(names))}")
    return found


def _indexed(top: bytes) -> set[str]:
    try:
        entries = manifest.parse_json(top).get("manifests") or []
    except ValueError:
        return set()
    return {entry["digest"] for entry in entries if isinstance(entry, dict) and "digest" in entry}


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
