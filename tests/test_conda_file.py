"""Environment files of conda: what right ones mean, and the exact report of wrong ones."""

from __future__ import annotations

import pytest

from modelpack.errors import SpecError
from modelpack.loading.conda import minor_version, parse_match, read_conda
from modelpack.loading.dependencies import Dependencies
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings


def read(folder, text):
    path = folder / "conda.yaml"
    path.write_text(text)
    found = Dependencies(folder=Folder(path=folder, shown=""), findings=Findings())
    return read_conda(path, found), found


def report(folder, text):
    _, found = read(folder, text)
    with pytest.raises(SpecError) as caught:
        found.findings.raise_any()
    return "".join(f"{problem}\n" for problem in caught.value.problems)


def test_all_parts_of_an_environment_are_taken(tmp_path):
    (tmp_path / "more.txt").write_text("pandas\n")

    conda, found = read(
        tmp_path,
        """\
name: model-env
channels: [nodefaults, conda-forge, pytorch]
dependencies:
  - python=3.11.7
  - numpy=2.3.1
  - pytorch::pytorch>=2,<3
  - pip<=25
  - pip:
    - scikit-learn==1.7.0  # the model's
    - -r more.txt
    - --extra-index-url http://ada:s3cret@index.example/simple
variables: {LEVEL: 010}
""",
    )

    assert (conda.name, conda.python, conda.python_text, conda.variables) == (
        "model-env",
        "3.11",
        "python=3.11.7",
        {"LEVEL": "010"},
    )
    assert (found.python, found.channels) == ("3.11", ["conda-forge", "pytorch"])
    assert [(one.name, one.version, one.channel, one.origin) for one in found.conda] == [
        ("numpy", "=2.3.1", None, "conda.yaml:5"),
        ("pytorch", ">=2,<3", "pytorch", "conda.yaml:6"),
        ("pip", "<=25", None, "conda.yaml:7"),
    ]
    assert [(one.text, one.origin) for one in found.requirements] == [
        ("scikit-learn==1.7.0", "conda.yaml:9"),
        ("pandas", "more.txt:1"),
    ]
    assert [one.written for one in found.indexes.extra] == ["http://***@index.example/simple"]
    assert "s3cret" not in repr(found.indexes)


def test_everything_wrong_is_reported_at_once(tmp_path):
    found = report(
        tmp_path,
        """\
channels: conda-forge
dependencies:
  - python=2.7
  - numpy=
  - 5
  - pip: numpy
  - npm: [left-pad]
  - pip:
    - scipy=1.0
    - git+ssh://host/project
""",
    )

    assert (
        found
        == """\
conda.yaml:1:11: channels: expected a list of channels, found the text "conda-forge"
conda.yaml:3:5: no version of Python 3 meets it: "python=2.7" (write python=3.11)
conda.yaml:4:5: not a package of conda's: "numpy=" (write NAME, NAME=VERSION or NAME>=VERSION)
conda.yaml:5:5: dependencies: expected a package such as numpy=1.26, found the number 5
conda.yaml:6:10: dependencies.pip: expected a list of requirements, found the text "numpy"
conda.yaml:7:5: dependencies: expected pip, found "npm" (put what pip installs below pip:, all else beside it)
conda.yaml:9:7: not a requirement: "scipy=1.0" (did you mean scipy==1.0?)
conda.yaml:10:7: names a repository, of which no digest is known: "git+ssh://host/project" \
(clone it beside the spec and require its folder)
"""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- numpy\n", "conda.yaml:1:1: expected a mapping with dependencies, found a list\n"),
        ("name: x\n", "conda.yaml:1:1: dependencies: missing (write dependencies: [python=3.11, pip])\n"),
        ("dependencies: [{{ name }}]\n", None),
        ("", "conda.yaml:1:1: the file is empty\n"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, text, expected):
    found = report(tmp_path, text)

    assert expected is None or found == expected


@pytest.mark.parametrize(
    ("text", "version", "build"),
    [
        ("numpy", "", ""),
        ("numpy=1.2", "=1.2", ""),
        ("numpy = 1.2", "=1.2", ""),
        ("numpy==1.2", "==1.2", ""),
        ("numpy 1.2", "==1.2", ""),
        ("numpy 1.2.*", "1.2.*", ""),
        ("numpy >=1, <2", ">=1,<2", ""),
        ("numpy=1.2=py39_0", "==1.2", "py39_0"),
        ("numpy 1.2 py39_0", "==1.2", "py39_0"),
        ("numpy=*=*_mkl", "", "*_mkl"),
        ("numpy>=1.2=py39*", ">=1.2", "py39*"),
        ("conda-forge/linux-64::numpy[version='>=1|0.9', build=\"*mkl*\"]", ">=1|0.9", "*mkl*"),
    ],
)
def test_a_match_specification_is_taken_apart(text, version, build):
    found = parse_match(text, "conda.yaml:1")

    assert (found.name, found.version, found.build, found.text) == ("numpy", version, build, text)


@pytest.mark.parametrize("text", ["https://host/x.conda", "a b c d", "numpy>1 <2", "=1", "numpy=="])
def test_what_is_no_match_specification_is_told(text):
    assert parse_match(text, "") is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("python=3.8.12", "3.8"),
        ("python 3.10.*", "3.10"),
        ("python", "3.11"),
        ("python=3", "3.11"),
        ("python>=3.9,<3.12", "3.11"),
        ("python>=3.12", "3.13"),
        ("python<3.10", "3.9"),
        ("python>=3.8.5,<3.9", "3.8"),
        ("python=2.7", ""),
    ],
)
def test_the_version_of_python_is_found(text, version):
    assert minor_version(parse_match(text, "")) == version
