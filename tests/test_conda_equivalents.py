"""Packages of conda without a channel: what is taken instead, and what is said of it."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet

from modelpack.errors import SpecError
from modelpack.loading.conda_equivalents import canonical, names
from modelpack.loading.conda_versions import specifiers
from modelpack.loading.inputs import load

SPEC = """\
name: demo
model: ./model
code: ./src
check: {request: request.json}
requirements: environment.yml
"""


@pytest.fixture
def project(tmp_path):
    for name, text in {
        "model/m": "m",
        "src/score.py": "def init(): ...\ndef run(data): ...\n",
        "request.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "modelpack.yaml").write_text(SPEC)
    return tmp_path


def environment(project, *packages):
    (project / "environment.yml").write_text("dependencies:\n" + "".join(f"  - {text}\n" for text in packages))
    return load(project)


def test_packages_become_requirements_and_debian_packages_and_it_is_said(project):
    spec = environment(
        project,
        "python=3.11",
        "pip<=25",
        "numpy=2.3.1",
        "scikit-learn>=1.5,<2",
        "xgboost==3.0.2",
        "pytorch=2.1.0=py3.11_cuda12_0",
        "pytables",
        "opencv 4.8.1",
        "ffmpeg=6",
        "blas=*=mkl",
        "intel-openmp",
        "pip: [joblib==1.5.1]",
    )

    assert [(one.text, one.origin) for one in spec.requirements] == [
        ("joblib==1.5.1", "environment.yml:13"),
        ("numpy==2.3.1.*", "environment.yml:4"),
        ("scikit-learn<2,>=1.5", "environment.yml:5"),
        ("xgboost==3.0.2", "environment.yml:6"),
        ("torch==2.1.0", "environment.yml:7"),
        ("tables", "environment.yml:8"),
        ("opencv-python-headless==4.8.1.*", "environment.yml:9"),
    ]
    assert (spec.base.packages, spec.conda, spec.python) == (("ffmpeg",), (), "3.11")
    build, whatever = "py3.11_cuda12_0", "whatever the build"
    assert [str(one) for one in spec.notices] == [
        "environment.yml:3: pip<=25 is left out: what is packaged is installed already",
        f"environment.yml:7: pytorch=2.1.0={build} is taken from the package indexes: torch==2.1.0, {whatever} {build}",
        "environment.yml:8: pytables is taken from the package indexes: tables",
        "environment.yml:9: opencv 4.8.1 is taken from the package indexes: opencv-python-headless==4.8.1.*",
        "environment.yml:10: ffmpeg=6 is taken from Debian, in the version it has there: ffmpeg",
        "environment.yml:11: blas=*=mkl is left out: part of the wheels",
        "environment.yml:12: intel-openmp is left out: part of the wheels",
    ]


def test_all_that_cannot_be_replaced_is_one_error(project):
    with pytest.raises(SpecError) as caught:
        environment(project, "numpy", "r-dplyr=1", "our-own-thing", "scipy=1.2|1.4")

    assert (
        "".join(f"{one}\n" for one in caught.value.problems)
        == """\
environment.yml:3: a package of R's for conda's r-dplyr=1 \
(put what pip calls it below pip:, or configure a conda channel)
environment.yml:4: no equivalent is known for conda's our-own-thing \
(put what pip calls it below pip:, or configure a conda channel)
environment.yml:5: the version of conda's scipy=1.2|1.4 cannot be said in the words of pip (put scipy below pip:)
"""
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", ""),
        ("=1.2", "==1.2.*"),
        ("=1.2.*", "==1.2.*"),
        ("1.2.*", "==1.2.*"),
        ("1.2*", "==1.2.*"),
        ("==1.2", "==1.2"),
        (">=1.2,<2", "<2,>=1.2"),
        (">=1.2.*", ">=1.2"),
        ("!=1.2", "!=1.2"),
        ("!=1.2.*", "!=1.2.*"),
        ("~=1.2.3", "~=1.2.3"),
        ("*", ""),
    ],
)
def test_versions_of_conda_are_those_of_pep_440(version, expected):
    assert specifiers(version) == SpecifierSet(expected)


@pytest.mark.parametrize("version", ["1.2|1.3", "^1\\.2$", "=1.1.1w_x", "latest"])
def test_versions_that_pep_440_has_no_words_for_are_told(version):
    assert specifiers(version) is None


def test_the_table_is_sound():
    table = names()

    assert len(table) > 1000
    for name, found in table.items():
        assert name == canonical(name)
        assert sum(value is not None for value in (found.requirement, found.debian, found.left_out)) == 1
        if found.requirement:
            Parsed(found.requirement)
        if found.debian:
            assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", found.debian)


@pytest.mark.parametrize(
    ("packages", "bound"),
    [
        (["scikit-learn=1.2.2", "numpy"], ["numpy<2"]),
        (["python=3.11", "pandas=2.1"], ["numpy<2"]),
        (["scikit-learn=1.2.2", "numpy=1.23.5"], []),
        (["scikit-learn=1.2.2", "pip: [numpy<1.25]"], []),
        (["scikit-learn=1.5.1", "numpy"], []),
        (["scikit-learn>=1.2", "numpy"], []),
    ],
)
def test_builds_from_before_numpy_2_keep_to_numpy_1(project, packages, bound):
    spec = environment(project, *packages)

    assert [item.text for item in spec.constraints] == bound
    assert any("numpy<2 is taken" in notice.message for notice in spec.notices) == bool(bound)
