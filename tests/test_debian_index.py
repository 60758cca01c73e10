from __future__ import annotations

from dataclasses import replace

import pytest
from debian_mirror import BOOKWORM, SECURITY, Mirror

from modelpack.debian.control import Relation
from modelpack.debian.index import Index, load, load_releases
from modelpack.errors import ResolveError
from modelpack.progress import Silent

ONE = """\
Package: one
Version: 1:1.0-1
Architecture: amd64
Pre-Depends: zero
Depends: two (>= 2), three | four
Provides: virtual (= 1), other:amd64
Conflicts: five
Breaks: six (<< 6)
Filename: pool/main/o/one/one_1.0-1_amd64.deb
Size: 10
SHA256: 0000000000000000000000000000000000000000000000000000000000000000
"""


@pytest.fixture
def mirror():
    return Mirror()


@pytest.fixture
def access(mirror, tmp_path):
    return mirror.access(tmp_path / "cache")


def test_a_paragraph_is_read_when_its_package_is_asked_for():
    index = Index("bookworm", [("Version: no\nPackage: broken\n\n" + ONE).encode()])
    (package,) = index.packages("one")

    assert (package.name, package.version, package.architecture) == ("one", "1:1.0-1", "amd64")
    assert [[item.name for item in group] for group in package.depends] == [["zero"], ["two"], ["three", "four"]]
    assert package.provides[0] == Relation(name="virtual", operator="=", version="1")
    assert [item.name for item in package.conflicts] == ["five", "six"]
    assert (package.path, package.size) == ("pool/main/o/one/one_1.0-1_amd64.deb", 10)
    assert (package.priority, package.suite) == ("optional", "bookworm")
    assert set(index.names()) == {"broken", "one"}
    assert index.packages("none") == ()
    with pytest.raises(ResolveError, match="damaged at package broken"):
        index.packages("broken")


def test_versions_of_a_package_keep_their_order():
    index = Index("s", [(ONE + "\n" + ONE.replace("1:1.0-1", "2")).encode(), ONE.encode()])

    assert [package.version for package in index.packages("one")] == ["1:1.0-1", "2", "1:1.0-1"]


def test_providers_are_found_by_what_they_provide():
    index = Index("s", [(ONE + "\nPackage: two\nProvides: virtual\n\n\nPackage: three\n").encode()])

    assert index.providers("virtual") == ("one", "two")
    assert index.providers("other") == ("one",)
    assert index.providers("one") == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Version: 1:1.0-1", "Version: 1_0"),
        ("two (>= 2)", "two (~ 2)"),
        ("Size: 10", "Size: ten"),
        ("SHA256: 0", "SHA256: x"),
        ("SHA256", "SHA512"),
        ("pool/main/o", "pool/../o"),
        ("Filename: pool", "Filename: /pool"),
    ],
)
def test_a_damaged_paragraph_is_refused(old, new):
    with pytest.raises(ResolveError, match="the index of s is damaged at package one"):
        Index("s", [ONE.replace(old, new).encode()]).packages("one")


def test_indexes_of_all_suites_are_loaded_for_an_architecture(access):
    releases = load_releases([BOOKWORM, SECURITY], access)
    main, security = load(releases, "arm64", access)

    assert (main.suite, security.suite) == ("bookworm", "bookworm-security")
    assert main.packages("libc6")[0].architecture == "arm64"
    assert security.packages("libssl3")[0].path == "pool/updates/main/l/libssl3/libssl3_3.0.18-1~deb12u1_arm64.deb"


def test_a_second_load_asks_for_the_releases_alone(mirror, access):
    releases = load_releases([BOOKWORM, SECURITY], access)
    load(releases, "amd64", access)
    mirror.asked.clear()
    load(load_releases([BOOKWORM, SECURITY], access), "amd64", access)

    assert sorted(mirror.asked) == ["dists/bookworm-security/InRelease", "dists/bookworm/InRelease"]


def test_mirrors_of_the_same_release_count_once(access):
    releases = load_releases([BOOKWORM, SECURITY, replace(BOOKWORM, architectures=("amd64",))], access)

    assert [release.evidence.suite for release in releases] == ["bookworm", "bookworm-security"]
    assert releases[0].archive == BOOKWORM


def test_archives_taken_for_other_architectures_are_passed_over(access):
    arm = replace(SECURITY, architectures=("arm64",))
    releases = load_releases([BOOKWORM, arm], access)

    assert [index.suite for index in load(releases, "amd64", access)] == ["bookworm"]
    assert len(load(releases, "arm64", access)) == 2
    assert len(load(releases[1:], "amd64", access)) == 1


def test_an_architecture_that_a_release_lacks_is_told(access):
    with pytest.raises(ResolveError, match="bookworm has no architecture riscv64") as caught:
        load(load_releases([BOOKWORM], access), "riscv64", access)

    assert caught.value.hint == "it has: amd64, arm64"


def test_packages_of_all_architectures_are_read_apart_where_the_release_says_so(access):
    (release,) = load_releases([BOOKWORM], access)
    files = {path.replace("-arm64", "-all"): file for path, file in release.files.items()}
    apart = replace(release, lists_all=False, files=release.files | files, by_hash=False)

    with pytest.raises(ResolveError, match="binary-all/Packages"):
        load([apart], "amd64", access)


def test_progress_counts_the_indexes(access):
    class Counting(Silent):
        said: tuple = ()

        def start(self, task, *, total=None, unit="B"):
            self.said += (task, total, unit)

        def advance(self, task, amount):
            self.said += (task, amount)

    progress = Counting()
    load(load_releases([BOOKWORM, SECURITY], access), "amd64", replace(access, progress=progress))

    assert progress.said == ("package indexes", 2, "files", *("package indexes", 1) * 2)
