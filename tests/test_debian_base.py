from __future__ import annotations

from dataclasses import replace

import pytest
from debian_mirror import BOOKWORM, SECURITY, Mirror

from modelpack import codec
from modelpack.debian.base import TARGET, TOOLS, BaseRequest, glibc_version, python_package, resolve_base
from modelpack.debian.contents import packages_with_libraries
from modelpack.debian.index import Index, load_releases
from modelpack.debian.release import Access
from modelpack.debian.resolve import resolve
from modelpack.debian.sources import archives_for
from modelpack.errors import ResolveError
from modelpack.lock import DebianBase
from modelpack.suites import at_hand
from modelpack.web import http

REQUEST = BaseRequest(
    suite="bookworm", python="3.11", packages=(), target_architecture="amd64", build_architecture="amd64"
)


def names(debs):
    return [deb.name for deb in debs]


@pytest.fixture
def access(tmp_path):
    return Mirror().access(tmp_path / "cache")


def test_a_base_has_python_the_defaults_and_what_they_need(access):
    base = resolve_base(REQUEST, [BOOKWORM, SECURITY], access)

    assert base.glibc == "2.36"
    assert base.target.requested == tuple(sorted([*TARGET, "python3.11"]))
    assert {"libssl3", "media-types", "gcc-12-base"} < set(names(base.target.packages))
    assert not {"openssl", "debianutils", "busybox-static"} & set(names(base.target.packages))
    assert set(base.tools.requested) == {*TOOLS, "python3.11"}
    assert (base.seed.name, base.seed.depends) == ("busybox-static", ())
    assert [evidence.suite for evidence in base.evidence] == ["bookworm", "bookworm-security"]


def test_security_updates_are_preferred_and_where_they_come_from_is_kept(access):
    base = resolve_base(REQUEST, [BOOKWORM, SECURITY], access)
    (libssl,) = (deb for deb in base.target.packages if deb.name == "libssl3")

    assert (libssl.version, libssl.source) == ("3.0.18-1~deb12u1", "debian")
    assert libssl.path.startswith("pool/updates/main/")


def test_target_and_tools_may_have_different_architectures(access):
    base = resolve_base(replace(REQUEST, target_architecture="arm64"), [BOOKWORM], access)

    assert (base.target.architecture, base.tools.architecture, base.seed.architecture) == ("arm64", "amd64", "amd64")
    assert {deb.architecture for deb in base.target.packages} == {"arm64", "all"}


def test_extra_packages_are_added_and_wrong_ones_told(access):
    base = resolve_base(replace(REQUEST, packages=("openssl", "zlib1g")), [BOOKWORM], access)

    assert "openssl" in names(base.target.packages)
    assert "openssl" in base.target.requested
    with pytest.raises(ResolveError, match="1 Debian package not found"):
        resolve_base(replace(REQUEST, packages=("libgl1",)), [BOOKWORM], access)


def test_a_base_with_the_seeds_hash_is_that_of_the_lock(access):
    base = codec.to_json(resolve_base(REQUEST, [BOOKWORM], access))

    assert codec.from_json(DebianBase, base | {"seed_nar_sha256": "0" * 64}).suite == "bookworm"
    assert "mirror.test" not in str(base)


def test_tools_come_from_a_suite_with_a_python_that_builders_run_on(access):
    old = replace(BOOKWORM, suite="bullseye")
    base = resolve_base(REQUEST, [BOOKWORM], access, tools=[old])
    assert (base.tools_suite, base.tools_python) == ("bookworm", "3.11")

    without = resolve_base(replace(REQUEST, python=None), [BOOKWORM], access)
    assert "python3.11" not in names(without.target.packages)
    assert (without.tools_suite, without.tools_python) == ("bookworm", "3.11")
    assert "python3.11" in names(without.tools.packages)


def test_a_python_that_runs_here_must_compile_for_another_architecture(access):
    request = replace(REQUEST, suite="bullseye", python="3.9", target_architecture="arm64")
    with pytest.raises(ResolveError, match=r"Python 3\.9 for arm64 cannot be packaged on amd64"):
        resolve_base(request, [BOOKWORM], access)


def test_a_python_that_the_suite_lacks_is_told_with_the_suite_that_has_it(access):
    with pytest.raises(ResolveError, match=r"Debian bookworm has Python 3\.11, not Python 3\.13") as caught:
        resolve_base(replace(REQUEST, python="3.13"), [BOOKWORM], access)

    assert caught.value.hint == "use base: debian:trixie, which has Python 3.13"


def test_a_python_that_no_suite_has_is_told_with_what_is_at_hand_and_how_to_have_it(access):
    with pytest.raises(ResolveError, match=r"Debian bookworm has Python 3\.11, not Python 3\.12") as caught:
        resolve_base(replace(REQUEST, python="3.12", other_pythons=("3.10.13 (tarball)",)), [BOOKWORM], access)

    first, *ways = caught.value.details
    assert first == f"at hand: {at_hand()}, 3.10.13 (tarball)"
    assert 'python: {version: "3.12", tarball: ./cpython-3.12.tar.gz} in the spec' in ways[0]
    assert 'python: {version: "3.12", flake: "nixpkgs#python312"} in the spec' in ways[1]
    assert "python.interpreters in the machine's configuration" in ways[2]


def test_a_suite_without_python_says_so():
    with pytest.raises(ResolveError, match=r"Debian x has no Python 3, not Python 3\.11"):
        python_package(replace(REQUEST, suite="x"), [Index("x", [])])


def test_the_version_of_the_c_library_is_that_of_libc6(access):
    debs = resolve_base(REQUEST, [BOOKWORM], access).target.packages
    libc = next(deb for deb in debs if deb.name == "libc6")

    assert glibc_version([replace(libc, version="2.41-12+deb13u4")]) == "2.41"
    with pytest.raises(ResolveError, match="no C library"):
        glibc_version([deb for deb in debs if deb.name != "libc6"])


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    return Access(cache=tmp_path_factory.mktemp("indexes"), read=http.read)


@pytest.mark.network
@pytest.mark.parametrize(
    ("suite", "python", "architecture", "glibc"),
    [("bookworm", "3.11", "amd64", "2.36"), ("bookworm", "3.11", "arm64", "2.36"), ("trixie", "3.13", "amd64", "2.41")],
)
def test_the_machines_archives_give_a_small_base(machine, suite, python, architecture, glibc):
    request = replace(REQUEST, suite=suite, python=python, target_architecture=architecture)
    base = resolve_base(request, archives_for(suite, configured=()), machine)

    assert base.glibc == glibc
    assert {"libc6", "libexpat1", "libgomp1", "zlib1g", f"python{python}"} < set(names(base.target.packages))
    assert {deb.architecture for deb in base.target.packages} == {architecture, "all"}
    assert len(base.target.packages) < 50
    assert sum(deb.size for deb in base.target.packages) < 25e6
    assert not {"perl-base", "dpkg", "debconf"} & set(names(base.target.packages))
    assert suite in {evidence.suite for evidence in base.evidence}


@pytest.mark.network
def test_the_machines_archives_know_the_packages_of_libraries(machine):
    releases = load_releases(archives_for("bookworm", configured=()), machine)
    found = packages_with_libraries(["libGL.so.1", "libgomp.so.1"], releases, "amd64", machine)

    assert {soname: packages[0] for soname, packages in found.items()} == {
        "libGL.so.1": "libgl1",
        "libgomp.so.1": "libgomp1",
    }


def test_other_archives_bring_only_what_debian_has_not():
    own = b"Package: libc6\nVersion: 2.36\nArchitecture: amd64\nFilename: p/libc6.deb\nSize: 1\nSHA256: " + b"0" * 64
    more = own.replace(b"2.36", b"9") + b"\n\n" + own.replace(b"libc6", b"server") + b"\nDepends: libc6\n"
    indexes = (Index("bookworm", [own]), Index("stable", [more], "vendor"))

    found = {item.name: (item.version, item.source) for item in resolve(("server",), indexes, "amd64")}
    assert found == {"libc6": ("2.36", "debian"), "server": ("2.36", "vendor")}
