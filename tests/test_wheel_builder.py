"""``builders/wheel``: wheels are unpacked as they are, and hostile ones are refused."""

from __future__ import annotations

import importlib.util
import stat
import sys
import zipfile

import pytest
from builder import built, record_line, run, tree, write_wheel

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{PYTHON}/site-packages"


@pytest.fixture
def unpack(tmp_path):
    def unpack(files, *, run=run, **options):
        wheel = write_wheel(tmp_path / "demo-1-py3-none-any.whl", files, **options)
        return run("wheel", {"wheel": str(wheel), "name": "demo", "python": PYTHON}, tmp_path / "work")

    return unpack


def with_mode(name, content, mode):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry, content


def test_files_arrive_as_they_are_and_modules_compiled(unpack):
    out = unpack({"demo/__init__.py": b"x = 1\n", "demo/data.bin": b"\0\xff"}, run=built)
    pyc = importlib.util.cache_from_source(f"{SITE}/demo/__init__.py")
    found = tree(out)
    assert found[f"{SITE}/demo/__init__.py"] == b"x = 1\n"
    assert found[f"{SITE}/demo/data.bin"] == b"\0\xff"
    assert sorted(path for path in found if "dist-info" not in path) == sorted(
        [pyc, f"{SITE}/demo/__init__.py", f"{SITE}/demo/data.bin"]
    )


def test_tracebacks_of_the_modules_show_no_path_of_the_build(unpack, tmp_path):
    out = unpack({"demo/__init__.py": b"def f(): ...\n"}, run=built)
    pyc = (out / importlib.util.cache_from_source(f"{SITE}/demo/__init__.py")).read_bytes()
    assert f"{SITE}/demo/__init__.py".encode() in pyc
    assert str(tmp_path).encode() not in pyc


def test_data_folders_go_where_they_belong(unpack):
    files = {
        "demo-1.data/purelib/pure.py": b"",
        "demo-1.data/platlib/plat.txt": b"",
        "demo-1.data/scripts/tool": b"#!python\n",
        "demo-1.data/headers/demo.h": b"",
        "demo-1.data/data/share/man.1": b"",
    }
    found = tree(unpack(files, run=built))
    places = {f"{SITE}/pure.py", f"{SITE}/plat.txt", "scripts/tool", "data/include/demo/demo.h", "data/share/man.1"}
    assert places <= set(found)
    assert importlib.util.cache_from_source(f"{SITE}/pure.py") in found
    assert found["scripts/tool"] == b"#!python\n"


def test_only_the_executable_bit_of_a_mode_is_kept(unpack):
    tool, data = with_mode("demo/tool", b"", 0o100700), with_mode("demo/x", b"", 0o100666)
    out = unpack({"demo/tool": tool, "demo/x": data}, run=built)
    assert stat.S_IMODE((out / SITE / "demo/tool").stat().st_mode) == 0o755
    assert not (out / SITE / "demo/x").stat().st_mode & 0o111


def test_bytecode_that_a_wheel_brings_is_left_out(unpack):
    found = tree(unpack({"demo/__pycache__/a.cpython-311.pyc": b"old"}, run=built))
    assert not any("a.cpython" in path for path in found)


def test_folders_of_their_own_are_not_files(unpack):
    record = record_line("demo/a", b"") + "demo-1.dist-info/RECORD,,\n"
    assert f"{SITE}/demo/a" in tree(unpack({"demo/": b"", "demo/a": b""}, run=built, record=record))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil", "unsafe name: '../evil'"),
        ("demo/../../evil", "unsafe name: 'demo/../../evil'"),
        ("/etc/evil", "unsafe name: '/etc/evil'"),
        ("demo\\..\\evil", r"unsafe name: 'demo\\..\\evil'"),
        ("demo//evil", "unsafe name: 'demo//evil'"),
        ("./evil", "unsafe name: './evil'"),
        ("demo-1.data/scripts/../../evil", "unsafe name: 'demo-1.data/scripts/../../evil'"),
        ("demo-1.data/lib/evil", "a data folder that is not known: lib"),
        ("demo-1.data/evil", "a data folder that is not known: evil"),
    ],
)
def test_a_file_with_an_unsafe_name_is_refused_before_it_is_written(unpack, tmp_path, name, message):
    done = unpack({name: b"evil"})
    assert message in done.problem["message"]
    assert done.problem["message"].startswith("demo: ")
    assert not [path for path in tmp_path.rglob("*evil*") if path.is_file()]


def test_a_symlink_is_refused(unpack):
    done = unpack({"demo/link": with_mode("demo/link", b"/etc/passwd", 0o120777)})
    assert done.problem["message"] == "demo: the wheel holds a symlink, which wheels may not: demo/link"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(unpack):
    done = unpack({"demo/a": b"1", "again": (zipfile.ZipInfo("demo/a"), b"2")}, record=record_line("demo/a", b"1"))
    assert done.problem["message"] == "demo: the wheel holds a file twice"


def test_two_files_of_a_wheel_for_one_place_are_refused(unpack):
    done = unpack({"demo.py": b"1", "demo-1.data/purelib/demo.py": b"2"})
    assert done.problem["message"] == f"demo: the wheel holds a file twice: {SITE}/demo.py"


def test_a_file_that_is_also_a_folder_is_refused(unpack):
    done = unpack({"demo": b"1", "demo/a": b"2"})
    assert done.problem["message"] == f"demo: the wheel holds a file twice: {SITE}/demo"


def test_a_file_that_is_not_what_record_says_is_refused(unpack):
    done = unpack({"demo/a": b"changed"}, record=record_line("demo/a", b"as it was") + "demo-1.dist-info/RECORD,,\n")
    assert done.problem["message"] == "demo: demo/a is not what RECORD says"
    assert done.problem["file"] == "demo/a"


def test_a_file_that_only_record_has_is_refused(unpack):
    done = unpack({"demo/a": b"1"}, record=record_line("demo/a", b"1") + record_line("demo/gone", b""))
    assert done.problem["message"] == "demo: RECORD lists files that the wheel does not hold: demo/gone"


def test_a_wheel_without_record_is_refused(unpack):
    done = unpack({"demo/a": b"1"}, record="")
    assert done.problem["message"] == "demo: the wheel has 0 RECORD files, it must have one"


def test_a_wheel_of_two_distributions_is_refused(unpack):
    done = unpack({"other-1.dist-info/RECORD": b""})
    assert done.problem["message"] == "demo: the wheel has 2 RECORD files, it must have one"


def test_what_is_not_a_zip_file_is_refused(tmp_path):
    wheel = tmp_path / "demo-1-py3-none-any.whl"
    wheel.write_bytes(b"<html>not found</html>")
    done = run("wheel", {"wheel": str(wheel), "name": "demo", "python": PYTHON}, tmp_path / "work")
    assert done.problem["message"] == "demo: not a wheel that can be read: File is not a zip file"


@pytest.mark.parametrize("spoil", ["content", "length", "method", "encrypted", "record"])
def test_a_damaged_wheel_is_refused(unpack, tmp_path, spoil):
    record = b"\xff\xfe" if spoil == "record" else None
    unpack({"demo/a": b"content " * 1000}, record=record)
    wheel = tmp_path / "demo-1-py3-none-any.whl"
    data = bytearray(wheel.read_bytes())
    name = data.index(b"demo/a")
    central = data.rindex(b"PK\x01\x02", 0, data.rindex(b"demo/a"))
    if spoil == "content":
        data[name + 10] ^= 0xFF
    elif spoil == "length":
        data = data[: len(data) // 2]
    elif spoil == "method":
        data[central + 10] = 97
    elif spoil == "encrypted":
        data[central + 8] |= 1
        data[name - 30 + 6] |= 1
    wheel.write_bytes(data)
    done = run("wheel", {"wheel": str(wheel), "name": "demo", "python": PYTHON}, tmp_path / "again")
    assert done.problem["message"].startswith("demo: not a wheel that can be read: ")
