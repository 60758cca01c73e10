from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from fake_store import IMAGE, PACKAGE, WEIGHTS, make_image

from modelpack.delivery.image import blob, open_image, tar
from modelpack.errors import ExportError


@pytest.fixture
def machine(tmp_path):
    make_image(tmp_path)
    return tmp_path


def sha256(pieces):
    return "sha256:" + hashlib.sha256(b"".join(pieces)).hexdigest()


def test_an_image_is_read_with_its_identity(machine):
    image = open_image(IMAGE, machine)

    assert image.reference == "demo:1"
    assert image.digest == sha256([image.manifest])
    assert json.loads(image.manifest)["config"]["digest"] == image.config_digest == sha256([image.config])
    assert [layer.name for layer in image.layers] == ["base", "root file system", "weights.bin", "package"]


def test_blobs_and_tars_of_all_layers_have_their_digests(machine):
    image = open_image(IMAGE, machine)

    for layer in image.layers:
        assert sha256(blob(image, layer)) == layer.digest
        assert sha256(tar(image, layer)) == layer.diff_id


def test_the_same_content_elsewhere_is_the_same_image(machine, tmp_path):
    other = tmp_path / "other"
    make_image(other)

    assert open_image(IMAGE, other).digest == open_image(IMAGE, machine).digest


@pytest.mark.parametrize(
    "piece", [b"", b"{", b"[]", b'{"manifests": []}', b'{"manifests": [{"digest": "sha256:../x"}]}']
)
def test_what_is_no_image_is_an_error_that_names_it(machine, piece):
    (machine / IMAGE[1:] / "index.json").write_bytes(piece)

    with pytest.raises(ExportError, match=f"not an image: {machine}{IMAGE}"):
        open_image(IMAGE, machine)


def test_a_damaged_manifest_is_an_error(machine):
    digest = open_image(IMAGE, machine).digest
    (machine / IMAGE[1:] / "blobs" / digest.replace(":", "/")).write_bytes(b"{}")

    with pytest.raises(ExportError, match="not those of its digest"):
        open_image(IMAGE, machine)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda file: file.write_bytes(b"Weights" * 1000), id="another content"),
        pytest.param(lambda file: file.write_bytes(b"short"), id="another size"),
        pytest.param(lambda file: file.unlink(), id="gone"),
    ],
)
def test_weights_that_changed_are_an_error_that_names_them_before_all_is_given(machine, change):
    image = open_image(IMAGE, machine)
    layer = next(layer for layer in image.layers if layer.paths == (WEIGHTS,))
    file = machine / WEIGHTS[1:]
    file.chmod(0o644)
    change(file)

    given = []
    with pytest.raises(ExportError, match=WEIGHTS):
        given.extend(blob(image, layer))
    assert sum(map(len, given)) < layer.size


def test_a_blob_that_changed_is_an_error_that_names_it(machine):
    image = open_image(IMAGE, machine)
    layer = next(layer for layer in image.layers if layer.paths == (PACKAGE,))
    file = image.physical(layer.output) / "blob"
    file.write_bytes(file.read_bytes()[:-1] + b"?")

    with pytest.raises(ExportError, match=f"the store changed since the image was built: {layer.output}/blob"):
        list(blob(image, layer))


def test_a_blob_that_is_gone_is_an_error(machine):
    image = open_image(IMAGE, machine)
    shutil.rmtree(image.physical(image.layers[0].output))

    with pytest.raises(ExportError, match=r"the store cannot be read: .*No such file"):
        list(blob(image, image.layers[0]))
