"""One tar out of a base image's layers."""

from __future__ import annotations

import io
import tarfile

import base_image
import pytest
from base_image import FILES, GONE, folder, layer, link, member

from modelpack.builders import tarstream
from modelpack.delivery import overlaid
from modelpack.errors import ExportError


def merged(*tars, replaced=()):
    layers = [lambda tar=tar: [tar[:700], tar[700:]] for tar in tars]
    data = b"".join([*overlaid.write(layers, overlaid.plan(layers, replaced)), tarstream.END])
    return tarfile.open(fileobj=io.BytesIO(data))


def test_whiteouts_are_applied_and_nothing_is_there_twice():
    archive = merged(base_image.first(), base_image.second(), replaced=["srv/www/answer"])
    names = archive.getnames()
    assert len(names) == len(set(names))
    assert {name: archive.extractfile(name).read() for name in FILES} == FILES
    assert not {*GONE, "srv/www/answer"} & set(names)
    assert archive.getmember("usr/bin/thing").islnk() != archive.getmember("opt/thing/bin/thing").islnk()


def test_owners_modes_times_and_attributes_stay():
    info, content = member("a", b"x", mode=0o4750, uid=7, gid=8, mtime=5)
    info.pax_headers = {"SCHILY.xattr.user.x": "y"}
    found = merged(layer((info, content))).getmember("a")
    assert (found.mode, found.uid, found.gid, found.mtime) == (0o4750, 7, 8, 5)
    assert found.pax_headers["SCHILY.xattr.user.x"] == "y"


def test_a_hard_link_outlives_what_it_was_made_to():
    first = layer(member("a", b"x" * 600), link("b", "a", tarfile.LNKTYPE), link("c", "b", tarfile.LNKTYPE))
    archive = merged(first, layer(member(".wh.a")))
    assert archive.getnames() == ["b", "c"]
    assert archive.extractfile("c").read() == b"x" * 600


def test_later_layers_reach_through_links_and_replace_folders():
    first = layer(link("lib", "/usr/lib"), folder("usr/lib"), member("usr/lib/x", b"1"), folder("d"), member("d/y"))
    archive = merged(first, layer(member("lib/x", b"2"), link("d", "usr"), member("d/z", b"3")))
    assert sorted(archive.getnames()) == ["d", "lib", "usr/lib", "usr/lib/x", "usr/z"]
    assert archive.extractfile("usr/lib/x").read() == b"2"


def test_trees_of_layers_above_are_left_to_them():
    def layers():
        return [layer(member("nix/store/a/x", b"1"), member("nix/store/ab", b"2"), member("nix/store/b/y", b"3"))]

    planned = overlaid.plan([layers], [], ["nix/store/a", "nix/store/b"])
    assert list(planned.names.values()) == [["nix/store/ab"]]


def test_what_is_no_layer_is_refused():
    with pytest.raises(ExportError, match="cannot be read"):
        merged(b"no tar" * 1000)
    with pytest.raises(ExportError, match="hard link to nothing"):
        merged(layer(link("a", "none", tarfile.LNKTYPE)))
