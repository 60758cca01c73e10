"""``suites``: which Debian release a Python comes from, and which one the tools."""

from __future__ import annotations

import pytest

from modelpack import suites


@pytest.mark.parametrize(
    ("python", "suite"),
    [(None, "bookworm"), ("3.9", "bullseye"), ("3.11", "bookworm"), ("3.13", "trixie"), ("3.14", "forky")],
)
def test_a_suite_is_chosen_for_the_python_that_is_asked_for(python, suite):
    assert suites.suite_with(python) == suite


def test_a_python_that_no_suite_has_gets_the_default_one():
    assert suites.suite_with("3.2") == suites.DEFAULT


@pytest.mark.parametrize(
    ("suite", "python", "tools"),
    [
        ("bookworm", "3.11", ("bookworm", "3.11")),
        ("trixie", None, ("trixie", "3.13")),
        ("forky", "3.15", ("forky", "3.15")),
        ("bullseye", "3.9", ("bookworm", "3.11")),
        ("bullseye", None, ("bookworm", "3.11")),
        ("unknown", "3.12", ("unknown", "3.12")),
        ("unknown", None, ("bookworm", "3.11")),
    ],
)
def test_tools_are_of_the_suite_wherever_builders_run_on_its_python(suite, python, tools):
    assert suites.tools_for(suite, python) == tools


def test_what_is_at_hand_is_in_order_of_versions():
    assert suites.at_hand().startswith("3.9 (bullseye), 3.11 (bookworm), 3.13 (trixie and forky)")


def test_default_pythons_are_the_first_of_their_suite():
    assert [suites.default_python(name) for name in suites.SUITES] == ["3.11", "3.13", "3.9", "3.14"]
