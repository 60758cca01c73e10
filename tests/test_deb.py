from __future__ import annotations

import gzip
import io
import lzma
import sys
import tarfile

import pytest

from modelpack.debian.deb import read_member
from modelpack.errors import FetchError, ToolError

TEXT = b"\x7fELF"


def tar(*entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(b"" if isinstance(content, str) else content))
    return buffer.getvalue()


def ar(*members):
    data = b"!<arch>\n"
    for name, content in members:
        data += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        data += content + b"\n" * (len(content) % 2)
    return data


DATA = tar(("./", b""), ("./bin", "usr/bin"), ("./usr/bin/busybox", TEXT), ("./usr/bin/sh", "busybox"))


@pytest.fixture
def deb(tmp_path):
    def make(name="data.tar.xz", content=None, *, whole=None):
        path = tmp_path / "busybox_1_amd64.deb"
        packed = lzma.compress(DATA) if content is None else content
        members = ("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (name, packed)
        path.write_bytes(whole if whole is not None else ar(*members))
        return path

    return make


@pytest.mark.parametrize(
    ("name", "pack"),
    [("data.tar.xz", lzma.compress), ("data.tar.gz", gzip.compress), ("data.tar", bytes), ("data.tar/", bytes)],
)
def test_a_file_is_read_whatever_the_compression(deb, name, pack):
    assert read_member(deb(name, pack(DATA)), "bin/busybox", "usr/bin/busybox") == TEXT


def test_the_first_of_the_paths_comes_first(deb):
    path = deb("data.tar", tar(("b", b"2"), ("./a", b"1")))

    assert read_member(path, "a", "b") == b"1"


@pytest.mark.parametrize("path", ["usr/bin/none", "usr/bin/sh", "bin"])
def test_what_is_not_a_regular_file_is_not_read(deb, path):
    with pytest.raises(FetchError, match=f"busybox_1_amd64.deb has no regular file {path}"):
        read_member(deb(), path)


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (b"", "is not a Debian package"),
        (b"PK\x03\x04", "is not a Debian package"),
        (b"!<arch>\n", "has no data.tar"),
        (ar(("debian-binary", b"2.0\n")), "has no data.tar"),
        (ar(("data.tar.xz", lzma.compress(DATA)))[:-9], "it ends within data.tar.xz"),
        (ar(("debian-binary", b"2.0\n"))[:-5] + b"junk", "no header where a member"),
        (ar(("a", b""))[:40], "no header where a member"),
        (ar(("a", b"")).replace(b"0         `", b"-1        `"), "no header where a member"),
        (ar(("data.tar.xz", b"junk")), "cannot be read"),
        (ar(("data.tar.xz", lzma.compress(DATA)[:-20])), "cannot be read"),
        (ar(("data.tar.gz", gzip.compress(DATA)[:-9])), "cannot be read"),
        (ar(("data.tar", b"junk" * 300)), "cannot be read"),
    ],
    ids=[
        "empty",
        "another format",
        "no member",
        "no data",
        "truncated member",
        "junk header",
        "truncated header",
        "negative size",
        "junk xz",
        "truncated xz",
        "truncated gz",
        "junk tar",
    ],
)
def test_a_damaged_package_is_told(deb, whole, message):
    with pytest.raises(FetchError, match=message):
        read_member(deb(whole=whole), "usr/bin/busybox")


def test_a_file_that_is_there_twice_is_refused(deb):
    with pytest.raises(FetchError, match="has a twice"):
        read_member(deb("data.tar", tar(("a", b"1"), ("./a", b"2"))), "a")


def test_a_file_too_large_for_memory_is_refused(deb, monkeypatch):
    monkeypatch.setattr("modelpack.debian.deb.LIMIT", 3)

    with pytest.raises(FetchError, match="usr/bin/busybox is too large: 4 bytes"):
        read_member(deb(), "usr/bin/busybox")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python unpacks zstd")
def test_zstd_needs_a_later_python(deb):
    with pytest.raises(ToolError, match="compressed with zstd"):
        read_member(deb("data.tar.zst", b""), "a")


def test_an_unknown_compression_is_named(deb):
    with pytest.raises(ToolError, match=r"not known: data\.tar\.lzma"):
        read_member(deb("data.tar.lzma", b""), "a")


def test_a_missing_package_is_told(tmp_path):
    with pytest.raises(FetchError, match=r"none\.deb cannot be read"):
        read_member(tmp_path / "none.deb", "a")
