from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from modelpack.debian import signature as debian_signature
from modelpack.debian.signature import verify
from modelpack.errors import ResolveError, ToolError

HERE = Path(__file__).with_name("debian")
INRELEASE = (HERE / "archive/dists/bookworm/InRelease").read_bytes()
RING = str(HERE / "archive.gpg")
PROGRAMS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"))
    for name in ("gpgv", "sqv")
]


@pytest.fixture(params=PROGRAMS)
def program(request, tmp_path, monkeypatch):
    """Leave one program alone on PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / request.param).symlink_to(str(shutil.which(request.param)))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return request.param


@pytest.mark.usefixtures("program")
class TestGood:
    def test_the_text_is_what_the_signature_covers(self):
        signed = verify((HERE / "lines.asc").read_bytes(), RING, "it")

        assert signed.text == "- dash\n-----\nspaces\n\nlast"

    def test_line_ends_of_another_system_do_not_matter(self):
        content = (HERE / "lines.asc").read_bytes().replace(b"\n", b"\r\n")

        assert verify(content, RING, "it").text == "- dash\n-----\nspaces\n\nlast"

    def test_one_known_key_of_several_is_enough(self):
        found = {verify(INRELEASE, str(HERE / f"{name}.gpg"), "it").fingerprint for name in ("archive", "second")}

        assert len(found) == 2
        assert verify(INRELEASE, f"{RING}, {HERE / 'second.gpg'}", "it").fingerprint == min(found)

    def test_keys_are_read_armored_inline_and_by_fingerprint(self):
        fingerprint = verify(INRELEASE, RING, "it").fingerprint
        armored = HERE / "archive.asc"

        for keyring in (str(armored), armored.read_text(), f"{RING} {fingerprint.lower()}"):
            assert verify(INRELEASE, keyring, "it").fingerprint == fingerprint


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("content", "keyring"),
    [
        pytest.param(INRELEASE, "other.gpg", id="by another key"),
        pytest.param(INRELEASE.replace(b"main/binary", b"MAIN/binary"), "archive.gpg", id="changed"),
        pytest.param(INRELEASE.replace(b"\n\nOrigin", b"\n\nAdded: 1\nOrigin"), "archive.gpg", id="line added"),
        pytest.param((HERE / "sha1.InRelease").read_bytes(), "archive.gpg", id="by a broken digest"),
    ],
)
def test_a_signature_that_is_not_good_is_refused(content, keyring):
    with pytest.raises(ResolveError, match="the signature of it is not good") as caught:
        verify(content, str(HERE / keyring), "it")

    assert caught.value.details


def test_a_key_that_is_not_among_the_fingerprints_may_not_sign():
    with pytest.raises(ResolveError, match="is not good"):
        verify(INRELEASE, f"{RING} {'0' * 40}", "it")


@pytest.mark.skipif(shutil.which("gpgv") is None, reason="sqv takes what a key signed before it expired")
def test_a_signature_of_an_expired_key_is_refused():
    with pytest.raises(ResolveError) as caught:
        verify((HERE / "expired.InRelease").read_bytes(), str(HERE / "expired.gpg"), "it")

    assert any(line.startswith("the key has expired: ") for line in caught.value.details)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="another file"),
        pytest.param(INRELEASE.partition(b"\n\n")[2].partition(b"-----")[0], id="without a signature"),
        pytest.param(b"Origin: Debian\n" + INRELEASE, id="text before it"),
        pytest.param(INRELEASE + b"Suite: sid\n", id="text after it"),
        pytest.param(INRELEASE * 2, id="twice"),
        pytest.param(INRELEASE[: len(INRELEASE) // 2], id="truncated"),
        pytest.param(INRELEASE[:-10], id="truncated at the end"),
        pytest.param(INRELEASE.replace(b"\n\nOrigin", b"\n\n-Origin"), id="dash without escape"),
    ],
)
def test_what_is_not_a_signed_text_is_refused(content):
    with pytest.raises(ResolveError, match="it is not a signed text"):
        verify(content, RING, "it")


def test_a_keyring_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ResolveError, match=r"none\.gpg cannot be read"):
        verify(INRELEASE, str(tmp_path / "none.gpg"), "it")


@pytest.mark.parametrize("text", ["no key", "!!!!"])
def test_armor_without_a_key_is_refused(text):
    block = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{text}\n-----END PGP PUBLIC KEY BLOCK-----\n"
    with pytest.raises(ResolveError, match="no armored OpenPGP key"):
        verify(INRELEASE, block, "it")


def test_the_default_is_debians_own_keyring(tmp_path, monkeypatch):
    monkeypatch.setattr(debian_signature, "DEBIAN_KEYRING", HERE / "archive.gpg")
    assert verify(INRELEASE, None, "it").fingerprint

    monkeypatch.setattr(debian_signature, "DEBIAN_KEYRING", tmp_path / "none.gpg")
    monkeypatch.setattr(debian_signature, "TRUSTED", tmp_path)
    with pytest.raises(ResolveError, match="keyring of the Debian archive is missing"):
        verify(INRELEASE, None, "it")

    shutil.copy(HERE / "archive.asc", tmp_path / "debian-archive-bookworm-stable.asc")
    assert verify(INRELEASE, None, "it").fingerprint


def test_without_a_program_to_verify_with_its_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolError) as caught:
        verify(INRELEASE, RING, "it")

    assert "gpgv" in str(caught.value.hint)
