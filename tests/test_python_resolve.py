from __future__ import annotations

import time

import pytest
from local_index import Notes, isolate, make_wheel, serving, sha256
from packaging.requirements import Requirement

from modelpack.errors import ModelpackError, ResolveError
from modelpack.lock import LockedRequirement, Parent
from modelpack.python import index as python_index
from modelpack.python import ways
from modelpack.python.dependencies import Distribution, closure
from modelpack.python.question import Choice
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope
from modelpack.python.target import Target, target_environment, target_tags

AMD64 = {"python": "3.11", "platform": "linux/amd64", "glibc": "2.36"}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def index(folder, monkeypatch):
    with serving(folder) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        yield index


@pytest.fixture
def ask(index, tmp_path):
    def ask(*requirements, progress=None, **changes):
        items = [
            LockedRequirement(
                requirement=text, origin="server azureml" if text.startswith("server") else f"spec:{line}"
            )
            for line, text in enumerate(requirements, 1)
        ]
        options = {**AMD64, "cache": tmp_path / "cache", "scope": Scope(index.folder), **changes}
        return resolve(items, progress=progress or Notes(), **options)

    return ask


def versions(wheels):
    return {wheel.name: wheel.version for wheel in wheels}


def test_every_wheel_has_its_digest_size_and_parents(ask, folder):
    make_wheel(folder, "base", "1.0")
    make_wheel(folder, "base", "2.0")
    make_wheel(folder, "middle", "1.0", requires=["base<2", 'base!=1.5; python_version >= "3"', "Other_Thing"])
    other = make_wheel(folder, "other-thing", "3.1", requires=["base>=0.5"])
    found = ask("middle", "base")
    assert versions(found) == {"base": "1.0", "middle": "1.0", "other-thing": "3.1"}
    base, middle, thing = found
    assert base.required_by == (
        Parent(name="middle", specifier="!=1.5,<2"),
        Parent(name="other-thing", specifier=">=0.5"),
    )
    assert middle.required_by == ()
    assert (thing.filename, thing.sha256, thing.size) == (other.name, sha256(other), other.stat().st_size)
    assert {wheel.source for wheel in found} == {"pypi"}


def test_the_same_question_gives_the_same_answer(ask, folder):
    for name in ("c", "a", "b"):
        make_wheel(folder, name, "1.0", requires=["d"])
    make_wheel(folder, "d", "1.0")
    assert ask("c", "a", "b") == ask("b", "c", "a")


def test_markers_and_tags_are_those_of_the_target(ask, folder):
    markers = ['arm; platform_machine == "aarch64"', 'windows; sys_platform == "win32"', 'old; python_version < "3.12"']
    make_wheel(folder, "top", "1.0", requires=markers)
    for name in ("arm", "windows", "old"):
        make_wheel(folder, name, "1.0")
    tags = {m: f"cp311-cp311-manylinux_2_17_{m}" for m in ("x86_64", "aarch64")}
    for tag in (*tags.values(), "cp312-cp312-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_38_x86_64"):
        make_wheel(folder, "native", "1.0", tag=tag)
    amd64, arm64 = ask("top", "native"), ask("top", "native", platform="linux/arm64")
    assert list(versions(amd64)) == ["native", "old", "top"]
    assert list(versions(arm64)) == ["arm", "native", "old", "top"]
    assert amd64[0].filename.endswith(f"{tags['x86_64']}.whl")
    assert arm64[1].filename.endswith(f"{tags['aarch64']}.whl")
    later = ask("top", "native", python="3.12")
    assert list(versions(later)) == ["native", "top"]


def test_the_best_of_several_fitting_wheels_is_taken(ask, folder):
    for tag in ("py3-none-any", "cp38-abi3-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_28_x86_64"):
        make_wheel(folder, "native", "1.0", tag=tag)
    (found,) = ask("native")
    assert "2_28" in found.filename


def test_a_requirement_for_another_platform_needs_nothing(ask, folder):
    make_wheel(folder, "one", "1.0")
    assert list(versions(ask("one", 'never; sys_platform == "win32"'))) == ["one"]


def test_extras_bring_their_requirements(ask, folder):
    make_wheel(
        folder,
        "top",
        "1.0",
        requires=['a; extra == "Fast_IO"', 'top[fast-io]; extra == "all"'],
        extras=["fast-io", "all"],
    )
    make_wheel(folder, "a", "1.0")
    assert list(versions(ask("top"))) == ["top"]
    a, top = ask("top[all]")
    assert a.required_by == (Parent(name="top", specifier=""),)
    assert top.required_by == ()


@pytest.mark.parametrize(
    "manners",
    [
        {},
        {"metadata": False},
        {"metadata": False, "ranges": False},
        {"as_json": False, "hashes": False},
        {"as_json": False, "metadata": False, "ranges": False},
    ],
)
def test_indexes_of_all_kinds_give_the_same_lock(ask, folder, index, manners):
    make_wheel(folder, "top", "1.0", requires=["big"])
    make_wheel(folder, "big", "1.0", payload=bytes(300_000))
    for name, value in manners.items():
        setattr(index, name, value)
    big, _ = ask("top")
    assert big.size == (folder / big.filename).stat().st_size
    assert big.sha256 == sha256(folder / big.filename)
    assert big.required_by == (Parent(name="top", specifier=""),)


def test_metadata_is_read_out_of_the_middle_of_a_wheel(ask, folder, index):
    index.metadata = False
    big = make_wheel(folder, "big", "1.0", payload=bytes(500_000))
    ask("big")
    wanted = [headers["Range"] for _, path, headers in index.requests if big.name in path and "Range" in headers]
    assert wanted
    assert not any(path.endswith(big.name) and "Range" not in h for m, path, h in index.requests if m == "GET")


def test_a_folder_of_wheels_will_do(ask, folder, monkeypatch):
    make_wheel(folder, "top", "1.0", requires=["base"])
    make_wheel(folder, "base", "1.0")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    assert versions(ask("top")) == {"base": "1.0", "top": "1.0"}


class TestPins:
    @pytest.fixture(autouse=True)
    def _published(self, folder):
        make_wheel(folder, "top", "1.0", requires=["base"])
        make_wheel(folder, "base", "1.0")

    def publish(self, folder):
        make_wheel(folder, "base", "2.0")
        make_wheel(folder, "extra-thing", "1.0")

    def test_pins_that_still_hold_are_kept_and_no_index_is_asked(self, ask, folder, index):
        before = ask("top")
        self.publish(folder)
        index.requests.clear()
        assert ask("top", previous=before) == before
        assert index.requests == []

    def test_an_extra_that_some_package_asks_of_another_in_vain_is_no_reason_to_ask_anew(self, ask, folder, index):
        make_wheel(folder, "above", "1.0", requires=["base[gone]"])
        before = ask("above")
        index.requests.clear()
        assert ask("above", previous=before) == before
        assert index.requests == []

    def test_pins_are_kept_beside_something_new(self, ask, folder):
        before = ask("top")
        self.publish(folder)
        assert versions(ask("top", "extra-thing", previous=before)) == {
            "base": "1.0",
            "extra-thing": "1.0",
            "top": "1.0",
        }

    def test_what_is_no_longer_needed_is_dropped(self, ask):
        before = ask("top")
        assert versions(ask("base", previous=before)) == {"base": "1.0"}

    def test_parents_follow_the_question(self, ask):
        before = ask("top", "base")
        assert ask("base", previous=before)[0].required_by == ()

    def test_a_pin_gives_way_to_a_requirement(self, ask, folder):
        before = ask("top")
        self.publish(folder)
        assert versions(ask("top", "base>=2", previous=before))["base"] == "2.0"

    def test_pins_of_another_platform_are_not_kept(self, ask, folder):
        tag = "cp311-cp311-manylinux_2_17_{}"
        for machine in ("x86_64", "aarch64"):
            make_wheel(folder, "native", "1.0", tag=tag.format(machine))
        before = ask("native")
        (after,) = ask("native", previous=before, platform="linux/arm64")
        assert after.filename.endswith("aarch64.whl")

    @pytest.mark.parametrize("upgrade", [True, ["base"], ["Base"]])
    def test_an_upgrade_lets_go(self, ask, folder, upgrade):
        before = ask("top")
        self.publish(folder)
        assert versions(ask("top", previous=before, upgrade=upgrade))["base"] == "2.0"

    def test_an_upgrade_of_one_keeps_the_others(self, ask, folder):
        before = ask("top")
        self.publish(folder)
        make_wheel(folder, "top", "2.0", requires=["base"])
        assert versions(ask("top", previous=before, upgrade=["top"])) == {"base": "1.0", "top": "2.0"}

    def test_an_upgrade_of_what_is_not_locked_is_an_error(self, ask):
        before = ask("top")
        with pytest.raises(ResolveError, match="cannot upgrade bass") as caught:
            ask("top", previous=before, upgrade=["bass"])
        assert caught.value.hint == "did you mean base?"

    def test_pins_are_kept_when_the_cache_is_gone(self, ask, folder, tmp_path):
        before = ask("top")
        self.publish(folder)
        assert ask("top", previous=before, cache=tmp_path / "other") == before


class TestErrors:
    @pytest.fixture
    def fail(self, ask):
        def fail(*requirements, **changes):
            with pytest.raises(ModelpackError) as caught:
                ask(*requirements, **changes)
            assert isinstance(caught.value, ResolveError)
            return caught.value

        return fail

    def test_a_version_that_does_not_exist(self, fail, folder):
        make_wheel(folder, "thing", "1.0")
        make_wheel(folder, "thing", "1.2")
        error = fail("thing==9")
        assert error.message == "no version meets thing==9 (spec:1)"
        assert error.hint == "spec:1: thing==1.2 in place of thing==9"
        assert error.details == (
            "versions of thing with a wheel that fits: 1.0 to 1.2",
            "this was tried and works:",
            "  spec:1: thing==1.2 in place of thing==9",
        )

    def test_a_name_that_does_not_exist(self, fail):
        error = fail("scikit-lern>=1")
        assert error.message == "scikit-lern>=1 (spec:1): no package index has a package named scikit-lern"
        assert error.hint == "did you mean scikit-learn?"

    def test_the_name_of_a_module(self, fail):
        assert fail("cv2").hint == "did you mean opencv-python-headless?"

    def test_a_name_that_a_dependency_asks_for(self, fail, folder):
        make_wheel(folder, "thing", "1.0", requires=["never-published"])
        assert fail("thing").message == "thing (spec:1) needs never-published, which no package index has"

    def test_a_source_archive_alone(self, fail, folder):
        (folder / "thing-1.0.tar.gz").write_bytes(b"")
        error = fail("thing")
        assert error.message == "thing (spec:1) has no wheel for Python 3.11 on linux/amd64 with glibc 2.36"
        assert error.hint == "no version of thing has a wheel that fits"
        assert error.details[0] == "thing 1.0 has only a source archive"

    def test_wheels_of_other_pythons_and_platforms(self, fail, folder):
        for python in ("cp39", "cp310"):
            make_wheel(folder, "thing", "1.0", tag=f"{python}-{python}-manylinux_2_17_x86_64")
        make_wheel(folder, "thing", "2.0", tag="cp311-cp311-win_amd64")
        make_wheel(folder, "thing", "2.1", tag="cp311-cp311-manylinux_2_17_x86_64")
        assert fail("thing==1").details[0] == "thing 1.0 has only wheels for cp39, cp310"
        error = fail("thing==2.0")
        assert error.details[0] == "thing 2.0 has only wheels for Windows"
        assert error.details[1] == "versions of thing with a wheel that fits: 2.1"
        assert error.hint == "spec:1: thing==2.1 in place of thing==2.0"

    def test_wheels_for_a_newer_glibc(self, fail, folder):
        make_wheel(folder, "thing", "1.0", tag="cp311-cp311-manylinux_2_38_x86_64")
        error = fail("thing")
        assert error.message == "thing (spec:1) has no wheel for Python 3.11 on linux/amd64 with glibc 2.36"
        assert error.details[0] == "thing 1.0 has only wheels for Linux on x86_64 with glibc 2.38"

    def test_a_dependency_without_a_wheel(self, fail, folder):
        make_wheel(folder, "thing", "1.0", requires=["deep"])
        (folder / "deep-1.0.tar.gz").write_bytes(b"")
        assert fail("thing").message.startswith("thing (spec:1) needs deep, which has no wheel for Python 3.11")

    def test_another_python(self, fail, folder):
        make_wheel(folder, "thing", "1.0", python=">=3.12")
        error = fail("thing")
        assert error.message == "thing (spec:1) needs Python >=3.12"
        assert "3.11" in error.hint

    def test_user_against_server(self, fail, folder):
        make_wheel(folder, "server-http", "0.9", requires=["middle"])
        make_wheel(folder, "server-http", "1.0", requires=["middle>=2"])
        make_wheel(folder, "middle", "1.0")
        make_wheel(folder, "middle", "2.0", requires=["base<2", "other"])
        make_wheel(folder, "other", "1.0", requires=["base"])
        make_wheel(folder, "unrelated", "1.0")
        make_wheel(folder, "base", "1.0")
        make_wheel(folder, "base", "2.0")
        error = fail("unrelated", "base>=2", "server-http==1.0")
        assert error.message == (
            "base>=2 (spec:2) and server-http==1.0 (server azureml) cannot be met together: "
            "they want different versions of base"
        )
        assert error.details == (
            "spec:2 wants base>=2",
            "server azureml wants base<2, through server-http 1.0 -> middle 2.0",
            "this was tried and works:",
            "  spec:2: base==1.0 in place of base>=2",
        )
        assert error.hint == "spec:2: base==1.0 in place of base>=2"

    def test_an_older_release_that_says_no_limit_yet_is_named_only_when_nothing_else_works(self, fail, folder):
        make_wheel(folder, "base", "1.0")
        make_wheel(folder, "base", "2.0")
        make_wheel(folder, "user", "1.0.0", requires=["base"])
        make_wheel(folder, "user", "1.0.2", requires=["base<2"])
        assert fail("user===1.0.2", "base==2.0").hint == "spec:2: base==1.0 in place of base==2.0"
        make_wheel(folder, "strict", "1.0", requires=["base>=2"])
        assert fail("user==1.0.2", "strict").hint == "spec:1: user==1.0.0 in place of user==1.0.2"
        make_wheel(folder, "user", "1.1", requires=["base>=2"])
        assert fail("user==1.0.2", "strict").hint == "spec:1: user==1.1 in place of user==1.0.2"

    def test_two_conflicts_are_ended_together(self, fail, folder):
        for name in ("base", "other"):
            make_wheel(folder, name, "1.0")
            make_wheel(folder, name, "2.0")
        make_wheel(folder, "server-http", "1.0", requires=["base>=2", "other>=2"])
        error = fail("base==1.0", "other==1.0", "server-http")
        assert set(error.hint.split(", and ")) == {
            "spec:1: base==2.0 in place of base==1.0",
            "spec:2: other==2.0 in place of other==1.0",
        }

    def test_where_there_are_only_pre_releases_they_are_named(self, fail, folder):
        make_wheel(folder, "young", "1.0b1")
        make_wheel(folder, "young", "1.0b2")
        error = fail("young<1")
        assert error.details[0] == "versions of young with a wheel that fits: 1.0b1 to 1.0b2, all of them pre-releases"
        assert error.hint == "spec:1: young==1.0b2 in place of young<1"

    def test_builds_that_another_index_has_are_taken_without_their_local_versions(self, fail, folder):
        for version in ("2.0", "3.0"):
            make_wheel(folder, "torch", version)
            make_wheel(folder, "vision", f"0.{version}", requires=[f"torch=={version}"])
        error = fail("torch==2.0+cu118", "vision==0.2.0+cu118")
        assert set(error.hint.split(", and ")) == {
            "spec:1: torch==2.0 in place of torch==2.0+cu118",
            "spec:2: vision==0.2.0 in place of vision==0.2.0+cu118",
        }
        assert "2.0+cu118 is a build of another index: name that with --extra-index-url" in error.details

    def test_the_same_name_twice(self, fail, folder):
        make_wheel(folder, "base", "1.0")
        make_wheel(folder, "base", "2.0")
        error = fail("base==1.0", "base==2.0")
        assert error.message == (
            "base==1.0 (spec:1) and base==2.0 (spec:2) cannot be met together: they want different versions of base"
        )
        assert error.hint == "spec:1: base==2.0 in place of base==1.0"

    def test_three_that_only_together_leave_no_version(self, fail, folder):
        for number in range(4):
            make_wheel(folder, "base", f"{number}.0")
        make_wheel(folder, "user", "1.0", requires=["base!=1.0"])
        error = fail("base>0", "user", "base<2")
        assert error.message.startswith("base>0 (spec:1) and user (spec:2) and base<2 (spec:3) cannot be met together")
        assert "spec:2 wants base!=1.0, through user 1.0" in error.details

    def test_what_else_could_be_asked_is_tried(self, fail, folder):
        make_wheel(folder, "server-http", "1.0", requires=["base<2"])
        make_wheel(folder, "lean", "1.0")
        make_wheel(folder, "base", "2.0")
        make_wheel(folder, "base", "1.0")
        own, lean, heavy = (
            LockedRequirement(requirement=text, origin=origin)
            for text, origin in (("base>=2", "spec:1"), ("lean", "server lean"), ("server-http", "server heavy"))
        )
        choices = (
            Choice(text="server: lean", requirements=(own, lean), python="3.11", glibc="2.36", rank=ways.OTHER_SERVER),
            Choice(
                text="server: heavy", requirements=(own, heavy), python="3.11", glibc="2.36", rank=ways.OTHER_SERVER
            ),
        )
        error = fail("base>=2", "server-http", choices=choices)
        assert "  server: lean" in error.details
        assert "  server: heavy" not in error.details

    def test_an_extra_that_does_not_exist(self, fail, folder):
        make_wheel(folder, "thing", "1.0", extras=["fast", "small"])
        error = fail("thing[fats]")
        assert error.message == "thing[fats] (spec:1): thing 1.0 has no extra named fats"
        assert error.hint == "it has: fast, small"

    def test_an_index_that_is_down(self, fail, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://ada:s3cret@127.0.0.1:9/simple")
        error = fail("thing")
        assert error.message.startswith("a package index does not answer: http://127.0.0.1:9/simple/thing/")
        assert "Connection refused" in error.message
        assert "s3cret" not in str((error.message, error.details))

    def test_an_index_that_refuses(self, fail, index, monkeypatch):
        index.login = True
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url.replace("://", "://eve:wr0ng@"))
        error = fail("thing")
        assert "refuses this user: 401 Unauthorized" in error.message
        assert "netrc" in error.hint
        assert "wr0ng" not in str((error.message, error.details))

    def test_no_network_by_order(self, fail, monkeypatch):
        monkeypatch.setenv("UV_OFFLINE", "1")
        assert "network is disabled" in fail("thing").message

    def test_settings_that_uv_refuses(self, fail, monkeypatch):
        monkeypatch.setenv("UV_RESOLUTION", "nonsense")
        assert "uv cannot resolve the requirements: invalid value 'nonsense'" in fail("thing").message

    @pytest.mark.parametrize(
        "text",
        [
            "thing @ https://me:pw@host.invalid/thing.whl",
            "thing @ git+https://host.invalid/x",
            "./thing",
            "git+ssh://x/y",
        ],
    )
    def test_addresses_and_paths_are_refused(self, fail, text):
        error = fail("other", text)
        assert error.message.startswith("spec:2: ")
        assert "pw" not in error.message
        assert "cannot be locked" in error.hint

    def test_what_is_no_requirement_is_refused(self, fail):
        assert fail("numpy=>2").message.startswith("spec:1: not a requirement: 'numpy=>2'")

    def test_metadata_of_something_else_is_refused(self, fail, folder):
        make_wheel(folder, "thing", "1.0").rename(folder / "other-1.0-py3-none-any.whl")
        assert isinstance(fail("other"), ResolveError)


def test_nothing_required_needs_nothing(ask):
    assert ask() == ()


class TestTarget:
    def test_environment_is_that_of_the_target(self):
        found = target_environment("3.13", "linux/arm64", "2.41")
        assert found["platform_machine"] == "aarch64"
        assert found["python_version"] == "3.13"
        assert found["python_full_version"] == "3.13.0"
        assert target_environment("3.11.2", "linux/amd64", "2.36")["python_full_version"] == "3.11.2"

    def test_tags_end_at_the_glibc_of_the_target(self):
        tags = [str(tag) for tag in target_tags("3.11", "linux/amd64", "2.36")]
        assert tags[0] == "cp311-cp311-manylinux_2_36_x86_64"
        assert "cp311-cp311-manylinux_2_37_x86_64" not in tags
        for one in (
            "cp311-abi3-manylinux2014_x86_64",
            "cp38-abi3-manylinux1_x86_64",
            "py3-none-any",
            "py2.py3-none-any",
        ):
            assert set(one_of(one)) <= set(tags) | {"py2-none-any"}
        assert not any("manylinux_2_16_aarch64" in str(tag) for tag in target_tags("3.11", "linux/arm64", "2.36"))

    def test_a_python_before_3_8_has_a_flag_in_its_abi(self):
        assert "cp37-cp37m-manylinux2014_x86_64" in map(str, target_tags("3.7", "linux/amd64", "2.36"))
        assert "cp38-cp38-manylinux2014_x86_64" in map(str, target_tags("3.8", "linux/amd64", "2.36"))

    @pytest.mark.parametrize(
        ("glibc", "platform"), [("2.36", "2_36"), ("2.41", "2_40"), ("2.30", "2_28"), ("2.17", "2_17")]
    )
    def test_uv_gets_the_nearest_platform_it_knows(self, glibc, platform):
        assert Target("3.11", "linux/amd64", glibc).uv_platform() == f"x86_64-manylinux_{platform}"


def one_of(compressed):
    interpreter, abi, platform = compressed.split("-")
    return [f"{one}-{abi}-{platform}" for one in interpreter.split(".")]


class TestClosure:
    def pins(self, *distributions):
        return {distribution.name: distribution for distribution in distributions}

    def test_what_the_pins_do_not_meet_is_named(self):
        pins = self.pins(
            Distribution(name="a", version="1.0", requires=("b>=2", "c")), Distribution(name="b", version="1.0")
        )
        found = closure([Requirement("a")], pins, target_environment(*AMD64.values()))
        assert {(str(unmet.requirement), unmet.parent, unmet.found) for unmet in found.unmet} == {
            ("b>=2", "a", "1.0"),
            ("c", "a", None),
        }

    def test_circles_end(self):
        pins = self.pins(
            Distribution(name="a", version="1.0", requires=("b",)),
            Distribution(name="b", version="1.0", requires=("a",)),
        )
        found = closure([Requirement("a")], pins, target_environment(*AMD64.values()))
        assert found.required_by("a") == (Parent(name="b", specifier=""),)
        assert found.required_by("b") == (Parent(name="a", specifier=""),)

    def test_a_marker_that_holds_without_its_extra_counts(self):
        requires = ('b; extra == "x" or python_version >= "3"', 'c; extra != "x"', "not a (requirement")
        pins = self.pins(
            Distribution(name="a", version="1.0", requires=requires),
            Distribution(name="b", version="1.0"),
            Distribution(name="c", version="1.0"),
        )
        assert set(closure([Requirement("a")], pins, target_environment(*AMD64.values())).parents) == {"a", "b", "c"}


@pytest.mark.network
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_a_real_package_is_resolved_and_found_for_both_platforms(platform, tmp_path):
    texts = ("scikit-learn==1.5.2", "pandas", "azureml-inference-server-http")
    items = [LockedRequirement(requirement=text, origin="spec") for text in texts]
    options = {**AMD64, "platform": platform, "cache": tmp_path, "progress": Notes(), "scope": Scope(tmp_path)}
    found = resolve(items, **options)
    begun = time.monotonic()
    assert resolve(items, previous=found, **options) == found
    assert time.monotonic() - begun < 2
    assert versions(found)["scikit-learn"] == "1.5.2"
    assert len(found) > 40
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]
    assert all(machine in wheel.filename or wheel.filename.endswith("none-any.whl") for wheel in found)
    numpy = next(wheel for wheel in found if wheel.name == "numpy")
    assert {"pandas", "scikit-learn", "scipy"} <= {parent.name for parent in numpy.required_by}
    addresses = python_index.locate(found, python="3.11", scope=Scope(tmp_path))
    assert set(addresses) == {wheel.sha256 for wheel in found}
