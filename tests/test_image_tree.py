"""``builders/image_tree``: layers become one folder, and whatever they say, nothing beside it is touched."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import stat
import subprocess
import tarfile

import base_image
import pytest
from base_image import FILES, GONE, folder, layer, link, member
from builder import built, run

PLAIN = "application/vnd.oci.image.layer.v1.tar"
ZSTD = shutil.which("zstd")


def plan(place, *tars, compress=None, suffix=""):
    place.mkdir(parents=True, exist_ok=True)
    layers = []
    for number, tar in enumerate(tars):
        path = place / f"blob-{number}"
        path.write_bytes(compress(tar) if compress else tar)
        diff_id = "sha256:" + hashlib.sha256(tar).hexdigest()
        layers.append({"path": str(path), "media_type": PLAIN + suffix, "diff_id": diff_id})
    return {"layers": layers, "zstd": ZSTD}


def unpack(tmp_path, *tars):
    return built("image_tree", plan(tmp_path / "in", *tars), tmp_path / "work") / "root"


def zstd(data):
    return subprocess.run([ZSTD, "-c"], input=data, check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("", None),
        ("+gzip", gzip.compress),
        ("+gzip", lambda tar: gzip.compress(tar[:1000]) + gzip.compress(tar[1000:])),
        pytest.param("+zstd", zstd, marks=pytest.mark.skipif(not ZSTD, reason="needs zstd")),
    ],
    ids=["plain", "gzip", "gzip of two members", "zstd"],
)
def test_layers_become_the_files_an_engine_shows(tmp_path, suffix, compress):
    tars = [base_image.first(), base_image.second()]
    out = built("image_tree", plan(tmp_path / "in", *tars, compress=compress, suffix=suffix), tmp_path / "work")

    root = out / "root"
    assert {name: (root / name).read_bytes() for name in FILES} == FILES
    assert not [name for name in GONE if (root / name).exists()]
    assert (root / "usr/bin/thing").stat().st_ino == (root / "opt/thing/bin/thing").stat().st_ino
    assert str((root / "lib").readlink()) == "usr/lib"
    assert json.loads((out / "layers.json").read_text()) == [{"tar_size": len(tar)} for tar in tars]


def test_whiteouts_hide_what_lies_below_and_not_what_is_beside(tmp_path):
    below = layer(member("a/x", b"1"), member("a/y/z", b"1"), member("b", b"1"), member("c/d", b"1"))
    above = layer(
        member("a/y/new", b"2"),
        member("a/.wh..wh..opq"),
        member(".wh.b"),
        member("b", b"2"),
        member(".wh.none"),
        member("c", b"2"),
        member("e", b"2"),
    )
    root = unpack(tmp_path, below, above)
    assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == {"a/y/new", "b", "c", "e"}
    assert (root / "b").read_bytes() == b"2"


def test_folders_and_links_take_each_others_places(tmp_path):
    below = layer(folder("a"), member("a/x", b"1"), link("b", "a"), link("usr/bin", "../b"), member("f", b"1"))
    above = layer(link("a", "elsewhere"), folder("b"), member("b/y", b"2"), folder("f"), member("usr/bin/z", b"3"))
    root = unpack(tmp_path, below, above)
    assert str((root / "a").readlink()) == "elsewhere"
    assert (root / "b/y").read_bytes() == b"2"
    assert (root / "b/z").read_bytes() == b"3"
    assert (root / "f").is_dir()


def test_modes_are_such_that_a_store_can_hold_them(tmp_path):
    root = unpack(
        tmp_path,
        layer(
            member("suid", b"1", mode=0o6755),
            folder("closed", 0o000),
            member("closed/in", b"1", mode=0o000),
            member("pipe", type=tarfile.FIFOTYPE),
            member("disk", type=tarfile.BLKTYPE, devmajor=8),
        ),
    )
    assert stat.S_IMODE((root / "suid").stat().st_mode) == 0o755
    assert (root / "closed/in").read_bytes() == b"1"
    assert not (root / "pipe").exists()
    assert not (root / "disk").exists()


INSIDE = {
    "an absolute path": [member("/absolute", b"x")],
    "two slashes": [member("//etc//x", b"x")],
    "through an absolute symlink": [link("out", "/"), member("out/outside", b"x")],
    "through a relative symlink": [link("out", "../../../.."), member("out/outside", b"x")],
    "through a chain of symlinks": [
        link("a", ".."),
        link("b", "a/.."),
        link("c", "b/../.."),
        member("c/y", b"x"),
    ],
    "a hard link through a symlink": [link("s", "/"), member("own", b"x"), link("h", "s/own", tarfile.LNKTYPE)],
    "a file over a symlink": [link("s", "../../outside"), member("s", b"x")],
    "a folder over a symlink": [link("s", "../.."), folder("s"), member("s/outside", b"x")],
    "a whiteout through a symlink": [link("s", "../.."), member("s/.wh.kept")],
    "an opaque whiteout through a symlink": [link("s", "../.."), member("s/.wh..wh..opq")],
    "a hard link to itself": [member("own", b"x"), link("own", "own", tarfile.LNKTYPE)],
    "names that are not UTF-8": [member("caf\udce9", b"x")],
    "a name of the whole length": [member("/".join(["n" * 200] * 15), b"x")],
}
REFUSED = {
    "a path upwards": [member("../outside", b"x")],
    "a path upwards within": [member("a/../../outside", b"x")],
    "a hard link upwards": [link("h", "../../kept", tarfile.LNKTYPE)],
    "a hard link to a path of the machine": [link("h", "/etc/passwd", tarfile.LNKTYPE)],
    "a hard link to nothing": [link("h", "none", tarfile.LNKTYPE)],
    "a hard link to a folder": [folder("d"), link("h", "d", tarfile.LNKTYPE)],
    "a whiteout of nothing": [member("a/.wh.")],
    "a whiteout upwards": [member("a/.wh...")],
    "below a file": [member("a", b"x"), member("a/b", b"x")],
    "symlinks in a circle": [link("a", "b"), link("b", "a"), member("a/x", b"x")],
    "a name too long": [member("n" * 300, b"x")],
}


@pytest.mark.parametrize("case", INSIDE)
def test_strange_members_stay_inside(tmp_path, case):
    (tmp_path / "work").mkdir()
    (tmp_path / "work/kept").write_text("")
    unpack(tmp_path, layer(*INSIDE[case]))
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"kept", "out", "plan.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"in", "work"}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_members_end_the_build(tmp_path, case):
    (tmp_path / "kept").write_text("secret")
    found = run("image_tree", plan(tmp_path / "in", layer(*REFUSED[case])), tmp_path / "work").problem
    assert found["message"].startswith("layer 1 of the base image cannot be unpacked: ")
    assert {path.name for path in tmp_path.iterdir()} == {"in", "work", "kept"}


def test_a_layer_that_is_not_the_configurations_is_named(tmp_path):
    wrong = plan(tmp_path / "in", layer(member("a")), layer(member("b")))
    wrong["layers"][1]["diff_id"] = "sha256:" + "0" * 64
    found = run("image_tree", wrong, tmp_path / "work").problem
    assert found["layer"] == 2
    assert "is not the one of its configuration" in found["message"]


@pytest.mark.parametrize("suffix", ["", "+gzip", "+zstd"])
def test_what_is_no_layer_is_refused(tmp_path, suffix):
    wrong = plan(tmp_path / "in", b"no tar, no gzip, no zstd" * 100, suffix=suffix)
    assert run("image_tree", wrong, tmp_path / "work").problem["layer"] == 1


def test_a_layer_cut_short_is_refused(tmp_path):
    tar = layer(member("a", b"x" * 5000))
    wrong = plan(tmp_path / "in", tar, compress=lambda data: gzip.compress(data)[:-20], suffix="+gzip")
    assert run("image_tree", wrong, tmp_path / "work").problem["layer"] == 1
