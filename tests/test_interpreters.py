"""``interpreters``: which tarball a package's Python comes from, and what it is held against."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from example_project import write

from modelpack import interpreters
from modelpack.errors import ResolveError
from modelpack.loading.native import load_spec
from modelpack.lock import CondaPackage, FileEntry
from modelpack.settings import Settings
from modelpack.spec import Base, CondaRequirement, FlakeInterpreter, Remote, Source, TarballInterpreter


def nothing():
    raise AssertionError


def ways(solve=nothing):
    return interpreters.Ways(scan=scan, find=lambda source: source.path, solve=solve, realise=nothing)


def own(path, sha256=None):
    return TarballInterpreter(source=Source(path=path, key="python.tarball"), sha256=sha256)


NAME = "cpython-{}+20240107-{}-unknown-linux-gnu-install_only.tar.gz"


def tarball(path, version="3.12.1", top="python"):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = f'#define PY_VERSION "{version}"\n'.encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(f"{top}/include/python3.12/patchlevel.h")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def settings(tmp_path):
    return Settings(interpreters=(str(tmp_path / "folder"), str(tmp_path / "none")))


def scan(path):
    content = path.read_bytes()
    return FileEntry(path=path.name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture
def spec(tmp_path):
    return replace(load_spec(write(tmp_path / "project")), python="3.12", platform="linux/amd64")


def test_the_version_is_read_from_the_header(tmp_path):
    assert interpreters.version_of(tarball(tmp_path / "a.tar.gz", "3.12.1+")) == "3.12.1"


@pytest.mark.parametrize("content", [b"", b"no tarball", b"\x1f\x8b\x08\x00cut"])
def test_what_is_no_tarball_is_told(tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ResolveError, match=r"a\.tar\.gz"):
        interpreters.version_of(tmp_path / "a.tar.gz")


def test_a_tarball_of_another_shape_is_told(tmp_path):
    with pytest.raises(ResolveError, match="is no interpreter tarball"):
        interpreters.version_of(tarball(tmp_path / "a.tar.gz", top="opt/python"))


def test_a_tarball_of_the_spec_is_locked_by_its_bytes(tmp_path, spec, settings):
    path = tarball(tmp_path / "mine.tar.gz")
    found = interpreters.resolve(replace(spec, interpreter=own(path)), settings, ways())

    assert found.version == "3.12.1"
    assert found.tarball.filename == "mine.tar.gz"
    assert found.tarball.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.tarball.size == path.stat().st_size


def test_a_tarball_that_is_not_what_the_spec_says_is_refused(tmp_path, spec, settings):
    path = tarball(tmp_path / "mine.tar.gz")
    with pytest.raises(ResolveError, match="another sha256 than the spec says"):
        interpreters.resolve(replace(spec, interpreter=own(path, sha256="0" * 64)), settings, ways())
    with pytest.raises(ResolveError, match=r"holds Python 3\.12\.1, not Python 3\.10"):
        interpreters.resolve(replace(spec, python="3.10", interpreter=own(path)), settings, ways())


def test_the_machines_newest_tarball_serves_where_the_suite_lacks_the_python(tmp_path, spec, settings):
    for version in ("3.12.1", "3.12.10", "3.13.0"):
        tarball(tmp_path / "folder" / NAME.format(version, "x86_64"), version)
    tarball(tmp_path / "folder" / NAME.format("3.12.11", "aarch64"), "3.12.11")
    tarball(tmp_path / "folder" / NAME.format("3.12.12", "x86_64_v3"), "3.12.12")

    assert interpreters.resolve(spec, settings, ways()).version == "3.12.10"
    assert interpreters.resolve(replace(spec, platform="linux/arm64"), settings, ways()).version == "3.12.11"
    assert interpreters.resolve(replace(spec, python="3.10"), settings, ways()) is None
    assert interpreters.resolve(replace(spec, python="3.11"), settings, ways()) is None
    assert interpreters.at_hand(spec, settings) == tuple(
        f"{version} (tarball)" for version in ("3.12.1", "3.12.10", "3.13.0")
    )


def test_the_digest_follows_from_the_spec_alone(tmp_path, spec):
    assert interpreters.digest(replace(spec, python="3.11"), scan) is None
    trixie = replace(spec, python="3.11", base=Base(distribution="debian", suite="trixie"))
    mine = replace(spec, interpreter=own(tarball(tmp_path / "mine.tar.gz")))
    assert len({interpreters.digest(one, scan) for one in (spec, trixie, mine)}) == 3


def test_a_foreign_package_needs_tools_of_its_python(spec):
    found = interpreters.Interpreter(version="3.12.1", tarball=None)
    interpreters.check_compiler(spec, found, "3.11", foreign=False)
    interpreters.check_compiler(spec, found, "3.12", foreign=True)
    with pytest.raises(ResolveError, match="cannot be packaged here"):
        interpreters.check_compiler(spec, found, "3.11", foreign=True)


def test_conda_serves_where_packages_of_it_are_asked_for_or_nothing_else_has_the_python(spec, settings):
    with_channel = replace(settings, channels=("file:///srv/channel",))
    solved = (conda_package("numpy", "1.26.4"), conda_package("python", "3.12.7"))
    found = interpreters.resolve(spec, with_channel, ways(lambda: solved))

    assert (found.version, found.tarball, found.conda) == ("3.12.7", None, solved)
    assert interpreters.resolve(replace(spec, python="3.11"), with_channel, ways()) is None
    asked = replace(spec, python="3.11", conda=(CondaRequirement(name="numpy", version="", text="", origin=""),))
    assert interpreters.resolve(asked, with_channel, ways(lambda: solved)).conda == solved
    assert interpreters.digest(asked, scan) != interpreters.digest(spec, scan)
    with pytest.raises(ResolveError, match="no conda channel is configured"):
        interpreters.resolve(asked, settings, ways())


def conda_package(name, version):
    return CondaPackage(
        name=name,
        version=version,
        filename=f"{name}-{version}-0.conda",
        channel="channel",
        subdir="noarch",
        sha256="0" * 64,
        size=1,
        source="conda",
    )


def test_a_tarball_with_an_address_is_known_by_its_digest(tmp_path, spec, settings):
    path = tarball(tmp_path / "cache/mine+1.tar.gz")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    source = Source(
        path=Path("mine+1.tar.gz"), key="", remote=Remote(url="https://mirror.test/mine%2B1.tar.gz", sha256=sha256)
    )
    spec = replace(spec, interpreter=TarballInterpreter(source=source, sha256=sha256))
    found = interpreters.resolve(spec, settings, replace(ways(), find=lambda _: path))

    assert (found.tarball.filename, found.tarball.sha256) == ("mine+1.tar.gz", sha256)
    assert interpreters.digest(spec, nothing) is not None
    assert interpreters.addresses(spec, settings, lambda _: path) == (path.as_uri(), source.remote.url)
    assert interpreters.addresses(spec, settings, lambda _: tmp_path / "none") == (source.remote.url,)


def test_a_flake_of_the_spec_is_realised_and_known_by_what_pins_it(tmp_path, spec, settings):
    tarball(tmp_path / "folder" / NAME.format("3.12.1", "x86_64"))
    local = FlakeInterpreter(
        reference=str(tmp_path),
        attribute="python",
        folder=tmp_path,
        written="./flake#python",
        origin="modelpack.yaml:1:1",
    )
    far = replace(local, reference="nixpkgs", folder=None, written="nixpkgs#python")
    made = interpreters.Interpreter(version="3.12.4")
    found = interpreters.resolve(replace(spec, interpreter=local), settings, replace(ways(), realise=lambda _: made))
    (tmp_path / "flake.nix").write_text("{ }")
    first = interpreters.digest(replace(spec, interpreter=local), scan)
    elsewhere = replace(local, reference="/elsewhere")

    assert found is made
    assert first == interpreters.digest(replace(spec, interpreter=elsewhere), scan)
    (tmp_path / "flake.lock").write_text("{ }")
    digests = {interpreters.digest(replace(spec, interpreter=one), scan) for one in (None, local, far)}
    assert len({first, *digests}) == 4
    conda = (CondaRequirement(name="numpy", version="", text="", origin=""),)
    with pytest.raises(ResolveError, match=r"python\.flake cannot be theirs"):
        interpreters.resolve(replace(spec, conda=conda, interpreter=far), settings, ways())
