"""Deterministic tar streams: the same entries give the same bytes on every machine.

POSIX ustar headers, written here because a header object per file costs more than hashing the file; pax records
(POSIX.1-2001) only where ustar cannot say it: long or non-ASCII names, sizes from 8 GiB.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MTIME = 1
"""Seconds since 1970, as the Nix store has it; 0 reads as "unknown" in some tools."""
CHUNK = 1 << 20
"""Bytes read at a time, and the least that is handed on at a time."""
END = bytes(1024)
"""What ends an archive."""
REGULAR, SYMLINK, DIRECTORY = b"0", b"2", b"5"
"""Type flags of ustar."""

_BLOCK = 512
_LARGEST_SIZE = 8**11 - 1
_LARGEST_ID = 8**7 - 1
_NAME, _PREFIX, _LINK = 100, 155, 100
# With the version, and no names of users, groups and devices.
_MAGIC = b"ustar\x0000" + bytes(32 + 32 + 8 + 8)
_PAX = b"x"
_PADDING = bytes(_BLOCK)
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class TarError(OSError):
    """A tree cannot be written: it changed while it was read, or holds what a store never does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of an archive; names are bytes, since that is what a file system has."""

    name: bytes
    """Below the root, with neither leading nor trailing slash."""
    kind: bytes
    """``REGULAR``, ``SYMLINK`` or ``DIRECTORY``."""
    mode: int
    size: int = 0
    link: bytes = b""
    """Target of a symlink."""
    source: bytes = b""
    """File on this machine with the contents; empty: they are in ``content``."""
    content: bytes = b""
    uid: int = 0
    gid: int = 0


def directory(name: str, mode: int = 0o755, *, uid: int = 0, gid: int = 0) -> Entry:
    """Describe a directory."""
    return Entry(os.fsencode(name), DIRECTORY, mode, uid=uid, gid=gid)


def symlink(name: str, target: str) -> Entry:
    """Describe a symlink."""
    return Entry(os.fsencode(name), SYMLINK, 0o777, link=os.fsencode(target))


def file(name: str, content: bytes, mode: int = 0o444) -> Entry:
    """Describe a small file by its contents."""
    return Entry(os.fsencode(name), REGULAR, mode, len(content), content=content)


def walk(name: str, source: str) -> Iterator[Entry]:
    """Describe the tree at ``source`` as ``name``, parents first, siblings in the order of their bytes.

    Contents and executable bits count, as in a NAR; owners, times and hard links do not. Directories are 0755 and
    not the store's 0555: nobody but root gains by it, and without it an ordinary user who unpacked an image could
    not delete it, and simple tar programs could not fill what they just made.

    Raises:
        TarError: a device, a socket or a pipe.
    """
    start = os.fsencode(source)
    pending = [(os.fsencode(name), start, os.lstat(start))]
    while pending:
        name_, source_, status = pending.pop()
        mode = status.st_mode
        if stat.S_ISREG(mode):
            permissions = 0o555 if mode & 0o100 else 0o444
            yield Entry(name_, REGULAR, permissions, status.st_size, source=source_)
        elif stat.S_ISDIR(mode):
            yield Entry(name_, DIRECTORY, 0o755)
            with os.scandir(source_) as found:
                children = [(child.name, child.stat(follow_symlinks=False)) for child in found]
            children.sort(reverse=True, key=lambda child: child[0])
            pending += [(b"%b/%b" % (name_, child), b"%b/%b" % (source_, child), st) for child, st in children]
        elif stat.S_ISLNK(mode):
            yield Entry(name_, SYMLINK, 0o777, link=os.readlink(source_))
        else:
            raise TarError(f"neither file, folder nor symlink: {os.fsdecode(source_)}")


def store_paths(paths: Iterable[str], root: str = "/") -> Iterator[Entry]:
    """Describe whole store paths and the folders above them.

    Args:
        paths: absolute, such as ``/nix/store/<hash>-name``.
        root: folder below which they lie on this machine.
    """
    ordered = sorted(paths)
    yield from folders_above(ordered)
    for path in ordered:
        yield from walk(path[1:], root.rstrip("/") + path)


def folders_above(paths: Iterable[str]) -> Iterator[Entry]:
    """Describe the folders above absolute paths, each once."""
    above = {path[1:end] for path in paths for end in range(2, path.rfind("/") + 1) if path[end] == "/"}
    return (directory(name) for name in sorted(above))


def stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Give the members' bytes in pieces of ``CHUNK`` or a little more; ``END`` is for the caller to add.

    Raises:
        TarError: a file is not as long as its entry says.
    """
    pieces: list[bytes] = []
    size = 0
    for entry in entries:
        pieces.append(header(entry))
        if entry.size >= CHUNK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
            yield from contents(entry)
        elif entry.size:
            pieces += contents(entry)
            size += entry.size
        pieces.append(padding(entry.size))
        size += _BLOCK
        if size >= CHUNK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    if pieces:
        yield b"".join(pieces)


def contents(entry: Entry) -> Iterator[bytes]:
    """Give a file's bytes; errors as for ``stream``."""
    if not entry.source:
        return iter((entry.content,))
    return _read_large(entry) if entry.size >= CHUNK else iter((_read_small(entry),))


def archive(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Give a whole archive in pieces, with its end."""
    yield from stream(entries)
    yield END


def padding(size: int) -> bytes:
    """Give the zeros that follow ``size`` bytes of contents."""
    return _PADDING[size % _BLOCK :] if size % _BLOCK else b""


def header(entry: Entry) -> bytes:
    """Give the blocks before an entry's contents: the ustar header, after pax records where it needs them."""
    name = entry.name + b"/" if entry.kind == DIRECTORY else entry.name
    prefix, short = _split(name)
    records = b"".join(_record(key, value) for key, value in _extensions(entry, name, short))
    if not records:
        return _ustar(entry, short, prefix)
    extension = Entry(b"././@PaxHeader", _PAX, 0o644, len(records))
    pax = _ustar(extension, extension.name) + records + padding(len(records))
    return pax + _ustar(entry, short or name[:_NAME], prefix)


def _split(name: bytes) -> tuple[bytes, bytes]:
    """Give what of a name goes into ustar's fields for prefix and name; the second is empty when it does not fit."""
    if len(name) <= _NAME:
        return b"", name
    # The slash between the fields is implied; one that ends a directory's name stays with it.
    cut = name.rfind(b"/", 0, min(_PREFIX + 1, len(name) - 1))
    if cut <= 0 or len(name) - cut - 1 > _NAME:
        return b"", b""
    return name[:cut], name[cut + 1 :]


def _extensions(entry: Entry, name: bytes, short: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give what ustar cannot say of an entry, as pax keywords and values."""
    if not (_is_utf8(name) and _is_utf8(entry.link)):
        yield b"hdrcharset", b"BINARY"
    if not short or not name.isascii():
        yield b"path", name
    if len(entry.link) > _LINK or not entry.link.isascii():
        yield b"linkpath", entry.link
    if entry.size > _LARGEST_SIZE:
        yield b"size", b"%d" % entry.size
    if entry.uid > _LARGEST_ID:
        yield b"uid", b"%d" % entry.uid
    if entry.gid > _LARGEST_ID:
        yield b"gid", b"%d" % entry.gid


def _ustar(entry: Entry, name: bytes, prefix: bytes = b"") -> bytes:
    head = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.ljust(_NAME, b"\0"),
        entry.mode,
        min(entry.uid, _LARGEST_ID),
        min(entry.gid, _LARGEST_ID),
        entry.size if entry.size <= _LARGEST_SIZE else 0,
        MTIME,
    )
    link = entry.kind + entry.link[:_LINK]
    # The checksum counts its own field as eight spaces.
    checksum = sum(head) + sum(link) + sum(_MAGIC) + sum(prefix) + 8 * 0x20
    fields = b"%b%06o\0 %b%b%b" % (head, checksum, link.ljust(1 + _LINK, b"\0"), _MAGIC, prefix)
    return fields.ljust(_BLOCK, b"\0")


def _record(key: bytes, value: bytes) -> bytes:
    """Give a pax record; its length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_small(entry: Entry) -> bytes:
    descriptor = os.open(entry.source, _OPEN)
    try:
        # One byte more than expected: a file that has grown is noticed.
        data = os.read(descriptor, entry.size + 1)
        while len(data) < entry.size and (more := os.read(descriptor, entry.size + 1 - len(data))):
            data += more
    finally:
        os.close(descriptor)
    if len(data) != entry.size:
        raise _changed(entry)
    return data


def _read_large(entry: Entry) -> Iterator[bytes]:
    left = entry.size
    descriptor = os.open(entry.source, _OPEN)
    try:
        while data := os.read(descriptor, CHUNK):
            left -= len(data)
            if left < 0:
                break
            yield data
    finally:
        os.close(descriptor)
    if left:
        raise _changed(entry)


def _changed(entry: Entry) -> TarError:
    return TarError(f"changed while it was read: {os.fsdecode(entry.source)}")
