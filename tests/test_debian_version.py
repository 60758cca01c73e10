from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelpack.debian import version as debian_version
from modelpack.debian.version import compare, key, satisfies, upstream

ORDERED = [
    "1~~-1",
    "1~~a-1",
    "1~-1",
    "1~rc1-1",
    "1-1~deb12u1",
    "1-1",
    "1-1+b1",
    "1-1+deb12u1",
    "1-1.1",
    "1a-1",
    "1+dfsg-1",
    "1.0-1",
    "1.2-1",
    "1.10-1",
    "2.36-9+deb12u9",
    "2.36-9+deb12u14",
    "20250419~deb12u2",
    "1:0.1",
    "1:1.2.13.dfsg-1",
    "2:0",
]
PARTS = st.text("012ac.+~", max_size=4)
VERSIONS = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "0:", "1:"]), st.integers(0, 12), PARTS, PARTS | PARTS.map("-1{}".format)
)


def test_versions_sort_as_the_policy_says():
    assert sorted(sorted(ORDERED), key=key) == ORDERED


@pytest.mark.parametrize(("first", "second"), [("1.0", "1.0-0"), ("0:1", "1"), ("1.00", "1.0"), ("1.", "1.0")])
def test_different_spellings_of_a_version_are_equal(first, second):
    assert compare(first, second) == 0


@pytest.mark.parametrize("text", ["", "a b", "1:", "1_2", "é", "1-", ":1", "1\n"])
def test_what_is_not_a_version_is_refused(text):
    with pytest.raises(ValueError, match="not a Debian version"):
        key(text)
    with pytest.raises(ValueError, match="not a Debian version"):
        upstream(text)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_total(first, second, third):
    assert compare(first, second) == -compare(second, first)
    if compare(first, second) <= 0 and compare(second, third) <= 0:
        assert compare(first, third) <= 0


@given(VERSIONS)
def test_a_tilde_goes_before_and_anything_else_after(version):
    assert compare(version + "~", version) < 0
    assert compare(version + "a", version) > 0
    assert compare(version + "+b1", version) > 0


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="compares with dpkg")
@settings(max_examples=60, deadline=None)
@given(VERSIONS, VERSIONS)
def test_dpkg_agrees(first, second):
    operator = {-1: "lt", 0: "eq", 1: "gt"}[compare(first, second)]
    result = subprocess.run(
        ["dpkg", "--force-bad-version", "--compare-versions", first, operator, second],
        check=False,
        capture_output=True,
    )

    assert result.returncode == 0, (first, operator, second)


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("<<", (True, False, False)),
        ("<=", (True, True, False)),
        ("<", (True, True, False)),
        ("=", (False, True, False)),
        (">=", (False, True, True)),
        (">", (False, True, True)),
        (">>", (False, False, True)),
    ],
)
def test_operators_mean_what_the_policy_says(operator, holds):
    assert tuple(satisfies(version, operator, "2") for version in ("1", "2", "3")) == holds


def test_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match="not an operator"):
        satisfies("1", "==", "1")


def test_the_upstream_part_has_neither_epoch_nor_revision():
    assert upstream("1:2.36-1-9+deb12u14") == "2.36-1"
    assert debian_version.upstream("3") == "3"
