"""``builders/conda``: what of a package arrives where, and what is refused."""

from __future__ import annotations

import shutil

import pytest
from builder import run
from conda_channel import PLACEHOLDER, Channel

from modelpack.builders import conda

PLAN = {"python": "3.12", "base": "/nowhere", "tools": "/nowhere", "triplet": "x86_64-linux-gnu", "glibc": "2.36"}


@pytest.fixture
def link(tmp_path):
    """Link packages; without a Python it always ends with a problem."""

    def link(*packages, zstd=None):
        channel = Channel(tmp_path / "channel")
        for name, files, options in packages:
            channel.add(name, "1", files, zstd=zstd, **options)
        found = [
            {"name": path.name.split("-")[0], "filename": path.name, "path": str(path)}
            for path in sorted((tmp_path / "channel").glob("*/*"))
        ]
        return run("conda", PLAN | {"packages": found, "zstd": zstd}, tmp_path / "work")

    return link


def files(done):
    return {str(path.relative_to(done.out)) for path in done.out.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("zstd", [None, shutil.which("zstd")])
def test_a_prefix_without_a_python_says_so_and_its_files_are_in_place(link, zstd):
    noarch = {"site-packages/a.py": b"", "python-scripts/run": b"#!", "share/man/man1/a.1": b"", "etc/a": b""}
    options = {"noarch": "python", "entry_points": ["go = a.b:C.main"]}
    done = link(("one", noarch, options), ("two", {"lib/two.so": b"", "lib/two.a": b""}, {}), zstd=zstd)

    assert done.problem["message"] == "the packages of conda have no bin/python3.12"
    assert files(done) == {"lib/python3.12/site-packages/a.py", "bin/run", "etc/a", "scripts/go", "lib/two.so"}
    assert (done.out / "scripts/go").read_text().splitlines()[:4] == ["#!python", "import sys", "", "from a.b import C"]


def test_the_prefix_stands_in_place_of_the_placeholder(link):
    text, binary = f"x={PLACEHOLDER}/a:{PLACEHOLDER}/b", b"\0" + f"{PLACEHOLDER}/a:{PLACEHOLDER}".encode() + b"\0end"
    done = link(("one", {"a.txt": text.encode(), "a.bin": binary}, {"prefixes": {"a.txt": "text", "a.bin": "binary"}}))
    out = str(done.out)
    found = (done.out / "a.bin").read_bytes()

    assert (done.out / "a.txt").read_text() == f"x={out}/a:{out}/b"
    assert found.startswith(b"\0" + f"{out}/a:{out}".encode() + b"\0\0")
    assert (len(found), found[-4:]) == (len(binary), b"\0end")


def test_a_prefix_that_is_too_long_is_refused(capsys):
    with pytest.raises(SystemExit):
        conda._replaced(b"/ab\0", b"/ab", b"/longer", binary=True)
    assert "longer than the one" in capsys.readouterr().err


def test_two_packages_that_have_a_file_are_an_error(link):
    done = link(("one", {"etc/a": b"1"}, {}), ("two", {"etc/a": b"2"}, {}))
    assert done.problem["message"] == "two packages of conda own etc/a: one and two"


@pytest.mark.parametrize("path", ["../evil", "/etc/evil"])
def test_a_file_with_an_unsafe_name_is_refused(link, path):
    assert "unsafe name" in link(("one", {path: b""}, {})).problem["message"]


def test_a_file_that_is_not_what_is_listed_is_refused(link, monkeypatch):
    listed = Channel._paths({"a": (0, b"1")}, {})
    monkeypatch.setattr(Channel, "_paths", lambda *_: listed)
    assert link(("one", {"a": b"2"}, {})).problem["message"] == "a is not what paths.json says"


def test_a_damaged_archive_is_told(tmp_path):
    (tmp_path / "a.conda").write_bytes(b"none")
    package = {"name": "a", "filename": "a.conda", "path": str(tmp_path / "a.conda")}
    done = run("conda", PLAN | {"packages": [package], "zstd": "zstd"}, tmp_path / "work")
    assert done.problem["message"].startswith("a.conda cannot be unpacked")
