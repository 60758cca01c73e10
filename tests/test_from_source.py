"""Resolving distributions that have no wheel, with a workshop that has built everything already."""

from __future__ import annotations

import io
import tarfile

import pytest
from local_index import Notes, isolate, make_wheel, serving

from modelpack.errors import MissingBuildRequirementsError, ResolveError, SourceBuildError
from modelpack.lock import BuildTools, LockedRequirement
from modelpack.python.from_source import Own, Sources
from modelpack.python.metadata import MetadataStore
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope
from modelpack.python.target import Target

pytestmark = pytest.mark.usefixtures("index")
TARGET = ("3.11", "linux/amd64", "2.36")


class Workshop:
    """Gives metadata by name and version, as builds would."""

    def __init__(self, scope, cache, metadata):
        self.scope, self.cache, self.metadata = scope, cache, metadata
        self.packages, self.keeps_packages = (), True
        self.built = []
        self.missing = []
        self.fails = False

    def require(self, name, requires):
        origin = f"build of {name}"
        lines = [LockedRequirement(requirement=text, origin=origin) for text in requires]
        return ask(lines, self.scope, self.cache)

    def tools(self, wheels, **_):
        return BuildTools(wheels=tuple(wheels))

    def build(self, wheel, tools):
        self.built.append((wheel.name, wheel.filename, [item.name for item in tools.wheels]))
        if self.fails:
            raise SourceBuildError("it cannot be built", name=wheel.name)
        if self.missing:
            raise MissingBuildRequirementsError("more", (self.missing.pop(),))
        if wheel.filename not in self.metadata:
            raise SourceBuildError(f"{wheel.name} cannot be built from source: error: no luck", name=wheel.name)
        return self.metadata[wheel.filename].encode()


def ask(requirements, scope, cache, **more):
    python, platform, glibc = TARGET
    own = {"python": python, "platform": platform, "glibc": glibc, "cache": cache, "progress": Notes()}
    return resolve(requirements, scope=scope, **own, **more)


def make_sdist(folder, name, version, **files):
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in {"setup.py": "", **files}.items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def metadata(name, version, *lines):
    return "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines]) + "\n"


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in ("setuptools", "wheel"):
        make_wheel(folder, name, "99.0")
    return folder


@pytest.fixture
def index(packages, monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    with serving(packages) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
        yield served


class Lock:
    """What a lock keeps from one resolution to the next."""

    def __init__(self, tmp_path, **built):
        self.folder = tmp_path
        self.workshop = Workshop(Scope(tmp_path), tmp_path / "cache", built)
        self.wheels, self.build = (), None

    def make(self, *requirements, own=(), upgrade=False):
        shelf = self.folder / f"shelf{len(list(self.folder.glob('shelf*')))}"
        shelf.mkdir()
        sources = Sources(
            shelf,
            target=Target(*TARGET),
            store=MetadataStore(self.folder / "cache"),
            workshop=self.workshop,
            previous=self.wheels,
            pool=self.build.wheels if self.build else (),
        )
        for one in own:
            sources.add(one)
        lines = [LockedRequirement(requirement=text, origin="modelpack.yaml:4") for text in requirements]
        kept = {"previous": self.wheels, "upgrade": upgrade, "sources": sources}
        self.wheels = ask(lines, self.workshop.scope, self.folder / "cache", **kept)
        self.build = sources.pool(self.wheels)
        return {wheel.name: wheel.filename for wheel in self.wheels}


def test_a_wheel_is_preferred_to_a_newer_source_archive(packages, tmp_path):
    make_wheel(packages, "demo", "1.0")
    make_sdist(packages, "demo", "2.0")
    lock = Lock(tmp_path)

    assert lock.make("demo") == {"demo": "demo-1.0-py3-none-any.whl"}
    assert lock.build is None


def test_a_source_archive_is_taken_where_no_wheel_meets_the_requirement(packages, tmp_path):
    make_wheel(packages, "demo", "1.0")
    make_wheel(packages, "six", "1.0")
    path = make_sdist(packages, "demo", "2.0")
    lock = Lock(tmp_path, **{path.name: metadata("demo", "2.0", "Requires-Dist: six")})

    assert lock.make("demo>1") == {"demo": "demo-2.0.tar.gz", "six": "six-1.0-py3-none-any.whl"}
    assert lock.wheels[0].build.requires == ("setuptools>=40.8.0", "wheel")
    assert [wheel.name for wheel in lock.build.wheels] == ["setuptools", "wheel"]
    assert lock.wheels[1].required_by[0].name == "demo"


def test_what_a_source_archive_needs_may_be_one_itself(packages, tmp_path):
    make_sdist(packages, "inner", "1.0")
    make_sdist(packages, "outer", "1.0")
    outer = metadata("outer", "1.0", "Requires-Dist: inner")
    lock = Lock(tmp_path, **{"outer-1.0.tar.gz": outer, "inner-1.0.tar.gz": metadata("inner", "1.0")})

    assert set(lock.make("outer")) == {"inner", "outer"}


def test_a_version_that_turns_out_not_to_fit_gives_way_to_an_older_one(packages, tmp_path):
    for version in ("1.0", "2.0", "3.0"):
        make_sdist(packages, "demo", version)
    built = {
        "demo-3.0.tar.gz": metadata("demo", "3.0", "Requires-Python: >=3.12"),
        "demo-2.0.tar.gz": metadata("demo", "2.0"),
    }
    lock = Lock(tmp_path, **built)

    assert lock.make("demo") == {"demo": "demo-2.0.tar.gz"}
    assert [filename for _, filename, _ in lock.workshop.built] == ["demo-3.0.tar.gz", "demo-2.0.tar.gz"]


def test_static_metadata_spares_the_build(packages, tmp_path):
    make_wheel(packages, "flit_core", "4.0")
    system = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
    make_sdist(packages, "demo", "1.0", **{"pyproject.toml": system, "PKG-INFO": "Metadata-Version: 2.2\nName: demo\n"})
    lock = Lock(tmp_path)

    assert lock.make("demo") == {"demo": "demo-1.0.tar.gz"}
    assert lock.workshop.built == []
    assert lock.wheels[0].build.wheels == ("flit_core-4.0-py3-none-any.whl",)


def test_what_a_backend_asks_for_is_locked_too(packages, tmp_path):
    make_wheel(packages, "cython", "3.0")
    make_sdist(packages, "demo", "1.0", **{"demo/fast.pyx": ""})
    lock = Lock(tmp_path, **{"demo-1.0.tar.gz": metadata("demo", "1.0")})
    lock.workshop.missing = ["cython"]
    lock.make("demo")

    assert [needs for _, _, needs in lock.workshop.built] == [
        ["setuptools", "wheel"],
        ["cython", "setuptools", "wheel"],
    ]
    assert lock.wheels[0].build.requires[-1] == "cython"
    assert lock.wheels[0].build.compilers


def test_the_next_lock_asks_for_nothing_again(index, packages, tmp_path):
    make_sdist(packages, "demo", "1.0")
    lock = Lock(tmp_path, **{"demo-1.0.tar.gz": metadata("demo", "1.0")})
    lock.make("demo")
    before, asked = lock.wheels, len(index.requests)
    lock.make("demo>0")

    assert (lock.wheels, len(index.requests)) == (before, asked)
    assert len(lock.workshop.built) == 1


def test_build_requirements_that_have_no_wheel_are_refused_with_who_needs_them(packages, tmp_path):
    system = '[build-system]\nrequires = ["odd-backend"]\n'
    make_sdist(packages, "demo", "1.0", **{"pyproject.toml": system})
    make_sdist(packages, "odd_backend", "1.0")
    with pytest.raises(ResolveError, match=r"odd-backend.*build of demo"):
        Lock(tmp_path).make("demo")


def test_what_cannot_be_built_is_told_with_who_needs_it_and_a_way_that_works(packages, tmp_path):
    make_wheel(packages, "demo", "1.0")
    make_sdist(packages, "demo", "2.0")

    with pytest.raises(SourceBuildError) as caught:
        Lock(tmp_path).make("demo==2.0")

    assert caught.value.message == (
        "demo==2.0 (modelpack.yaml:4) has no wheel for Python 3.11 on linux/amd64 with glibc 2.36, "
        "and demo cannot be built from source: error: no luck"
    )
    assert caught.value.hint == "modelpack.yaml:4: demo==1.0 in place of demo==2.0"
    assert caught.value.origins == ("modelpack.yaml:4",)


def test_what_cannot_be_built_far_below_is_told_with_the_way_there(packages, tmp_path):
    make_wheel(packages, "outer", "1.0")
    make_wheel(packages, "outer", "2.0", requires=["middle"])
    make_wheel(packages, "middle", "1.0", requires=["inner"])
    make_sdist(packages, "inner", "1.0")

    with pytest.raises(SourceBuildError) as caught:
        Lock(tmp_path).make("outer==2.0")

    assert caught.value.message.startswith(
        "outer==2.0 (modelpack.yaml:4) needs inner 1.0, through middle 1.0, which has no wheel for "
    )
    assert caught.value.hint == "modelpack.yaml:4: outer==1.0 in place of outer==2.0"


def own_wheel(path):
    tree = "project-demo"
    return Own(
        name="demo", origin="requirements.txt:1", path=path, filename=path.name, tree=tree, sha256="a" * 64, size=1
    )


def test_the_users_own_wheel_wins_over_what_an_index_has(packages, tmp_path):
    make_wheel(packages, "demo", "1.0", requires=["nonesuch"])
    make_wheel(packages, "six", "1.0")
    path = make_wheel(tmp_path, "demo", "1.0", requires=["six"])
    lock = Lock(tmp_path)

    assert set(lock.make("demo", own=[own_wheel(path)])) == {"demo", "six"}
    assert (lock.wheels[0].source, lock.wheels[0].tree) == ("local", "project-demo")


def test_the_users_own_wheel_has_to_fit(tmp_path):
    path = make_wheel(tmp_path, "demo", "1.0", tag="cp39-cp39-win_amd64")
    with pytest.raises(
        ResolveError, match=r"requirements.txt:1: demo-1.0-cp39-cp39-win_amd64.whl is not for Python 3.11"
    ):
        Lock(tmp_path).make("demo", own=[own_wheel(path)])


def test_a_project_keeps_its_build_requirements_when_its_code_changes(packages, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "setup.py").write_text("")
    lock = Lock(tmp_path, **{"demo/": metadata("demo", "0.3")})

    def own(sha256):
        return Own(
            name="demo",
            origin="here",
            path=project,
            filename="demo",
            tree="project-demo",
            sha256=sha256,
            size=1,
            files=("setup.py",),
        )

    lock.make("demo", own=[own("a" * 64)])
    make_wheel(packages, "setuptools", "100.0")
    lock.make("demo", own=[own("b" * 64)])

    assert (lock.wheels[0].version, lock.wheels[0].sha256) == ("0.3", "b" * 64)
    assert "setuptools-99.0-py3-none-any.whl" in lock.wheels[0].build.wheels
    assert len(lock.workshop.built) == 2


def test_other_packages_to_build_with_ask_the_backend_again(packages, tmp_path):
    make_wheel(packages, "ninja", "1.0")
    make_sdist(packages, "demo", "1.0", **{"demo/fast.c": ""})
    lock = Lock(tmp_path, **{"demo-1.0.tar.gz": metadata("demo", "1.0")})
    lock.workshop.missing = ["ninja"]
    lock.make("demo")
    lock.workshop.packages, lock.workshop.keeps_packages = ("ninja-build",), False
    lock.make("demo")

    assert lock.wheels[0].build.requires == ("setuptools>=40.8.0", "wheel")
    assert len(lock.workshop.built) == 3


class TestWaysOut:
    """Of conflicts in which something has no wheel."""

    @pytest.fixture(autouse=True)
    def _conflict(self, packages):
        make_wheel(packages, "base", "1.0")
        make_wheel(packages, "base", "2.0")
        make_wheel(packages, "thing", "1.0", requires=["base<2"])

    def test_what_has_no_wheel_beside_the_conflict_hides_no_way_out(self, packages, tmp_path):
        make_sdist(packages, "old", "1.0", **{"PKG-INFO": metadata("old", "1.0", "Requires-Dist: base>=1")})
        with pytest.raises(ResolveError, match="want different versions of base") as caught:
            Lock(tmp_path).make("old", "thing==1.0", "base>=2")
        assert caught.value.hint == "modelpack.yaml:4: base==1.0 in place of base>=2"

    def test_what_an_archive_says_of_itself_rules_a_way_out(self, packages, tmp_path):
        make_sdist(packages, "old", "1.0", **{"PKG-INFO": metadata("old", "1.0", "Requires-Dist: base>=2")})
        make_wheel(packages, "thing", "1.1", requires=["base"])
        with pytest.raises(ResolveError, match="want different versions of base") as caught:
            Lock(tmp_path).make("old", "thing==1.0", "base>=2")
        assert caught.value.hint == "modelpack.yaml:4: thing==1.1 in place of thing==1.0"

    def test_nothing_is_named_that_would_have_to_be_compiled(self, packages, tmp_path):
        make_sdist(packages, "thing", "1.1", **{"thing/fast.c": ""})
        with pytest.raises(ResolveError, match="want different versions of base") as caught:
            Lock(tmp_path).make("thing>=1", "thing==1.0", "base==2.0")
        assert "thing==1.1" not in "\n".join(caught.value.details)

    def test_a_build_that_fails_names_what_works(self, packages, tmp_path):
        make_sdist(packages, "other", "1.0")
        make_wheel(packages, "other", "1.1", requires=["base<2"])
        lock = Lock(tmp_path)
        lock.workshop.fails = True
        with pytest.raises(SourceBuildError, match="has no wheel") as caught:
            lock.make("other==1.0", "base")
        assert caught.value.origins == ("modelpack.yaml:4",)
        assert caught.value.hint == "modelpack.yaml:4: other==1.1 in place of other==1.0"

    def test_nothing_is_built_that_the_index_has_for_other_pythons(self, packages, tmp_path, index):
        archive = make_sdist(packages, "other", "1.0")
        index.facts[archive.name] = {"requires-python": ">=3.12"}
        lock = Lock(tmp_path)
        with pytest.raises(ResolveError) as caught:
            lock.make("other==1.0", "base")
        assert not lock.workshop.built
        assert "Python" in caught.value.message

    def test_a_project_of_the_users_is_a_culprit_like_others(self, tmp_path):
        wheels = tmp_path / "mine"
        wheels.mkdir()
        path = make_wheel(wheels, "mine", "1.0", requires=["base>=2"])
        own = Own(
            name="mine",
            origin="here",
            path=path,
            filename=path.name,
            tree="project-mine",
            sha256="a" * 64,
            size=path.stat().st_size,
        )
        with pytest.raises(ResolveError) as caught:
            Lock(tmp_path).make("mine", "thing==1.0", own=[own])
        assert caught.value.message == (
            "mine (modelpack.yaml:4) and thing==1.0 (modelpack.yaml:4) cannot be met together: "
            "they want different versions of base"
        )
        assert "modelpack.yaml:4 wants base>=2, through mine 1.0" in caught.value.details
