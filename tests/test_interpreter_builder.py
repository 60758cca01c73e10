"""``builders/interpreter``: what of a tarball arrives, and what is refused."""

from __future__ import annotations

import io
import runpy
import tarfile

import pytest
from builder import run
from elf_objects import make_elf

from modelpack.builders import programs
from modelpack.builders.elf import needed_glibc

PLAN = {
    "triplet": "x86_64-linux-gnu",
    "loader": "ld",
    "glibc": "2.36",
    "python": "3.12",
    "compiler": None,
    "tools": "/nowhere",
    "patched": False,
}


@pytest.fixture
def unpack(tmp_path):
    def unpack(files, links=()):
        path = tmp_path / "python.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o755
                archive.addfile(entry, io.BytesIO(content))
            for name, target, kind in links:
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, target
                archive.addfile(entry)
        return run("interpreter", PLAN | {"tarball": str(path), "base": str(tmp_path / "base")}, tmp_path / "work")

    return unpack


def test_a_tarball_without_the_program_is_refused(unpack):
    done = unpack({"python/bin/python3.11": b""})
    assert done.problem["message"] == "the tarball has no python/bin/python3.12"


@pytest.mark.parametrize("name", ["../evil", "other/file", "python/../../evil", "/etc/evil"])
def test_what_is_not_below_python_is_refused(unpack, name):
    assert "not below python/" in unpack({name: b""}).problem["message"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../..", "../../../x"])
def test_a_link_that_leads_out_is_refused(unpack, target):
    done = unpack({}, [("python/lib/a", target, tarfile.SYMTYPE)])
    assert "leads out of python/" in done.problem["message"]


def test_a_hard_link_that_leads_out_is_refused(unpack):
    assert "leads out" in unpack({}, [("python/lib/a", "etc/passwd", tarfile.LNKTYPE)]).problem["message"]


def test_a_damaged_tarball_is_told(tmp_path):
    (tmp_path / "python.tar.gz").write_bytes(b"\x1f\x8b\x08\x00")
    done = run("interpreter", PLAN | {"tarball": str(tmp_path / "python.tar.gz"), "base": "/"}, tmp_path / "work")
    assert "cannot be unpacked" in done.problem["message"]


def test_what_a_server_never_uses_is_left_out(unpack):
    names = ("os.py", "test/a.py", "site-packages/pip/a.py", "__pycache__/os.cpython-312.pyc", "json/tests.py")
    done = unpack({f"python/lib/python3.12/{name}": b"" for name in names} | {"python/bin/pip3": b"#!/install/x"})
    found = {str(path.relative_to(done.out)) for path in done.out.rglob("*") if path.is_file()}
    assert found == {"lib/python3.12/os.py", "lib/python3.12/json/tests.py"}


def test_an_interpreter_that_needs_a_newer_c_library_is_refused(unpack):
    done = unpack({"python/bin/python3.12": make_elf(["libc.so.6"]) + b"\0GLIBC_2.41\0"})
    assert done.problem["message"] == "bin/python3.12 needs glibc 2.41, the base has 2.36"


def test_libraries_that_nothing_provides_are_named(unpack):
    done = unpack({"python/bin/python3.12": make_elf(["libodd.so.1", "libown.so.2"]), "python/lib/libown.so.2": b""})
    assert done.problem["message"] == "bin/python3.12 needs libraries that nothing provides: libodd.so.1"


def test_an_object_that_needs_a_newer_library_of_the_compiler_is_refused(unpack, tmp_path):
    ours = tmp_path / "base/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
    ours.parent.mkdir(parents=True)
    ours.write_bytes(make_elf(name="libstdc++.so.6") + b"\0GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0")
    module = "python/lib/python3.12/lib-dynload/_a.so"
    files = {"python/bin/python3.12": make_elf(), module: make_elf(["libstdc++.so.6"]) + b"\0GLIBCXX_3.4.32\0"}

    message = "lib/python3.12/lib-dynload/_a.so needs GLIBCXX_3.4.32, the base's libstdc++.so.6 lacks it"
    assert unpack(files).problem["message"] == message


@pytest.mark.parametrize(
    ("content", "version"),
    [(b"\0GLIBC_2.9\0GLIBC_2.17\0GLIBC_2.2.5\0GLIBCXX_3.4.30\0", (2, 17)), (b"GLIBC_PRIVATE", (0,))],
)
def test_the_newest_version_of_the_c_library_counts(tmp_path, content, version):
    (tmp_path / "file").write_bytes(content)
    assert needed_glibc(str(tmp_path / "file")) == version


def test_a_python_that_does_not_ask_the_system_for_libraries_asks_the_base(tmp_path):
    ldconfig = tmp_path / "base/usr/sbin/ldconfig"
    ldconfig.parent.mkdir(parents=True)
    ldconfig.write_text("#!/bin/sh\nprintf '1 libs found\\n\\tlibz++.so.1 (libc6,x86-64) => /b/libz++.so.1\\n'\n")
    ldconfig.chmod(0o755)
    util = tmp_path / "ctypes/util.py"
    util.parent.mkdir()
    util.write_text("import os\n\n\ndef find_library(name):\n    return 'own' if name == 'own' else None\n")
    programs.find_library(str(tmp_path), str(tmp_path / "base"), patched=True)
    find = runpy.run_path(str(util))["find_library"]

    assert [find(name) for name in ("own", "z++", "z")] == ["own", "libz++.so.1", None]
