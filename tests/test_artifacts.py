from __future__ import annotations

import pytest
from artifact_sources import deb, make_deb, make_lock, sha256, wheel, write

from modelpack.errors import FetchError
from modelpack.lock import LARGE
from modelpack.progress import Silent
from modelpack.store import seed
from modelpack.store.artifacts import LargeFile, Seed, SmallFiles, Wanted, artifacts
from modelpack.store.files import scan
from modelpack.store.storepath import flat_path, recursive_path


@pytest.fixture
def lock(tmp_path):
    write(tmp_path / "model/my weights.bin", bytes(LARGE))
    write(tmp_path / "model/again/my weights.bin", bytes(LARGE))
    write(tmp_path / "model/config.json", b"{}")
    tree = scan({"model": tmp_path / "model"}, cache=None, progress=Silent())
    both = deb("both", b"both")
    return make_lock(
        seed=deb("busybox-static", b"seed"),
        seed_nar_sha256="ab" * 32,
        wheels=[wheel("one", b"1"), wheel("two", b"2")],
        target=[both, deb("libc6", b"libc")],
        tools=[both],
        trees={"model": tree},
    )


def test_every_part_of_a_lock_has_its_store_path_once(lock):
    found = artifacts(lock)
    weights = sha256(bytes(LARGE))
    assert [artifact.store_path for artifact in found] == [
        recursive_path("model", lock.trees["model"].nar_sha256),
        flat_path("my-weights.bin", weights),
        flat_path("one-1-py3-none-any.whl", sha256(b"1")),
        flat_path("two-1-py3-none-any.whl", sha256(b"2")),
        flat_path("both_1+b1_amd64.deb", sha256(b"both")),
        flat_path("libc6_1+b1_amd64.deb", sha256(b"libc")),
        recursive_path("seed", "ab" * 32),
    ]
    assert isinstance(found[0].origin, SmallFiles)
    assert [entry.path for entry in found[0].origin.entries] == ["model/config.json"]
    assert isinstance(found[1].origin, LargeFile)
    assert isinstance(found[-1].origin, Seed)
    assert found[-1].sha256 == sha256(b"seed")


def test_only_what_the_store_lacks_is_absent(lock):
    class Store:
        def missing(self, paths):
            return set(paths[:2])

    assert Wanted.of(lock, Store()).absent == artifacts(lock)[:2]


@pytest.mark.parametrize("path", ["./bin/busybox", "./usr/bin/busybox"])
def test_the_seed_is_the_same_wherever_the_package_has_it(tmp_path, path):
    package = write(tmp_path / "busybox.deb", make_deb(path))
    seed.unpack(package, tmp_path / "seed")
    program = tmp_path / "seed/bin/busybox"
    assert program.read_bytes() == b"#!static\n"
    assert program.stat().st_mode & 0o777 == 0o555
    tree = scan({"": tmp_path / "seed"}, cache=None, progress=Silent())
    assert seed.seed_nar_sha256(package) == tree.nar_sha256


def test_a_package_without_busybox_is_no_seed(tmp_path):
    package = write(tmp_path / "other.deb", make_deb("./bin/other"))
    with pytest.raises(FetchError, match=r"other\.deb has no regular file bin/busybox"):
        seed.seed_nar_sha256(package)
