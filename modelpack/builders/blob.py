"""Reads the blobs of image layers that others made: tar archives, plain or compressed with gzip or zstd."""

from __future__ import annotations

import gzip
import subprocess
import zlib
from collections.abc import Iterator

_PIECE = 1 << 20


class BlobError(OSError):
    """A blob that cannot be uncompressed."""


def uncompressed(path: str, media_type: str, zstd: str) -> Iterator[bytes]:
    """Give the tar of a layer in pieces.

    Args:
        path: file with the blob.
        media_type: of OCI; its suffix says how it is compressed.
        zstd: the program, for layers that need it.

    Raises:
        BlobError: it is not what its media type says.
    """
    if media_type.endswith("+zstd"):
        yield from _unzstd(path, zstd)
        return
    try:
        with gzip.open(path) if media_type.endswith("+gzip") else open(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BlobError(f"not what gzip writes: {path}: {error}") from error


def _unzstd(path: str, program: str) -> Iterator[bytes]:
    with subprocess.Popen([program, "-dcq", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - both are pipes
        assert process.stderr is not None  # noqa: S101
        while piece := process.stdout.read(_PIECE):
            yield piece
        if process.wait():
            raise BlobError(f"not what zstd writes: {path}: {process.stderr.read().decode(errors='replace').strip()}")
