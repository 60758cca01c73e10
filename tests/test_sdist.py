"""What a source says of itself, without running it."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from modelpack.errors import ResolveError
from modelpack.python.sdist import read_archive, read_folder

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
PROJECT = '[project]\nname = "demo"\nversion = "1.0"\n'


def tar(**files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"demo-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def facts(**files):
    return read_archive("demo-1.0.tar.gz", tar(**files))


def test_a_project_without_a_build_system_is_built_by_setuptools():
    found = facts(**{"setup.py": "", "PKG-INFO": "Metadata-Version: 1.0\n"})

    assert (found.requires, found.metadata, found.compiles) == (("setuptools>=40.8.0", "wheel"), None, False)


@pytest.mark.parametrize(
    ("info", "system", "known"),
    [
        ("Metadata-Version: 2.2\nRequires-Dist: six\n", HATCH, True),
        ("Metadata-Version: 2.10\nDynamic: Description\n", HATCH, True),
        ("Metadata-Version: 2.2\nDynamic: requires-dist\n", HATCH, False),
        ("Metadata-Version: 2.1\nRequires-Dist: six\n", HATCH, False),
        # setup.py may ask for more to build with, so it has to be asked.
        ("Metadata-Version: 2.2\n", '[build-system]\nrequires = ["setuptools"]\n', False),
    ],
)
def test_metadata_is_taken_from_the_archive_only_if_it_holds_for_every_wheel(info, system, known):
    found = facts(**{"PKG-INFO": info, "pyproject.toml": system})

    assert found.metadata == (info.encode() if known else None)


@pytest.mark.parametrize(
    ("files", "compiles"),
    [
        ({"demo/fast.c": ""}, True),
        ({"demo/fast.PYX": ""}, True),
        ({"tests/fast.c": ""}, False),
        ({"demo/data.csv": ""}, False),
    ],
)
def test_sources_to_compile_are_told_by_their_names(files, compiles):
    assert facts(**files).compiles is compiles


def test_a_zip_is_read_too():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("demo-1.0/pyproject.toml", HATCH)

    assert read_archive("demo-1.0.zip", stream.getvalue()).requires == ("hatchling",)


def test_a_folder_gives_the_metadata_that_its_project_table_promises():
    more = (
        'requires-python = ">=3.9"\ndependencies = ["six"]\n'
        '[project.optional-dependencies]\nmore = ["idna", "attrs; sys_platform == \'linux\'"]\n'
    )
    text = HATCH + PROJECT + more
    found = read_folder("demo", {"pyproject.toml": text.encode})

    assert found.metadata.decode().splitlines()[1:] == [
        "Name: demo",
        "Version: 1.0",
        "Requires-Python: >=3.9",
        "Requires-Dist: six",
        "Provides-Extra: more",
        'Requires-Dist: idna ; extra == "more"',
        "Requires-Dist: attrs ; (sys_platform == 'linux') and extra == \"more\"",
    ]


@pytest.mark.parametrize(
    "project", ["", '[project]\nname = "demo"\ndynamic = ["version"]\n', PROJECT + 'dynamic = ["dependencies"]\n']
)
def test_what_is_left_to_the_backend_is_not_known(project):
    text = HATCH + project

    assert read_folder("demo", {"pyproject.toml": text.encode}).metadata is None


def test_a_backend_in_the_project_itself_has_to_be_asked():
    text = HATCH.replace('build"\n', 'build"\nbackend-path = ["."]\n') + PROJECT

    assert read_folder("demo", {"pyproject.toml": text.encode}).metadata is None


@pytest.mark.parametrize("name", ["demo-1.0.tar.gz", "demo-1.0.zip"])
def test_a_damaged_archive_is_refused(name):
    with pytest.raises(ResolveError, match=f"{name} is not a source archive that can be read"):
        read_archive(name, b"nothing")


def test_a_damaged_pyproject_is_refused():
    with pytest.raises(ResolveError, match=r"its pyproject\.toml cannot be read"):
        facts(**{"pyproject.toml": "["})
