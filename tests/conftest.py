"""What the tests that build real packages share: one package, built once."""

from __future__ import annotations

import signal

import pytest
import real_project

# A shell starts what it runs in the background with the signal ignored, which every child would take over: tests of
# interrupts would fail then.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The starter sklearn-azureml, built: its folder and what ``build --json`` said."""
    return real_project.build_demo(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory):
    """The cache of all projects of ``small_server``, which have one base."""
    return tmp_path_factory.mktemp("small")
