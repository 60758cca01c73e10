"""``builders/base``: what becomes of Debian packages' files, links and scripts."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from builder import MARK, tree

from modelpack.builders import base


@pytest.fixture
def root(tmp_path):
    out = tmp_path / "out"
    for folder in ("bin", "sbin", "lib", "lib64"):
        (out / "usr" / folder).mkdir(parents=True)
        (out / folder).symlink_to(f"usr/{folder}")
    return base.Root(str(out))


def member(name, content=b"", *, mode=0o644, link=None, kind=None):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = mode, len(content)
    entry.type = kind or (tarfile.SYMTYPE if link is not None else tarfile.REGTYPE)
    entry.linkname = link or ""
    return entry, content


def unpack(root, *members, package="demo"):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
    data.seek(0)
    with tarfile.open(fileobj=data, mode="r|") as archive:
        for entry in archive:
            root.add(archive, entry, package)


def problem(capsys):
    lines = capsys.readouterr().err.splitlines()
    return json.loads(next(line for line in lines if line.startswith(MARK)).removeprefix(MARK))


@pytest.mark.parametrize(
    ("path", "target", "text"),
    [
        ("usr/lib/liba.so", "liba.so.1", "liba.so.1"),
        ("lib/x86_64-linux-gnu/liba.so", "liba.so.1", "liba.so.1"),
        ("usr/bin/awk", "/etc/alternatives/awk", "../../etc/alternatives/awk"),
        ("bin/sh", "dash", "dash"),
        ("bin/sh", "/bin/dash", "dash"),
        ("lib64/ld-linux.so.2", "/lib/x86_64-linux-gnu/ld-linux.so.2", "../lib/x86_64-linux-gnu/ld-linux.so.2"),
        ("usr/lib/x86_64-linux-gnu/libz.so", "/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1"),
        ("lib/x/liba.so", "../../usr/lib/liba.so.1", "../liba.so.1"),
        ("etc/os-release", "../usr/lib/os-release", "../usr/lib/os-release"),
        ("etc/far", "../../../../../etc/passwd", "passwd"),
        ("var/run", "/run", "../run"),
    ],
)
def test_symlinks_stay_right_wherever_the_root_lies_and_with_usr_merged(path, target, text):
    assert base._link(path, target) == text


def test_files_arrive_below_a_merged_usr_with_plain_modes(root):
    unpack(
        root, member("./bin/tool", b"#!", mode=0o4755), member("./etc/conf", b"x", mode=0o600), member("./lib/a", b"a")
    )
    assert tree(Path(root.at("usr"))) == {"bin/tool": b"#!", "lib/a": b"a"}
    assert Path(root.at("usr/bin/tool")).stat().st_mode & 0o7777 == 0o755
    assert Path(root.at("etc/conf")).stat().st_mode & 0o7777 == 0o644


def test_links_lead_to_where_files_went(root):
    unpack(root, member("./lib/x/liba.so.1", b"a"), member("./usr/lib/liba.so", link="/lib/x/liba.so.1"))
    assert Path(root.at("usr/lib/liba.so")).read_bytes() == b"a"
    unpack(root, member("./bin/one", b"1"), member("./bin/two", link="./bin/one", kind=tarfile.LNKTYPE))
    assert Path(root.at("usr/bin/one")).samefile(root.at("usr/bin/two"))


def test_what_nobody_reads_is_left_out_and_licences_stay(root):
    names = ("man/man1/a.1", "locale/de/a.mo", "doc/a/changelog.gz", "doc/a/copyright", "info/a", "a/data")
    unpack(root, *(member(f"./usr/share/{name}", b"x") for name in names))
    assert list(tree(Path(root.at("usr/share")))) == ["a/data", "doc/a/copyright"]


@pytest.mark.parametrize("name", ["../evil", "./usr/../../evil"])
def test_a_path_that_leaves_the_root_is_refused(root, capsys, name):
    with pytest.raises(SystemExit):
        unpack(root, member(name, b"x"))
    assert problem(capsys)["message"] == f"demo holds an unsafe path: {name!r}"
    assert not Path(root.out, "../evil").exists()


def test_a_device_is_not_made(root):
    unpack(root, member("./dev/null", kind=tarfile.CHRTYPE))
    assert not os.path.lexists(root.at("dev/null"))


def test_two_packages_that_own_a_file_are_an_error_that_names_both(root, capsys):
    unpack(root, member("./bin/tool", b"1"), package="one")
    with pytest.raises(SystemExit):
        unpack(root, member("./usr/bin/tool", b"1"), package="two")
    found = problem(capsys)
    assert found["message"] == "two Debian packages own /usr/bin/tool: one and two"
    assert found["packages"] == ["one", "two"]


def test_two_packages_may_share_a_folder(root):
    unpack(root, member("./usr/share/a", kind=tarfile.DIRTYPE), package="one")
    unpack(root, member("./usr/share/a", kind=tarfile.DIRTYPE), package="two")
    assert Path(root.at("usr/share/a")).is_dir()


def test_alternatives_are_made_without_running_the_script(root):
    unpack(root, member("./usr/lib/x/blas/libblas.so.3", b"blas"), member("./usr/bin/mawk", b"mawk"))
    script = """#!/bin/sh
update-alternatives --install /usr/lib/x/libblas.so.3 libblas.so.3-x \\
    /usr/lib/x/blas/libblas.so.3 10
update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\
    --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz
rm -rf /everything
"""
    base.alternatives(root, [{"postinst": script}])
    assert str(Path(root.at("usr/lib/x/libblas.so.3")).readlink()) == "blas/libblas.so.3"
    assert str(Path(root.at("usr/bin/awk")).readlink()) == "mawk"
    assert not os.path.lexists(root.at("usr/share/man/man1/awk.1.gz"))


def test_the_first_alternative_wins_and_what_is_there_stays(root):
    unpack(root, member("./usr/bin/mawk", b""), member("./usr/bin/gawk", b""), member("./usr/bin/vi", b""))
    line = "update-alternatives --install /usr/bin/{} x /usr/bin/{} 5"
    pairs = (("awk", "mawk"), ("awk", "gawk"), ("vi", "mawk"))
    base.alternatives(root, [{"postinst": line.format(*pair)} for pair in pairs])
    assert str(Path(root.at("usr/bin/awk")).readlink()) == "mawk"
    assert not Path(root.at("usr/bin/vi")).is_symlink()


def test_certificates_are_joined_in_the_order_of_their_names(root):
    folder = "./usr/share/ca-certificates/mozilla"
    unpack(root, member(f"{folder}/b.crt", b"B\n\n"), member(f"{folder}/a.crt", b"A"))
    base._certificates(root)
    assert Path(root.at("etc/ssl/certs/ca-certificates.crt")).read_bytes() == b"A\nB\n"


def test_without_certificates_there_is_no_bundle(root):
    base._certificates(root)
    assert not Path(root.at("etc")).exists()


def test_scanners_find_a_status_for_every_package(root):
    control = {"control": "Package: demo\nVersion: 1\nDescription: x\n more\n\n", "md5sums": "00  usr/bin/demo\n"}
    base._status(root, [{"name": "demo"}], [control])
    folder = Path(root.at("var/lib/dpkg/status.d"))
    assert (folder / "demo").read_text() == (
        "Package: demo\nStatus: install ok installed\nVersion: 1\nDescription: x\n more\n"
    )
    assert (folder / "demo.md5sums").read_text() == control["md5sums"]
