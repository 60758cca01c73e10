from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelpack.debian import left_out as debian_left_out
from modelpack.debian.index import Index
from modelpack.debian.resolve import resolve
from modelpack.errors import ResolveError


def index(*packages, suite="bookworm"):
    """Make an index of ``name version field: value; field: value``."""
    texts = []
    for package in packages:
        name, version, *rest = package.split(" ", 2)
        lines = [line.strip() for line in "".join(rest).split(";") if line.strip()]
        fields = [f"Package: {name}", f"Version: {version}", "Architecture: amd64", *lines]
        fields += [f"Filename: pool/{suite}/{name}_{version}_amd64.deb", "Size: 1", f"SHA256: {'0' * 64}"]
        texts.append("\n".join(fields) + "\n")
    return Index(suite, ["\n".join(texts).encode()])


def chosen(requested, *indexes):
    return {deb.name: deb.version for deb in resolve(requested.split(), indexes, "amd64")}


def failure(requested, *indexes):
    with pytest.raises(ResolveError) as caught:
        resolve(requested.split(), indexes, "amd64")
    return "\n".join((caught.value.message, *caught.value.details))


def test_the_closure_over_depends_and_pre_depends_is_chosen_and_sorted():
    debs = resolve(
        ["c"],
        [index("a 1", "b 1 Pre-Depends: a; Recommends: no", "c 1 Depends: b, d (>= 1)", "d 1", "no 1")],
        "amd64",
    )

    assert [deb.name for deb in debs] == ["a", "b", "c", "d"]
    assert [deb.depends for deb in debs] == [(), ("a",), ("b", "d"), ()]
    assert (debs[0].filename, debs[0].path) == ("a_1_amd64.deb", "pool/bookworm/a_1_amd64.deb")
    assert debs[0].source == "debian"


def test_the_highest_version_of_all_suites_is_chosen():
    security = index("a 1.10~deb12u1", suite="bookworm-security")

    assert chosen("a", index("a 1.9"), security) == {"a": "1.10~deb12u1"}
    assert chosen("a", index("a 1.10"), security) == {"a": "1.10"}


def test_of_equal_versions_the_first_archives_is_chosen():
    (deb,) = resolve(["a"], [index("a 1", suite="one"), index("a 1", suite="two")], "amd64")

    assert deb.path == "pool/one/a_1_amd64.deb"


@pytest.mark.parametrize(("request_", "version"), [("a", "3"), ("a=2", "2"), ("a/one", "2"), ("a/one a", "2")])
def test_a_request_may_name_a_version_or_a_suite(request_, version):
    assert chosen(request_, index("a 1", "a 2", suite="one"), index("a 3", suite="two")) == {"a": version}


def test_what_an_older_version_needs_is_chosen_with_it():
    packages = index("a 1 Depends: b (= 1)", "a 2 Depends: b (= 2)", "b 1", "b 2")

    assert chosen("a=1", packages) == {"a": "1", "b": "1"}
    assert chosen("a", packages) == {"a": "2", "b": "2"}


def test_circles_end():
    assert chosen("a", index("a 1 Depends: b", "b 1 Depends: a")) == {"a": "1", "b": "1"}


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("x", "a"), ("x b", "b"), ("x later", "b"), ("y", "b"), ("z", "b")],
)
def test_of_alternatives_one_already_chosen_is_taken_or_else_the_first(requested, expected):
    packages = index(
        "x 1 Depends: a | b",
        "y 1 Depends: none | b",
        "z 1 Depends: a (>= 2) | b",
        "later 1 Depends: middle",
        "middle 1 Depends: b",
        "a 1",
        "b 1",
    )

    assert {"a", "b"} & chosen(requested, packages).keys() == {expected}


def test_a_virtual_package_is_met_by_a_provider_the_more_important_first():
    packages = index(
        "x 1 Depends: mta", "a 1 Provides: mta", "c 1 Priority: important; Provides: other, mta", "b 1 Provides: mta"
    )

    assert chosen("x", packages).keys() == {"x", "c"}
    assert chosen("x b", packages).keys() == {"x", "b"}


def test_a_real_package_comes_before_those_that_provide_its_name():
    packages = index("x 1 Depends: m", "m 1", "a 1 Priority: required; Provides: m")

    assert chosen("x", packages).keys() == {"x", "m"}


def test_a_version_is_met_by_versioned_provides_alone():
    packages = index(
        "x 1 Depends: api (>= 2)", "a 1 Provides: api", "b 1 Provides: api (= 1)", "c 1 Provides: api (= 2)"
    )

    assert chosen("x", packages).keys() == {"x", "c"}


@pytest.mark.parametrize(("qualifier", "met"), [("any", True), ("native", True), ("amd64", True), ("arm64", False)])
def test_qualified_names_are_met_within_the_architecture(qualifier, met):
    packages = index(f"x 1 Depends: a:{qualifier} | b", "a 1", "b 1")

    assert ("a" in chosen("x", packages)) == met


@pytest.mark.parametrize("name", sorted(debian_left_out.ANYWHERE))
def test_what_maintainer_scripts_need_is_left_out_unless_requested(name):
    packages = index(f"x 1 Depends: {name} (>= 1) | none, a", f"{name} 1", "a 1")
    (_, with_it) = (resolve([*extra, "x"], [packages], "amd64") for extra in ([], [name]))

    assert chosen("x", packages).keys() == {"a", "x"}
    assert name in {deb.name for deb in with_it}
    assert name in next(deb.depends for deb in with_it if deb.name == "x")


@pytest.mark.parametrize(("package", "name"), sorted(debian_left_out.BY_PACKAGE))
def test_what_one_packages_script_needs_is_left_out_for_it_alone(package, name):
    packages = index(f"{package} 1 Depends: {name}", f"x 1 Depends: {name}", f"{name} 1")

    assert chosen(package, packages).keys() == {package}
    assert chosen("x", packages).keys() == {"x", name}


def test_every_package_left_out_has_a_reason():
    assert all(debian_left_out.ANYWHERE.values())
    assert all(debian_left_out.BY_PACKAGE.values())


def test_all_unknown_names_are_told_at_once_with_what_is_near():
    packages = index("libgl1 1", "libgomp1 1", "mawk 1 Provides: awk", "gawk 1 Provides: awk", "zlib1g 2")
    text = failure("libgl2 awk qqq zlib1g=1 zlib1g/trixie libgomp1", packages)

    assert text.splitlines() == [
        "4 Debian packages not found in bookworm for amd64",
        "awk: virtual, name one that provides it: gawk, mawk",
        "libgl2: no such package, did you mean libgl1?",
        "qqq: no such package",
        "zlib1g/trixie, zlib1g=1: there is 2 in bookworm",
    ]


def test_a_dependency_that_cannot_be_met_is_told_with_its_chain():
    packages = index("a 1 Depends: b", "b 2 Depends: c (>= 3) | d", "c 2")

    assert failure("a", packages).splitlines() == [
        "b 2 needs c (>= 3) | d, which cannot be met",
        "b 2, which is needed by a 1, which is requested",
        "c 2 is in bookworm",
    ]
    assert failure("x", index("x 1 Depends: none")).endswith("no package has or provides it")


def test_a_requested_version_that_does_not_fit_is_told():
    text = failure("a b=1", index("a 1 Depends: b (>= 2)", "b 1", "b 2"))

    assert "a 1 needs b (>= 2), which cannot be met" in text
    assert "b 1 is chosen" in text


@pytest.mark.parametrize("relation", ["Conflicts: b", "Breaks: b (<< 2)", "Conflicts: virtual"])
def test_packages_that_conflict_are_told_with_their_chains(relation):
    text = failure(
        "a", index(f"a 1 Depends: c; {relation}; Provides: virtual", "c 1 Depends: b", "b 1 Provides: virtual")
    )

    assert text.startswith("a 1 conflicts with ")
    assert "b 1, which is needed by c 1, which is needed by a 1, which is requested" in text
    assert chosen("a", index(f"a 1 Depends: c; {relation.replace('b', 'x')}; Provides: virtual", "c 1"))


NAMES = "abcdefg"
GROUPS = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(" | ".join), max_size=3)


@given(st.lists(GROUPS, min_size=7, max_size=7), st.sets(st.sampled_from(NAMES), min_size=1), st.randoms())
def test_every_dependency_is_met_whatever_the_order_of_requests(groups, requested, random):
    depends = dict(zip(NAMES, groups, strict=True))
    packages = index(*(f"{name} 1 {'Depends: ' * bool(found)}{', '.join(found)}" for name, found in depends.items()))
    debs = resolve(sorted(requested), [packages], "amd64")
    names = {deb.name for deb in debs}
    shuffled = sorted(requested, key=lambda _: random.random())

    assert requested <= names
    for name in names:
        assert all(names & set(group.split(" | ")) for group in depends[name])
    assert resolve(shuffled, [packages], "amd64") == debs
