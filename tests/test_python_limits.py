"""Constraints, digests and indexes that the user's files name, in a resolution."""

from __future__ import annotations

from dataclasses import replace

import pytest
from local_index import LOGIN, Notes, isolate, make_wheel, serving, sha256

from modelpack.errors import ResolveError
from modelpack.lock import LockedRequirement
from modelpack.python import index as python_index
from modelpack.python.question import Limits
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope
from modelpack.spec import IndexAddress, Indexes, Requirement

TARGET = {"python": "3.11", "platform": "linux/amd64", "glibc": "2.36"}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def ask(folder, tmp_path, monkeypatch):
    """Resolve ``top`` and what else is said, from the wheels in the folder."""
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))

    def ask(*requirements, limits=None, indexes=None, previous=()):
        items = [LockedRequirement(requirement=text, origin=f"r.txt:{n}") for n, text in enumerate(requirements, 1)]
        scope = Scope(tmp_path, indexes or Indexes())
        options = {**TARGET, "cache": tmp_path / "cache", "scope": scope, "progress": Notes()}
        return resolve(items, limits=limits, previous=previous, **options)

    return ask


def constraints(*texts):
    return Limits(constraints=tuple(Requirement(text=text, origin=f"c.txt:{n}") for n, text in enumerate(texts, 1)))


def hashed(*pairs):
    items = (Requirement(text=text, origin=f"r.txt:{n}", hashes=hashes) for n, (text, hashes) in enumerate(pairs, 1))
    return Limits(hashed=tuple(items))


def versions(wheels):
    return {wheel.name: wheel.version for wheel in wheels}


def publish(folder):
    make_wheel(folder, "top", "1.0", requires=["base"])
    for version in ("1.0", "2.0", "3.0"):
        make_wheel(folder, "base", version)


def test_a_constraint_limits_what_others_require_and_asks_for_nothing(ask, folder):
    publish(folder)

    found = ask("top", limits=constraints("base<3", "never==1.0", 'base<1 ; python_version < "3"'))

    assert versions(found) == {"top": "1.0", "base": "2.0"}


def test_pins_that_a_new_constraint_forbids_are_let_go(ask, folder):
    publish(folder)
    before = ask("top")

    found = ask("top", limits=constraints("base<2"), previous=before)

    assert versions(before)["base"] == "3.0"
    assert versions(found)["base"] == "1.0"


def test_a_requirement_against_a_constraint_names_both(ask, folder):
    publish(folder)

    with pytest.raises(ResolveError) as caught:
        ask("base>=2", limits=constraints("top<9", "base<2"))

    assert caught.value.message == (
        "base>=2 (r.txt:1) and base<2 (c.txt:2) cannot be met together: they want different versions of base"
    )
    assert caught.value.details[:2] == ("r.txt:1 wants base>=2", "c.txt:2 wants base<2")
    assert "  c.txt:2: base==3.0 in place of base<2" in caught.value.details


def test_what_something_requires_against_a_constraint_names_both(ask, folder):
    make_wheel(folder, "top", "1.0", requires=["base>=2"])
    for version in ("1.0", "2.0"):
        make_wheel(folder, "base", version)

    with pytest.raises(ResolveError) as caught:
        ask("top", limits=constraints("base==1.0"))

    assert caught.value.message == (
        "top (r.txt:1) and base==1.0 (c.txt:1) cannot be met together: they want different versions of base"
    )
    assert caught.value.details[:2] == ("r.txt:1 wants base>=2, through top 1.0", "c.txt:1 wants base==1.0")


def test_only_files_with_a_named_digest_are_taken(ask, folder):
    native = make_wheel(folder, "base", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    pure = make_wheel(folder, "base", "1.0")

    (best,) = ask("base==1.0")
    (named,) = ask("base==1.0", limits=hashed(("base==1.0", (f"sha256:{sha256(pure)}", f"sha256:{'0' * 64}"))))

    assert (best.filename, named.filename) == (native.name, pure.name)


def test_a_file_with_another_digest_is_refused_and_the_requirement_named(ask, folder):
    publish(folder)
    wrong = f"sha256:{'0' * 64}"

    with pytest.raises(ResolveError) as caught:
        ask("top", "base==1.0", limits=hashed(("other==1.0", (wrong,)), ("base==1.0", (wrong,))))

    assert caught.value.message == "the package indexes have other files than the requirements name by --hash"
    assert caught.value.details == ("base 1.0: no wheel has a digest that r.txt:2 names",)


def test_a_pinned_file_that_a_new_digest_forbids_is_let_go(ask, folder):
    native = make_wheel(folder, "base", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    pure = make_wheel(folder, "base", "1.0")
    before = ask("base==1.0")

    found = ask("base==1.0", limits=hashed(("base==1.0", (f"sha256:{sha256(pure)}",))), previous=before)

    assert [one.filename for one in (*before, *found)] == [native.name, pure.name]


def test_an_index_of_a_file_is_asked_beside_the_machines_own(ask, folder, tmp_path):
    publish(folder)
    other = tmp_path / "other"
    other.mkdir()
    extra = make_wheel(other, "extra-thing", "1.0", requires=["top"])
    address = IndexAddress(written="links", url=str(other))

    found = ask("extra-thing", indexes=Indexes(links=(address,)))

    assert [one.name for one in found] == ["base", "extra-thing", "top"]
    assert "other" not in repr(found)
    located = python_index.locate(found, python="3.11", scope=Scope(tmp_path, Indexes(links=(address,))))
    assert located[sha256(extra)] == extra.as_uri()


def test_an_index_of_a_file_takes_the_place_of_the_default_and_its_login_is_told_to_nobody(
    folder, tmp_path, monkeypatch
):
    publish(folder)
    with serving(folder, login=True) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
        indexes = Indexes(default=IndexAddress(written="x", url=index.url_with_login))
        options = {**TARGET, "cache": tmp_path / "cache", "progress": Notes()}
        items = [LockedRequirement(requirement="top", origin="r.txt:1")]

        found = resolve(items, scope=Scope(tmp_path, indexes), **options)
        gone = replace(indexes, default=IndexAddress(written="x", url=index.url_with_login + "/gone"))
        with pytest.raises(ResolveError) as caught:
            resolve([replace(items[0], requirement="never")], scope=Scope(tmp_path, gone), **options)

    assert versions(found) == {"top": "1.0", "base": "3.0"}
    assert LOGIN[1] not in repr(found) + str(caught.value) + "".join(caught.value.details) + repr(indexes)


def test_prereleases_are_taken_only_when_a_file_says_so(ask, folder):
    make_wheel(folder, "base", "1.0")
    make_wheel(folder, "base", "2.0rc1")

    assert versions(ask("base")) == {"base": "1.0"}
    assert versions(ask("base", indexes=Indexes(prereleases=True))) == {"base": "2.0rc1"}


def test_a_conflict_with_a_locked_version_is_explained_though_others_have_other_digests(ask, folder):
    make_wheel(folder, "top", "1.0", requires=["base>=2"])
    for version in ("1.0", "2.0"):
        make_wheel(folder, "base", version)
    digest = sha256(folder / "base-1.0-py3-none-any.whl")
    locked = Requirement(text="base==1.0", origin="uv.lock:7", hashes=(f"sha256:{digest}",))

    with pytest.raises(ResolveError) as caught:
        ask("top", limits=Limits(constraints=(locked,), hashed=(locked,)))

    assert caught.value.message == (
        "top (r.txt:1) and base==1.0 (uv.lock:7) cannot be met together: they want different versions of base"
    )


def test_a_pinned_distribution_comes_from_its_index_alone_and_all_others_from_the_machines(
    folder, tmp_path, monkeypatch
):
    publish(folder)
    other = tmp_path / "other"
    other.mkdir()
    pinned = make_wheel(other, "base", "2.0+cpu")
    make_wheel(other, "top", "9.0")
    with serving(folder) as index, serving(other) as second:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        indexes = Indexes(pins=(("base", IndexAddress(written="x", url=second.url)),))
        options = {**TARGET, "cache": tmp_path / "cache", "progress": Notes(), "scope": Scope(tmp_path, indexes)}
        items = [LockedRequirement(requirement=text, origin=f"r.txt:{n}") for n, text in enumerate(("top", "base"), 1)]

        found = resolve(items, **options)
        located = python_index.locate(found, python="3.11", scope=Scope(tmp_path, indexes))
        with pytest.raises(ResolveError) as caught:
            resolve([*items, LockedRequirement(requirement="base>=3", origin="r.txt:3")], **options)

    assert versions(found) == {"top": "1.0", "base": "2.0+cpu"}
    assert located[sha256(pinned)].startswith(second.url.partition("/simple")[0])
    assert "modelpack-question" not in str(caught.value) + "".join(caught.value.details)
