"""Base images in layouts, archives and registries: what the lock says of them, and what is refused."""

from __future__ import annotations

import contextlib
import json
import tarfile

import base_image
import pytest
from base_image import layer, link, member, write_layout

from modelpack.errors import ResolveError
from modelpack.images import places
from modelpack.images.reference import parse
from modelpack.spec import BaseImage
from modelpack.web import http

TARS = [layer(member("a", b"1")), layer(member("b", b"2"))]


@pytest.fixture
def layout(tmp_path):
    write_layout(tmp_path / "layout", TARS)
    return tmp_path / "layout"


def resolve(path, platform="linux/amd64", sources=(), **fields):
    image = BaseImage(**{"name": path.name, "path": path} | fields)
    return places.resolve(image, platform, sources)


def refused(*arguments, **fields):
    with pytest.raises(ResolveError) as caught:
        resolve(*arguments, **fields)
    return "\n".join([caught.value.message, *caught.value.details])


@pytest.mark.parametrize(
    ("text", "host", "name", "digest"),
    [
        ("base", None, "base", None),
        ("team/base:1", None, "team/base:1", None),
        ("localhost/base", "localhost", "base", None),
        ("localhost:5000/team/base:1", "localhost:5000", "team/base:1", None),
        ("registry.example/a/b_c/d--e:T.1", "registry.example", "a/b_c/d--e:T.1", None),
        ("127.0.0.1:80/x@sha256:" + "a" * 64, "127.0.0.1:80", "x", "sha256:" + "a" * 64),
    ],
)
def test_names_are_read_as_engines_read_them(text, host, name, digest):
    assert parse(text) == BaseImage(name=name, host=host, digest=digest)


@pytest.mark.parametrize("text", ["", "Base", "a//b", "a:b:c", "-a", "a@sha256:12", "http://a/b", "a/../b", "a b"])
def test_what_is_no_name_is_none(text):
    assert parse(text) is None


def test_a_name_and_a_digest_beside_it_agree():
    digest = "sha256:" + "a" * 64
    assert parse(f"base@{digest}", digest) == BaseImage(name="base", digest=digest)
    assert parse(f"base@{digest}", "sha256:" + "b" * 64) is None


def test_a_layout_and_an_archive_of_it_give_the_same(layout, tmp_path):
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    found = resolve(layout, name="base")
    packed = base_image.pack(layout, tmp_path / "base.tar")
    assert resolve(packed, name="base") == found
    assert (found.digest, found.manifest) == (digest, digest)
    assert resolve(layout, name="base", digest=digest) == found
    for place in (places.at(layout), places.at(packed)):
        for blob in (found.config, *found.layers):
            target = tmp_path / blob.filename
            http.download(place.address(blob.sha256), target, size=blob.size, sha256=blob.sha256, on_bytes=lambda _: 0)
            target.unlink()
        assert place.address("0" * 64) is None


def test_what_docker_saved_is_known_by_its_id(tmp_path):
    digest = base_image.write_docker_archive(tmp_path / "saved.tar", TARS)
    found = resolve(tmp_path / "saved.tar", digest=digest)
    assert found.digest == digest
    assert [item.diff_id for item in found.layers] == [f"sha256:{item.sha256}" for item in found.layers]
    part = tmp_path / "part"
    place = places.at(tmp_path / "saved.tar")
    http.download(
        place.address(found.layers[1].sha256), part, size=None, sha256=found.layers[1].sha256, on_bytes=lambda _: 0
    )
    assert part.read_bytes() == TARS[1]
    assert "docker calls the image's ID" in hint_of(tmp_path / "saved.tar", digest="sha256:" + "0" * 64)


def hint_of(path, **fields):
    with pytest.raises(ResolveError) as caught:
        resolve(path, **fields)
    return caught.value.hint


def test_of_an_index_the_platform_is_taken(tmp_path):
    entries = []
    for architecture in ("arm64", "amd64"):
        digest = write_layout(tmp_path, TARS, architecture=architecture)
        size = (tmp_path / "blobs" / digest.replace(":", "/")).stat().st_size
        of = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size})
        entries[-1]["platform"] = of
    data = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    digest = places.manifest.digest_of(data)
    (tmp_path / "blobs" / digest.replace(":", "/")).write_bytes(data)

    for entry in entries:
        platform = f"linux/{entry['platform']['architecture']}"
        found = resolve(tmp_path, platform, digest=digest)
        assert (found.digest, found.manifest) == (digest, entry["digest"])
    assert "not there for linux/s390x, but for: linux/amd64, linux/arm64" in refused(
        tmp_path, "linux/s390x", digest=digest
    )


def test_of_several_images_the_name_decides(layout):
    index = json.loads((layout / "index.json").read_text())
    first = index["manifests"][0]
    write_layout(layout, TARS[:1], tag="2")
    index["manifests"] += json.loads((layout / "index.json").read_text())["manifests"]
    (layout / "index.json").write_text(json.dumps(index))
    assert resolve(layout, name="team/base:1").digest == first["digest"]
    assert len(resolve(layout, name="team/base:2").layers) == 1
    assert "holds 2 images, none of them team/base:3: 1, 2" in refused(layout, name="team/base:3")


def changed(**fields):
    return lambda _: fields


def with_layer(**fields):
    return lambda manifest: {"layers": [manifest["layers"][0], {**manifest["layers"][1], **fields}]}


CHANGES = {
    "a digest that is a path": (with_layer(digest="sha256:../../x"), "not a sha256 digest"),
    "a digest of another kind": (with_layer(digest="sha512:" + "a" * 128), "not a sha256 digest"),
    "a size that is a text": (with_layer(size="5"), "not a sha256 digest and a size"),
    "a size below nothing": (with_layer(size=-1), "not a sha256 digest and a size"),
    "a foreign layer": (
        with_layer(mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["http://x"]),
        "cannot be taken",
    ),
    "no media type": (with_layer(mediaType=None), "cannot be taken"),
    "an artifact": (with_layer(mediaType="application/vnd.cncf.model.weight.v1.tar"), "cannot be taken"),
    "layers and manifests": (changed(manifests=[]), "is an index too"),
    "layers that are a text": (changed(layers="x"), "it has no layers"),
    "layers that are texts": (changed(layers=["x"]), "lacks a descriptor"),
    "no configuration": (changed(config=None), "lacks a descriptor"),
    "fewer layers than the configuration": (changed(layers=[]), "its configuration has 2 layers, its manifest 0"),
    "a configuration that is not there": (
        changed(config={"digest": "sha256:" + "1" * 64, "size": 5}),
        "has no sha256:1111",
    ),
    "a large configuration": (changed(config={"digest": "sha256:" + "1" * 64, "size": 5 << 20}), "of 5242880 bytes"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_manifest_that_no_honest_image_has_is_refused(tmp_path, case):
    changes, message = CHANGES[case]
    write_layout(tmp_path, TARS, changes=changes)
    assert message in refused(tmp_path)


def test_other_bytes_than_the_digests_are_refused(layout):
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    assert "the digest is" in refused(layout, digest="sha256:" + "0" * 64) or "has no" in refused(
        layout, digest="sha256:" + "0" * 64
    )
    path = layout / "blobs" / digest.replace(":", "/")
    manifest = json.loads(path.read_text())
    config = layout / "blobs" / manifest["config"]["digest"].replace(":", "/")
    config.write_bytes(config.read_bytes().replace(b"amd64", b"arm64"))
    assert "are other ones" in refused(layout)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a": 1, "a": 2}', b"[" * 100000, b"\xff", b'{"manifests": {}}'])
def test_damaged_indexes_are_refused(layout, data):
    (layout / "index.json").write_bytes(data)
    assert "could not be had" in refused(layout)


def test_blobs_that_are_symlinks_are_not_read(layout, tmp_path):
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    blob = layout / "blobs" / digest.replace(":", "/")
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    assert "is a symlink" in refused(layout)
    assert places.at(layout).address(digest.removeprefix("sha256:")) is None


def test_another_platform_is_refused(layout):
    assert "is for linux/amd64, the package for linux/arm64" in refused(layout, "linux/arm64")


def test_too_many_layers_are_refused(tmp_path):
    write_layout(tmp_path, [layer(member(f"{number}")) for number in range(101)])
    assert "has 101 layers" in refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b\x08" + bytes(100)])
def test_what_is_no_archive_says_so(tmp_path, content):
    (tmp_path / "base.tar").write_bytes(content)
    assert "base.tar" in refused(tmp_path / "base.tar")


@pytest.mark.parametrize("listing", [b"", b"{}", b"[1]", b'[{"Config": "x"}]', b'[{"Config": "manifest.json"}]'])
def test_damaged_archives_of_docker_are_refused(tmp_path, listing):
    path = tmp_path / "saved.tar"
    path.write_bytes(layer(member("manifest.json", listing)))
    assert "could not be had" in refused(path)
    with contextlib.suppress(places.AbsentError):
        assert places.at(path).address("0" * 64) is None


def test_configured_places_are_asked_before_the_host_of_the_name(layout, tmp_path):
    found = resolve(tmp_path / "not-here", name="base", sources=[layout.as_uri()])
    assert found.layers
    image = BaseImage(name="team/base:1", host="registry.example:5000")
    names = [place.repository for place in places.places(image, ["https://mirror.example/all/"])]
    assert names == ["https://mirror.example/v2/all/team/base", "https://registry.example:5000/v2/team/base"]
    (local,) = places.places(BaseImage(name="x", host="127.0.0.1:5000"), [])
    assert local.repository == "http://127.0.0.1:5000/v2/x"


def test_old_archives_link_layers_that_are_the_same(tmp_path):
    digest = base_image.write_docker_archive(tmp_path / "saved.tar", [TARS[0]])
    with tarfile.open(tmp_path / "saved.tar") as archive:
        contents = {info.name: archive.extractfile(info).read() for info in archive}
    contents["real.tar"] = contents.pop("0/layer.tar")
    members = [*(member(name, data) for name, data in contents.items()), link("0/layer.tar", "../real.tar")]
    (tmp_path / "saved.tar").write_bytes(layer(*members))
    assert resolve(tmp_path / "saved.tar", digest=digest).layers[0].size == len(TARS[0])
