"""``builders/elf``: held against objects of this machine and against what binutils would say of made ones."""

from __future__ import annotations

import struct
import sys
import sysconfig
from pathlib import Path

import pytest
from elf_objects import make_elf

from modelpack.builders.elf import read_dynamic


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
    whole = make_elf(["a.so"])
    assert read_dynamic(object_file(whole)).sound
    # A longer table of headers, at the end, that has the first one twice.
    headers = bytearray(whole[:64])
    struct.pack_into("<Q", headers, 32, len(whole))
    struct.pack_into("<H", headers, 56, 3)
    load, dynamic = whole[64:120], whole[120:176]
    assert not read_dynamic(object_file(bytes(headers) + whole[64:] + load + load + dynamic)).sound


def test_a_library_says_its_name_and_machine(object_file):
    found = read_dynamic(object_file(make_elf(name="liba.so.1", machine=183)))
    assert (found.name, found.machine) == ("liba.so.1", 183)
