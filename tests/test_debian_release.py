from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from debian_mirror import BOOKWORM, HERE, NOW, PACKAGES, SECURITY, Mirror

from modelpack.debian import release as debian_release
from modelpack.debian.release import fetch, fetch_packed, load
from modelpack.errors import ResolveError

BY_HASH = "dists/bookworm/main/binary-amd64/by-hash/SHA256"


@pytest.fixture
def mirror():
    return Mirror()


@pytest.fixture
def access(mirror, tmp_path):
    return mirror.access(tmp_path / "cache")


def test_what_was_verified_is_kept_as_evidence(mirror, access):
    evidence = load(SECURITY, access).evidence

    assert evidence.suite == "bookworm-security"
    assert evidence.sha256 == hashlib.sha256(mirror.files["dists/bookworm-security/InRelease"]).hexdigest()
    assert (evidence.date, evidence.valid_until) == ("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    assert len(evidence.fingerprint) == 40


def test_a_suite_may_be_asked_for_by_its_other_name(mirror, access):
    mirror.files["dists/oldstable/InRelease"] = mirror.files["dists/bookworm/InRelease"]

    assert load(replace(BOOKWORM, suite="oldstable"), access).evidence.suite == "bookworm"


def test_a_release_of_another_suite_is_refused(mirror, access):
    mirror.files["dists/trixie/InRelease"] = mirror.files["dists/bookworm/InRelease"]

    with pytest.raises(ResolveError, match="is of another suite: bookworm or oldstable"):
        load(replace(BOOKWORM, suite="trixie"), access)


def test_an_expired_release_is_refused_with_its_dates(mirror, tmp_path):
    access = mirror.access(tmp_path, now=datetime(2100, 1, 2, tzinfo=UTC))
    dates = "made 2026-01-01T00:00:00Z, valid until 2100-01-01T00:00:00Z, now is 2100-01-02T00:00:00Z"

    with pytest.raises(ResolveError, match=f"has expired: {dates}"):
        load(SECURITY, access)
    assert load(replace(SECURITY, check_valid_until=False), access)
    assert load(BOOKWORM, access).evidence.valid_until is None


def test_a_release_of_the_future_is_refused(mirror, tmp_path):
    with pytest.raises(ResolveError, match="is of the future: 2026-01-01T00:00:00Z, now is 2025-12-31"):
        load(BOOKWORM, mirror.access(tmp_path, now=datetime(2025, 12, 31, tzinfo=UTC)))


def test_a_release_older_than_one_seen_before_is_refused(access):
    load(BOOKWORM, access)
    (seen,) = access.cache.iterdir()
    seen.write_text("2026-02-02T00:00:00Z")

    with pytest.raises(ResolveError, match="older than one seen before: 2026-01-01T00:00:00Z, before 2026-02-02"):
        load(BOOKWORM, access)
    load(SECURITY, access)


def test_a_release_that_is_not_signed_by_the_keyring_is_refused(access):
    with pytest.raises(ResolveError, match=r"InRelease of bookworm at http://mirror.test/debian is not good"):
        load(replace(BOOKWORM, keyring=str(HERE / "other.gpg")), access)


def test_an_archive_that_does_not_answer_is_named(mirror, access):
    mirror.drop("InRelease")

    with pytest.raises(ResolveError, match=r"InRelease of bookworm at .* cannot be read: .* not found"):
        load(BOOKWORM, access)


@pytest.mark.parametrize("date", [{"date": "never"}, {}])
def test_a_release_without_a_date_is_refused(date, access, monkeypatch):
    fields = {"codename": "bookworm"} | date
    monkeypatch.setattr(debian_release.debian_control, "paragraphs", lambda _: iter([fields]))

    with pytest.raises(ResolveError, match=r"has no (valid date: never|Date)"):
        load(BOOKWORM, access)


def test_a_file_is_asked_for_by_hash_and_the_second_time_not_at_all(mirror, access):
    release = load(BOOKWORM, access)
    mirror.asked.clear()
    data = fetch(release, PACKAGES, access)

    assert data.startswith(b"Package: busybox-static\n")
    assert mirror.asked == [f"{BY_HASH}/{release.files[PACKAGES + '.xz'].sha256}"]
    assert fetch(release, PACKAGES, access) == data
    assert len(mirror.asked) == 1


def test_without_by_hash_the_plain_address_does(mirror, access):
    mirror.drop("by-hash")
    release = load(BOOKWORM, access)

    assert fetch(release, PACKAGES, access)
    assert fetch(replace(release, by_hash=False), PACKAGES, access)


def test_gzip_does_where_xz_is_not_listed(access):
    release = load(BOOKWORM, access)
    files = {path: file for path, file in release.files.items() if not path.endswith(".xz")}

    assert fetch(replace(release, files=files), PACKAGES, access) == fetch(release, PACKAGES, access)


def test_a_file_whose_plain_digest_is_not_listed_is_not_kept(access):
    release = load(BOOKWORM, access)
    files = {f"{PACKAGES}.gz": release.files[f"{PACKAGES}.gz"]}

    assert fetch(replace(release, files=files), PACKAGES, access).startswith(b"Package: ")
    assert [path.suffix for path in access.cache.iterdir()] == [".date"]


@pytest.mark.parametrize("content", [b"spoiled", b"", "truncated"])
def test_a_file_that_is_not_what_the_release_lists_is_refused(mirror, access, content):
    if content == "truncated":
        content = mirror.files[f"dists/bookworm/{PACKAGES}.xz"][:-1]
    mirror.spoil("Packages.xz", content)
    mirror.spoil("by-hash", content)

    with pytest.raises(ResolveError, match="is not what its signed release lists") as caught:
        fetch(load(BOOKWORM, access), PACKAGES, access)
    assert caught.value.details[0].startswith("listed: ")


def test_another_file_of_the_archive_in_its_place_is_refused(mirror, access):
    mirror.spoil("binary-amd64", mirror.files["dists/bookworm/main/binary-arm64/Packages.xz"])

    with pytest.raises(ResolveError, match="is not what its signed release lists"):
        fetch(load(BOOKWORM, access), PACKAGES, access)


def test_a_signed_file_that_cannot_be_unpacked_is_told(mirror, access):
    release = load(BOOKWORM, access)
    listed = debian_release.ListedFile(sha256=hashlib.sha256(b"no").hexdigest(), size=2)
    mirror.spoil("Packages.xz", b"no")

    with pytest.raises(ResolveError, match="cannot be unpacked"):
        fetch(replace(release, by_hash=False, files={f"{PACKAGES}.xz": listed}), PACKAGES, access)
    plain = {PACKAGES: listed, f"{PACKAGES}.gz": release.files[f"{PACKAGES}.gz"]}
    with pytest.raises(ResolveError, match="once unpacked, is not what"):
        fetch(replace(release, files=plain), PACKAGES, access)


def test_a_file_that_is_not_listed_is_told_with_the_architectures(access):
    release = load(BOOKWORM, access)

    for get in (fetch, fetch_packed):
        with pytest.raises(ResolveError, match="has no contrib/binary-amd64/Packages") as caught:
            get(release, "contrib/binary-amd64/Packages", access)
        assert caught.value.hint == "its architectures are: amd64, arm64"


def test_a_damaged_file_of_the_cache_is_fetched_again(access):
    release = load(BOOKWORM, access)
    data = fetch(release, PACKAGES, access)
    kept = access.cache / release.files[PACKAGES].sha256
    kept.write_bytes(data[:-1] + b"x")

    assert fetch(release, PACKAGES, access) == data
    assert kept.read_bytes() == data


def test_what_nothing_asked_for_in_a_long_time_leaves_the_cache(access):
    release = load(BOOKWORM, access)
    old = access.cache / ("0" * 64)
    old.write_bytes(b"old")
    os.utime(old, (0, time.time() - debian_release.KEEP.total_seconds() - 9))
    packed = fetch_packed(release, "main/Contents-amd64.gz", access)

    assert not old.exists()
    assert (access.cache / hashlib.sha256(packed).hexdigest()).exists()


def test_a_cache_that_cannot_be_written_is_told(mirror, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ResolveError, match="cannot be written: Not a directory"):
        load(BOOKWORM, mirror.access(tmp_path / "file/cache", now=NOW))
