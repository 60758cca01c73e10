"""Which places of the image's root file system can lead to parts of the package."""

from __future__ import annotations

import pytest

from modelpack import places
from modelpack.errors import SpecError

GOOD = ["/mnt/labels", "/var/azureml-app/azureml-models/iris/1", "/models", "/opt/x/y", "/etc/extra.conf", "/data"]
BAD = [
    "/",
    "mnt",
    "/mnt/",
    "/mnt/../etc",
    "//mnt",
    "/nix/store/x",
    "/proc/x",
    "/dev/x",
    "/etc",
    "/var",
    "/etc/passwd",
]


@pytest.mark.parametrize("path", GOOD)
def test_a_path_of_ones_own_will_do(path):
    assert places.judge(path, image=False) is None
    assert places.judge(path, image=True) is None


@pytest.mark.parametrize("path", [*BAD, "/mnt/a\0b", ""])
def test_a_path_of_the_machine_or_of_every_image_will_not(path):
    assert places.judge(path, image=False)
    assert places.judge(path, image=True)


def test_folders_of_programs_are_links_unless_a_base_image_has_them():
    assert "/usr" in places.judge("/usr/share/model", image=False)
    assert places.judge("/usr/share/model", image=True) is None


def test_all_that_is_wrong_is_said_at_once():
    links = {
        "/mnt/a": "@model@",
        "/mnt/a/b": "@model@",
        "/srv": "@samples@/x",
        "/x": "/etc/passwd",
        "/y": "@model@/../z",
    }
    with pytest.raises(SpecError) as caught:
        places.require(links, ["model"], image=False, where="modelpack.yaml")

    text = "\n".join(map(str, caught.value.problems))
    assert "/mnt/a/b is below another one: /mnt/a" in text
    assert text.count("does not lead to a part of the package") == 3


def test_what_leads_to_parts_is_taken():
    places.require({"/mnt/a": "@input-labels@/labels.json"}, ["input-labels"], image=False, where="modelpack.yaml")
