"""The keys ``image`` and ``digest`` of ``base``."""

from __future__ import annotations

import pytest
from example_project import SPEC, write

from modelpack.errors import SpecError
from modelpack.loading.native import load_spec
from modelpack.spec import BaseImage

DIGEST = "sha256:" + "a" * 64


def load(folder, base):
    write(folder)
    (folder / "modelpack.yaml").write_text(f"{SPEC}base: {base}\n")
    return load_spec(folder).base


def problems(folder, base):
    with pytest.raises(SpecError) as caught:
        load(folder, base)
    return [str(problem).partition("modelpack.yaml")[2] for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("{image: team/base:1}", BaseImage(name="team/base:1")),
        (f"{{image: base, digest: '{DIGEST}'}}", BaseImage(name="base", digest=DIGEST)),
        (f"{{image: 'base@{DIGEST}'}}", BaseImage(name="base", digest=DIGEST)),
        ("{image: 'registry.example:5000/a/b'}", BaseImage(name="a/b", host="registry.example:5000")),
    ],
)
def test_an_image_of_a_registry(tmp_path, base, expected):
    found = load(tmp_path, base)
    assert found.image == expected
    assert found.suite == "bookworm"


def test_an_image_of_a_file(tmp_path):
    (tmp_path / "base.tar").write_bytes(b"tar")
    assert load(tmp_path, "{image: ./base.tar}").image == BaseImage(name="base.tar", path=tmp_path / "base.tar")


def test_a_file_with_a_digest_may_be_elsewhere(tmp_path):
    found = load(tmp_path, f"{{image: ./base.tar, digest: '{DIGEST}'}}").image
    assert found == BaseImage(name="base.tar", path=tmp_path / "base.tar", digest=DIGEST)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("{image: ./base.tar}", "base.image: no such file or folder: ./base.tar"),
        ("{image: Team/Base}", "base.image: not the name of an image: Team/Base"),
        (
            "{image: 'http://registry.example/base'}",
            "base.image: not the name of an image: http://registry.example/base",
        ),
        ("{image: base, digest: 'sha256:12'}", "base.digest: expected sha256: and 64 hexadecimal digits"),
        (f"{{digest: '{DIGEST}'}}", "base.digest: there is no image that it is of"),
        ("{images: base}", "base.images: unknown key"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path, base, message):
    (found,) = problems(tmp_path, base)
    assert message in found


def test_a_file_without_its_dot_is_recognized(tmp_path):
    (tmp_path / "Base.tar").write_bytes(b"tar")
    (found,) = problems(tmp_path, "{image: Base.tar}")
    assert "write ./Base.tar for a file" in found
