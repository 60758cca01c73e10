"""Makes one image layer out of whole store paths.

The tar is not kept: what identifies it is computed while it streams by. A compressed layer is kept, since
compressing costs more than everything else; one that is not compressed is streamed from the store again by whoever
needs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from modelpack.builders import streams, tarstream

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar"
"""Of an uncompressed layer; compressed ones have a suffix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skeleton:
    """What the layer with the root file system's own files follows from."""

    base: str
    """Store path."""
    user: str
    """``uid:gid``."""
    suite: str | None = None
    """Code name of the Debian release."""
    tree: str | None = None
    """Store path of the files of the base image below this layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """What the layer with links to parts of the package follows from."""

    links: Mapping[str, str]
    """Absolute path in the image -> target, a path in the store."""
    tree: str | None = None
    """As for ``Skeleton``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """What is known of a layer."""

    name: str
    """For people: what is in it."""
    paths: tuple[str, ...]
    """Store paths, sorted."""
    skeleton: Skeleton | None = None
    """The layer holds the root file system's own files instead of store paths."""
    links: Links | None = None
    """The layer holds links to parts of the package instead of store paths."""
    blob: str | None = None
    """Store path of the blob of a layer that is a base image's."""
    diff_id: str
    """``sha256:HEX`` of the tar."""
    tar_size: int
    """Bytes."""
    digest: str
    """``sha256:HEX`` of the blob: the tar, compressed or not."""
    size: int
    """Bytes of the blob."""
    media_type: str


def main() -> None:
    """Build from the plan: ``name``, ``paths``, ``compression`` and ``zstd`` as ``write`` takes them."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    paths = tuple(sorted(plan["paths"]))
    about = {"name": plan["name"], "paths": paths}
    write(os.environ["out"], tarstream.store_paths(paths), about, plan["compression"], plan["zstd"])


def write(
    out: str, entries: Iterable[tarstream.Entry], about: dict[str, Any], compression: str, zstd: str | None
) -> Layer:
    """Write ``layer.json`` and, unless the compression is ``none``, ``blob`` into the new folder ``out``.

    Args:
        out: where.
        entries: what the layer holds.
        about: the fields of ``Layer`` that say what the layer is.
        compression: ``zstd``, ``gzip`` or ``none``.
        zstd: the program, for the compression of that name.
    """
    os.mkdir(out)
    tar, blob = streams.Digest(), streams.Digest()
    pieces = tar.watch(tarstream.archive(entries))
    if compression == "none":
        for _ in pieces:
            pass
        blob = tar
    else:
        with open(f"{out}/blob", "xb") as target:
            target.writelines(blob.watch(_compress(pieces, compression, zstd)))
    layer = Layer(
        **about,
        diff_id=tar.finish(),
        tar_size=tar.size,
        digest=blob.finish(),
        size=blob.size,
        media_type=MEDIA_TYPE if compression == "none" else f"{MEDIA_TYPE}+{compression}",
    )
    with open(f"{out}/layer.json", "x", encoding="utf-8") as report:
        json.dump({key: value for key, value in asdict(layer).items() if value is not None}, report, indent=2)
        report.write("\n")
    return layer


def _compress(pieces: Iterable[bytes], compression: str, zstd: str | None) -> Iterator[bytes]:
    if compression == "zstd" and zstd:
        cores = int(os.environ.get("NIX_BUILD_CORES") or "0") or os.cpu_count() or 1
        return streams.zstd(pieces, zstd, cores)
    if compression == "gzip":
        return streams.gzip(pieces)
    raise ValueError(f"unknown compression: {compression}")


if __name__ == "__main__":
    main()
