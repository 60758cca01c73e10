"""``builders/elf``: held against objects of this machine and against what binutils would say of made ones."""

from __future__ import annotations

import struct
import sys
import sysconfig
from pathlib import Path

import pytest

from modelpack.builders.elf import read_dynamic


def make_elf(needed=(), *, runpath=None, rpath=None, base=0x1000):
    """Give a shared object that is nothing but headers, a string table and a dynamic section."""
    strings, offsets = b"\0", {}
    for name in (*needed, *filter(None, (runpath, rpath))):
        offsets[name] = len(strings)
        strings += name.encode() + b"\0"
    table = 64 + 2 * 56
    dynamic = table + (len(strings) + 15) // 16 * 16
    entries = [(1, offsets[name]) for name in needed]
    entries += [(29, offsets[runpath])] if runpath else []
    entries += [(15, offsets[rpath])] if rpath else []
    entries += [(5, base + table), (0, 0)]
    data = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    end = dynamic + len(data)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, base, base, end, end, 4096)
    link = struct.pack("<IIQQQQQQ", 2, 4, dynamic, base + dynamic, base + dynamic, len(data), len(data), 8)
    return (head + load + link + strings).ljust(dynamic, b"\0") + data


@pytest.fixture
def object_file(tmp_path):
    def write(content):
        path = tmp_path / "object.so"
        path.write_bytes(content)
        return str(path)

    return write


def test_the_needed_libraries_are_read(object_file):
    found = read_dynamic(object_file(make_elf(["libgomp.so.1", "libc.so.6"])))
    assert (found.needed, found.has_runpath) == (("libgomp.so.1", "libc.so.6"), False)


def test_a_runpath_is_told_from_an_rpath(object_file):
    assert read_dynamic(object_file(make_elf(["a.so"], runpath="$ORIGIN"))).has_runpath
    assert not read_dynamic(object_file(make_elf(["a.so"], rpath="$ORIGIN"))).has_runpath


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        b"not an object, but longer than the header of one is " * 4,
        b"\x7fELF\x01\x01" + b"\0" * 60,
        b"\x7fELF\x02\x01" + b"\0" * 58,
    ],
)
def test_what_is_no_dynamic_object_has_no_needs(object_file, content):
    assert read_dynamic(object_file(content)) is None


def test_a_cut_object_is_no_reason_to_fail(object_file):
    whole = make_elf(["libc.so.6"])
    for length in range(64, len(whole), 7):
        read_dynamic(object_file(whole[:length]))


def test_an_object_of_this_machine_needs_libc():
    folder = Path(sysconfig.get_path("platstdlib")) / "lib-dynload"
    objects = sorted(folder.glob("*.so")) if folder.is_dir() else []
    found = [read_dynamic(str(path)) for path in [*objects[:5], Path(sys.executable).resolve()]]
    assert any("libc.so.6" in item.needed for item in found if item)


def test_where_libraries_are_looked_for_is_read(object_file):
    assert read_dynamic(object_file(make_elf(["a.so"], rpath="/base/lib"))).search_path == "/base/lib"
    assert read_dynamic(object_file(make_elf(["a.so"], rpath="/base/lib", runpath="/own"))).search_path == "/own"


def test_a_program_names_its_interpreter_and_a_library_has_none(object_file):
    assert "ld-linux" in read_dynamic(str(Path(sys.executable).resolve())).interpreter
    assert read_dynamic(object_file(make_elf(["a.so"]))).interpreter == ""


def test_segments_that_lie_over_each_other_are_seen(object_file):
    # Two segments of the same place: the second header says PT_LOAD instead of PT_DYNAMIC, a third one is the section.
    whole = bytearray(make_elf(["a.so"]))
    assert read_dynamic(object_file(bytes(whole))).sound
    load = whole[64:120]
    struct.pack_into("<H", whole, 56, 3)
    struct.pack_into("<Q", whole, 32, len(whole))
    assert not read_dynamic(object_file(bytes(whole + load + load + whole[120:176]))).sound
