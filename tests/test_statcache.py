from __future__ import annotations

import os
import time

import pytest

from modelpack.store.statcache import RACY, StatCache

SHA = "ab" * 32


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"content")
    return path


def later():
    return time.time_ns() + 2 * RACY


def remembered(tmp_path, file):
    cache = StatCache(tmp_path / "cache/of-a-tree")
    cache.keep("weights.bin", file.stat(), SHA, read_at=later())
    cache.keep_derived("key", "value")
    cache.save(whole=True)
    return StatCache(tmp_path / "cache/of-a-tree")


def test_an_unchanged_file_is_known(tmp_path, file):
    cache = remembered(tmp_path, file)
    assert cache.sha256("weights.bin", file.stat()) == SHA
    assert cache.derived("key") == "value"


def test_another_content_name_or_place_is_not_known(tmp_path, file):
    cache = remembered(tmp_path, file)
    assert cache.sha256("other.bin", file.stat()) is None
    assert cache.derived("other key") is None
    before = file.stat()
    file.write_bytes(b"CONTENT")
    # Even when its time of change is put back: the kernel's own time of change cannot be.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.sha256("weights.bin", file.stat()) is None


def test_a_file_changed_just_before_it_was_read_is_not_trusted(tmp_path, file):
    cache = StatCache(tmp_path / "cache")
    cache.keep("weights.bin", file.stat(), SHA, read_at=time.time_ns())
    cache.save(whole=True)
    assert StatCache(tmp_path / "cache").sha256("weights.bin", file.stat()) is None


@pytest.mark.parametrize("damage", [b"", b"modelpack-files-1 00\n{}", b"{}"])
def test_a_damaged_cache_is_as_good_as_none(tmp_path, file, damage):
    remembered(tmp_path, file)
    (tmp_path / "cache/of-a-tree").write_bytes(damage)
    assert StatCache(tmp_path / "cache/of-a-tree").sha256("weights.bin", file.stat()) is None


def test_a_flipped_bit_is_found(tmp_path, file):
    remembered(tmp_path, file)
    path = tmp_path / "cache/of-a-tree"
    path.write_bytes(path.read_bytes().replace(b"abab", b"abac", 1))
    assert StatCache(path).sha256("weights.bin", file.stat()) is None


def test_what_was_not_asked_for_goes_only_after_a_whole_pass(tmp_path, file):
    cache = remembered(tmp_path, file)
    cache.save(whole=False)
    kept = StatCache(tmp_path / "cache/of-a-tree")
    assert kept.derived("key") == "value"
    kept.save(whole=True)
    assert StatCache(tmp_path / "cache/of-a-tree").sha256("weights.bin", file.stat()) is None


def test_nothing_is_written_when_nothing_is_new(tmp_path, file):
    cache = remembered(tmp_path, file)
    before = (tmp_path / "cache/of-a-tree").stat()
    cache.sha256("weights.bin", file.stat())
    cache.derived("key")
    cache.save(whole=True)
    assert (tmp_path / "cache/of-a-tree").stat() == before


def test_a_place_that_cannot_be_written_is_no_error(file):
    cache = StatCache(file / "below-a-file")
    cache.keep("weights.bin", file.stat(), SHA, read_at=later())
    cache.save(whole=True)


def test_no_half_written_file_is_left(tmp_path, file):
    remembered(tmp_path, file)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["of-a-tree"]
