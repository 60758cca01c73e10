from __future__ import annotations

import gzip
from dataclasses import replace

import pytest
from debian_mirror import BOOKWORM, SECURITY, Mirror

from modelpack.debian import contents as debian_contents
from modelpack.debian.contents import packages_with_libraries
from modelpack.debian.index import load_releases
from modelpack.errors import ResolveError
from modelpack.progress import Silent

LIBRARIES = ["libGL.so.1", "libgomp.so.1", "libtwo.so.1", "libnone.so.1", "gomp.so.1"]


class Notes(Silent):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def mirror():
    return Mirror()


@pytest.fixture
def access(mirror, tmp_path):
    return replace(mirror.access(tmp_path / "cache"), progress=Notes())


@pytest.mark.parametrize("chunk", [debian_contents._CHUNK, 50])
def test_libraries_are_found_the_likeliest_package_first(access, monkeypatch, chunk):
    monkeypatch.setattr(debian_contents, "_CHUNK", chunk)
    releases = load_releases([BOOKWORM, SECURITY], access)

    assert packages_with_libraries(LIBRARIES, releases, "amd64", access) == {
        "libGL.so.1": ("libgl1", "primus-libs"),
        "libgomp.so.1": ("libgomp1",),
        "libtwo.so.1": ("z-two", "a-two"),
        "libnone.so.1": (),
        "gomp.so.1": (),
    }


def test_contents_are_fetched_once(mirror, access):
    releases = load_releases([BOOKWORM], access)
    packages_with_libraries(LIBRARIES, releases, "amd64", access)
    mirror.asked.clear()

    assert packages_with_libraries(["libgomp.so.1"], releases, "amd64", access) == {"libgomp.so.1": ("libgomp1",)}
    assert mirror.asked == []


def test_an_archive_without_contents_finds_nothing(access):
    assert packages_with_libraries(["a"], load_releases([BOOKWORM], access), "arm64", access) == {"a": ()}


def test_contents_that_cannot_be_trusted_are_noted_and_passed_over(mirror, access):
    mirror.files["dists/bookworm-security/main/Contents-amd64.gz"] = gzip.compress(b"lib/libno.so.1 libs/no\n")
    releases = load_releases([SECURITY, BOOKWORM], access)

    with pytest.raises(ResolveError, match="is not what its signed release lists"):
        packages_with_libraries(["libno.so.1"], releases[:1], "amd64", access)
    access.progress.texts.clear()
    assert packages_with_libraries(["libno.so.1"], releases, "amd64", access) == {"libno.so.1": ()}
    assert len(access.progress.texts) == 1
    assert "bookworm-security" in access.progress.texts[0]


def test_contents_that_cannot_be_unpacked_are_told(access, monkeypatch):
    monkeypatch.setattr(debian_contents.debian_release, "fetch_packed", lambda *_: b"no gzip")

    with pytest.raises(ResolveError, match=r"Contents-amd64\.gz cannot be unpacked"):
        packages_with_libraries(["a"], load_releases([BOOKWORM], access), "amd64", access)
