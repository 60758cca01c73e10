"""A package with parts at absolute paths: the check sees them there, and the image has them there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_project import CHECKOUT, nix

from modelpack.delivery import rootfs
from modelpack.delivery.image import open_image

pytestmark = [pytest.mark.nix, pytest.mark.network]

PLACE = "/var/azureml-app/azureml-models/wine/1"


def test_check_and_image_have_the_links(demo, tmp_path):
    lock = json.loads((demo.folder / "modelpack.lock.json").read_text())
    lock["links"] = {PLACE: "@model@", "/mnt/labels/wine.json": "@input-labels@/labels.json"}
    # The server would not find them, were they not there.
    lock["environment_variables"] |= {"AZUREML_MODEL_DIR": PLACE, "MODELPACK_INPUT_LABELS": "/mnt/labels/wine.json"}
    (tmp_path / "lock.json").write_text(json.dumps(lock))
    options = ("--option", "sandbox", "true", "--option", "sandbox-fallback", "false", "--option", "substituters", "")
    words = ("nix-build", CHECKOUT / "nix", "-A", "image", "-A", "check", "--arg", "lock", tmp_path / "lock.json")
    image_path, report = nix(*words, *options, "--no-out-link")

    assert json.loads(Path(report, "report.json").read_text())["requests"]
    image = open_image(image_path)
    assert [layer.name for layer in image.layers][-2:] == ["links", "package"]
    rootfs.unpack(image, tmp_path / "root")
    assert (tmp_path / f"root{PLACE}").readlink().name.endswith("-model")
    assert (tmp_path / "root/mnt/labels/wine.json").readlink().name == "labels.json"
