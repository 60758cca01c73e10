"""What the tests that build real packages share: one package, built once."""

from __future__ import annotations

import pytest
import real_project


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The starter sklearn-azureml, built: its folder and what ``build --json`` said."""
    return real_project.build_demo(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory):
    """The cache of all projects of ``small_server``, which have one base."""
    return tmp_path_factory.mktemp("small")
