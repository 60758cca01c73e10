"""``builders/linker_cache``: what it writes is what glibc's own ldconfig writes and reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from elf_objects import AARCH64, make_elf

from modelpack.builders.linker_cache import cache

LDCONFIG = Path("/sbin/ldconfig")
needs_ldconfig = pytest.mark.skipif(not LDCONFIG.exists(), reason="ldconfig is glibc's")


def libraries(root, folder, **names):
    """Make ``file="soname"`` libraries; underscores of file names stand for dots."""
    place = root / folder
    place.mkdir(parents=True)
    for file, name in names.items():
        (place / file.replace("_", ".")).write_bytes(make_elf(name=name))
    return place


def listed(path, *options):
    command = [str(LDCONFIG), *options, "-p", "-C", str(path)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.strip() for line in lines if "=>" in line]


@pytest.fixture
def root(tmp_path):
    place = libraries(
        tmp_path, "usr/lib/one", liba_so_1_2="liba.so.1", libb_so_10=None, libb_so_9=None, notalib_so=None
    )
    (place / "liba.so.1").symlink_to("liba.so.1.2")
    (place / "liba.so").symlink_to("liba.so.1")
    (place / "libgone.so.1").symlink_to("nowhere")
    (place / "libscript.so").write_text("INPUT(liba.so.1)")
    libraries(tmp_path, "usr/lib/two", liba_so_1="liba.so.1", libc_so_6="libc.so.6")
    return tmp_path


@needs_ldconfig
def test_entries_and_their_order_are_those_of_ldconfig(root, tmp_path):
    folders = ["usr/lib/one", "usr/lib/two"]
    (root / "etc").mkdir()
    (root / "etc/ld.so.conf").write_text("".join(f"/{folder}\n" for folder in folders))
    subprocess.run([LDCONFIG, "-r", root, "-X", "-f", "/etc/ld.so.conf", "-C", "/etc/theirs"], check=True)
    ours = tmp_path / "ours"
    ours.write_bytes(cache(str(root), folders))
    assert listed(ours) == listed(root / "etc/theirs")
    assert "libb.so.10 (libc6,x86-64) => /usr/lib/one/libb.so.10" in listed(ours)


@needs_ldconfig
def test_libraries_of_another_architecture_are_listed_as_such(tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/liba.so.1").write_bytes(make_elf(name="liba.so.1", machine=AARCH64))
    path = tmp_path / "cache"
    path.write_bytes(cache(str(tmp_path), ["usr/lib"]))
    assert listed(path) == ["liba.so.1 (libc6,AArch64) => /usr/lib/liba.so.1"]


def test_folders_that_are_not_there_are_passed_over(tmp_path):
    assert cache(str(tmp_path), ["usr/local/lib"]).startswith(b"glibc-ld.so.cache1.1")
