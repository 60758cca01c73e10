"""Which format a file has: by its magic number and structure, and never by its name."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import BinaryIO

from modelpack.weights import arrays, gguf, onnx, pickles, safetensors
from modelpack.weights.content import DEPTH, Content, Damaged, Stream
from modelpack.weights.opcodes import OPERATIONS
from modelpack.weights.packed import ERRORS, Opener, compression, seekable, tar_members, unpacked, zip_members

_HEAD = 4096
_WINDOW = 1 << 20
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_FRAME = b"\x95"
_LAMBDAS = (b'"class_name": "Lambda"', b'"class_name":"Lambda"')
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (4, b"TFL3", "tflite", "tflite"),
    (0, b"CBM1", "catboost", "catboost"),
    (0, b"binf", "xgboost", "xgboost"),
    (0, b"{L\0\0\0\0", "xgboost", "xgboost"),
    (0, b"ptrt", "tensorrt", "tensorrt"),
    (0, b"ftrt", "tensorrt", "tensorrt"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", "packed"),
    (0, b"Rar!\x1a\x07", "rar", "packed"),
    (0, b"\x28\xb5\x2f\xfd", "zstd", "packed"),
    (0, b"\x04\x22\x4d\x18", "lz4", "packed"),
)
"""Offset, bytes, name, and kind of formats that are only recognised."""
_STORAGE = re.compile(r"[^/]+/data/[0-9]+")
_MORE_PICKLES = 64
_TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The number that torch's files before version 1.6 begin with, as a pickle, after its protocol."""


def inspect(path: Path) -> Content:
    """Find out what a file is; whatever it holds, there is no exception but that it cannot be read.

    Raises:
        OSError: it cannot be read.
    """
    content = Content()
    with path.open("rb", buffering=1 << 16) as file:
        size = os.fstat(file.fileno()).st_size

        def opener() -> Stream:
            file.seek(0)
            return Stream(file, size)

        _look(opener, content, 0)
    return content


def _look(opener: Opener, content: Content, depth: int) -> None:
    """Find out what a stream is, and keep what is wrong with it."""
    try:
        head = opener().peek(_HEAD)
        _dispatch(opener, head, content, depth)
    except Damaged as error:
        content.problems.append(str(error))
    except (RecursionError, MemoryError):
        content.problems.append("it is nested deeper, or larger, than any model")
    except ERRORS as error:
        content.problems.append(f"it is damaged: {str(error) or type(error).__name__}")


def _dispatch(opener: Opener, head: bytes, content: Content, depth: int) -> None:
    if depth > DEPTH:
        raise Damaged("archives lie too deep in each other")
    if not head:
        content.settle("empty")
    elif pickles.begins(head):
        _pickles(opener(), content, certain=head[1] >= 4 and head[2:3] == _FRAME)
    elif _known(opener, head, content, depth):
        return
    elif name := compression(head):
        _compressed(opener, name, content, depth)
    elif not _tried(opener, head, content):
        content.settle("text" if _is_text(head) else "other", *(() if _is_text(head) else ("other",)))


def _known(opener: Opener, head: bytes, content: Content, depth: int) -> bool:
    """Take what has a magic number."""
    for offset, magic, name, kind in _MAGIC:
        if head[offset:].startswith(magic):
            content.settle(name, kind)
            return True
    if safetensors.is_safetensors(head):
        safetensors.read(opener(), content)
    elif head.startswith(gguf.MAGIC):
        gguf.read(opener(), content)
    elif head.startswith(arrays.MAGIC):
        arrays.read(opener(), content, depth)
    elif head.startswith(_HDF5):
        content.settle("hdf5", "hdf5")
        _find_lambda(opener(), content)
    else:
        return _archive(opener, head, content, depth)
    return True


def _archive(opener: Opener, head: bytes, content: Content, depth: int) -> bool:
    """Take what holds other files."""
    is_zip = head.startswith(_ZIP)
    if not is_zip and head[257:262] != b"ustar":
        return False
    with seekable(opener) as file:
        file.seek(0)
        if is_zip:
            _zip(file, content, depth)
            return True
        content.settle("tar")
        for name, member in tar_members(file):
            _member(name, member, content, depth)
    return True


def _tried(opener: Opener, head: bytes, content: Content) -> bool:
    """Take what has no magic number and has to be read to be known."""
    if head[:1] in OPERATIONS and pickles.is_pickle(opener()):
        _pickles(opener(), content, certain=True)
        return True
    if head[:1] != b"\x08":
        return False
    found = onnx.recognise(opener())
    if found == "onnx":
        onnx.read(opener(), content)
    elif found == "savedmodel":
        content.settle("savedmodel", "savedmodel")
    return found is not None


def _pickles(stream: Stream, content: Content, *, certain: bool) -> None:
    """Walk one pickle, and those that follow it at once, as torch wrote them before version 1.6.

    Two bytes alone are no proof: what fails before it imports anything is then taken for other data.
    """
    old_torch = stream.peek(16)[2:].startswith(_TORCH_MAGIC)
    try:
        pickles.walk(stream, content)
    except Damaged:
        if not certain and not content.imports:
            content.settle("other", "other")
            return
        content.settle("pickle", "pickle")
        raise
    content.settle("torch" if old_torch else "pickle", "pickle")
    for _ in range(_MORE_PICKLES):
        if not pickles.begins(stream.peek(2)):
            return
        try:
            pickles.walk(stream, content)
        except Damaged:
            # Data after the last pickle that happens to begin as one.
            return


def _compressed(opener: Opener, name: str, content: Content, depth: int) -> None:
    inner = Content()
    try:
        _dispatch(unpacked(opener, name), unpacked(opener, name)().peek(_HEAD), inner, depth + 1)
    except ERRORS:
        # Two bytes are no proof that it is compressed.
        if name in ("zlib", "lzma") and not inner.format:
            content.settle("other", "other")
            return
        _merge(inner, content)
        raise
    _merge(inner, content)
    plain = inner.format in ("text", "other", "empty")
    content.settle(name if plain else inner.format)
    content.details["compression"] = name


def _zip(file: BinaryIO, content: Content, depth: int) -> None:
    names = []
    found = Content()
    for name, member in zip_members(file):
        names.append(name)
        if name.rpartition("/")[2] == "config.json":
            _find_lambda(member(), found)
        # torch reads storages as bytes, whatever they look like.
        if not _STORAGE.fullmatch(name):
            _member(name, member, found, depth)
    kind = _zip_format(names)
    if kind == "torchscript":
        found.kinds = {"torchscript"} if found.kinds <= {"pickle"} else found.kinds | {"torchscript"}
    content.settle(kind, *({"keras"} if kind == "keras" else ()))
    if kind == "keras":
        found.kinds -= {"hdf5"}
    _merge(found, content)


def _zip_format(names: list[str]) -> str:
    """Tell by the names of its files what a zip archive is."""
    ends = {name.partition("/")[2] for name in names}
    if "data.pkl" in ends:
        return "torchscript" if "constants.pkl" in ends else "torch"
    if {"config.json", "metadata.json"} <= set(names):
        return "keras"
    if names and all(name.endswith(".npy") for name in names):
        return "numpy"
    if "schema.json" in names:
        return "skops"
    return "mar" if "MAR-INF/MANIFEST.json" in names else "zip"


def _member(name: str, opener: Opener, content: Content, depth: int) -> None:
    """Take what a file of an archive holds as the archive's."""
    found = Content()
    _look(opener, found, depth + 1)
    found.problems = [f"{name}: {problem}" for problem in found.problems]
    found.details = {}
    _merge(found, content)


def _merge(inner: Content, content: Content) -> None:
    content.kinds |= inner.kinds - {"other"}
    content.imports |= inner.imports
    content.versions |= inner.versions
    content.details |= inner.details
    content.problems += inner.problems


def _find_lambda(stream: Stream, content: Content) -> None:
    """Look for Keras' Lambda layers, whose configuration is marshalled code."""
    tail = b""
    while data := stream.peek(_WINDOW):
        if any(word in tail + data for word in _LAMBDAS):
            content.kinds.add("marshal")
            return
        tail = data[-32:]
        stream.skip(len(data))


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
