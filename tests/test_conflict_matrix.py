"""Requirements and servers that were measured by hand: who is named, and that the way out works."""

from __future__ import annotations

import conflict_matrix
import pytest

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("server", "requirement", "disputed"),
    [
        ("azureml", "pydantic<2.12", "pydantic"),
        ("flask", "flask<2.3", "flask"),
        ("pytriton", "numpy>=2.3", "numpy"),
        ("flask", "connexion==2.14.2", "flask"),
        ("fastapi", "azureml-inference-server-http==1.5.1", None),
    ],
)
def test_a_conflict_names_both_culprits_with_their_places_and_a_way_out_that_works(
    server, requirement, disputed, cache
):
    cell = conflict_matrix.judge(server, requirement, cache)

    assert f"{requirement} (requirements.txt:1)" in cell.error.message
    assert "server.version)" in cell.error.message or f"(server {server})" in cell.error.message
    assert cell.error.hint == cell.way
    if disputed:
        assert cell.error.message.endswith(f"they want different versions of {disputed}")
    assert cell.works


def test_a_version_without_wheels_is_had_on_the_python_that_has_some(cache):
    cell = conflict_matrix.judge("azureml", "scikit-learn==1.0.2", cache)

    assert cell.error.message.startswith("scikit-learn==1.0.2 (requirements.txt:1) has no wheel for Python 3.11 on")
    assert 'base: debian:bullseye, with python: "3.9"' in conflict_matrix.ways(cell.error)
    assert cell.works


@pytest.mark.parametrize(("server", "requirement"), [("bentoml", "protobuf<5"), ("litserve", "pydantic<2")])
def test_what_goes_together_is_no_conflict(server, requirement, cache):
    assert conflict_matrix.judge(server, requirement, cache).error is None
