"""Nix archives (NAR, format 1): the hash that a folder has as a store path, without making a copy of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from modelpack.lock import FileEntry

_CHUNK = 1 << 20

Node = FileEntry | dict[str, "Node"]
"""An entry, or a folder of nodes by name."""


class ChangedError(Exception):
    """A file is not, or no longer, what its entry says; ``path`` is the entry's."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def nar_sha256(entries: Iterable[FileEntry], contents: Callable[[FileEntry], BinaryIO]) -> str:
    """Give the hexadecimal sha256 of the NAR of a folder that holds exactly these files and symlinks.

    Args:
        entries: of the folder, in any order; folders are implied by their paths.
        contents: opens a regular file, to be read from its beginning and closed.

    Raises:
        ChangedError: a file has other bytes than its entry says.
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256(_word("nix-archive-1"))
    for chunk in _node(_tree(entries), contents):
        digest.update(chunk)
    return digest.hexdigest()


def _tree(entries: Iterable[FileEntry]) -> dict[str, Node]:
    root: dict[str, Node] = {}
    for entry in entries:
        *folders, name = entry.path.split("/")
        inside = root
        for folder in folders:
            child = inside.setdefault(folder, {})
            if not isinstance(child, dict):
                raise ValueError(f"{entry.path}: lies below a file")  # noqa: TRY004 - the path is wrong
            inside = child
        if name in inside:
            raise ValueError(f"{entry.path}: is there twice")
        inside[name] = entry
    return root


def _node(node: Node, contents: Callable[[FileEntry], BinaryIO]) -> Iterator[bytes]:
    if isinstance(node, dict):
        yield _words("(", "type", "directory")
        for name in sorted(node):
            yield _words("entry", "(", "name", name, "node")
            yield from _node(node[name], contents)
            yield _word(")")
    elif node.link is not None:
        yield _words("(", "type", "symlink", "target", node.link)
    else:
        yield _words("(", "type", "regular", *(("executable", "") if node.executable else ()), "contents")
        yield node.size.to_bytes(8, "little")
        yield from _content(node, contents(node))
        yield bytes(-node.size % 8)
    yield _word(")")


def _content(entry: FileEntry, file: BinaryIO) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            yield chunk
    # Equal digests are equal sizes, so the length written before the content was right.
    if digest.hexdigest() != entry.sha256:
        raise ChangedError(entry.path)


def _words(*texts: str) -> bytes:
    return b"".join(map(_word, texts))


def _word(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)
