"""Building wheels from source, by a backend that lies in the source: nothing has to be installed for it."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile

import pytest
from builder import built, run

BACKEND = """
import os, zipfile
NAME = "{name}-{version}-{tag}.whl"
def get_requires_for_build_wheel(config_settings=None):
    return {asks}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    {act}
    with zipfile.ZipFile(os.path.join(folder, NAME), "w") as archive:
        for name, text in {files}:
            entry = zipfile.ZipInfo(name, {date})
            archive.writestr(entry, text)
    return NAME
"""
SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "inside"\nbackend-path = ["."]\n'
INFO = "demo-1.0.dist-info"
FILES = [
    ("demo.py", "X = 1\n"),
    (f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
    (f"{INFO}/RECORD", "demo.py,,\na.py,,\n"),
]


def source(folder, *, asks=(), act="pass", files=FILES, date=(2020, 1, 1, 0, 0, 0), name="demo", tag="py3-none-any"):
    folder.mkdir(parents=True)
    values = {"asks": list(asks), "act": act, "files": files, "date": date, "name": name, "tag": tag}
    (folder / "inside.py").write_text(BACKEND.format(version="1.0", **values))
    (folder / "pyproject.toml").write_text(SYSTEM)
    return folder


def plan(tmp_path, where, **changes):
    """Give a plan with an environment that is this Python, and a busybox that installs nothing."""
    for path, target in (("env/bin/python3", sys.executable), ("seed/bin/busybox", "/bin/true")):
        place = tmp_path / path
        if not place.is_symlink():
            place.parent.mkdir(parents=True)
            place.symlink_to(target)
    own = {"name": "demo", "source": str(where), "requires": [], "compilers": None, "tools": None, "foreign": False}
    return own | {"environment": str(tmp_path / "env"), "seed": str(tmp_path / "seed")} | changes


def archive(folder, path):
    with tarfile.open(path, "w:gz") as file:
        file.add(folder, "demo-1.0")
    return path


def test_a_folder_and_its_archive_give_the_same_wheel_whenever_and_in_whatever_order_it_was_written(tmp_path):
    first = source(tmp_path / "one")
    second = source(tmp_path / "two", files=FILES[::-1], date=(2024, 5, 6, 7, 8, 10))
    packed = archive(second, tmp_path / "demo-1.0.tar.gz")
    outs = [built("sdist", plan(tmp_path, where), tmp_path / f"out{where.name}") for where in (first, packed)]

    assert (outs[0] / "wheel").read_bytes() == (outs[1] / "wheel").read_bytes()
    assert (outs[0] / "filename").read_text() == "demo-1.0-py3-none-any.whl"
    assert (outs[0] / "METADATA").read_text() == FILES[1][1]
    with zipfile.ZipFile(outs[0] / "wheel") as wheel:
        assert [entry.filename for entry in wheel.infolist()] == sorted(name for name, _ in FILES)
        assert {entry.date_time for entry in wheel.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert wheel.read(f"{INFO}/RECORD") == b"a.py,,\ndemo.py,,\n"


def test_a_zip_will_do(tmp_path):
    folder = source(tmp_path / "demo-1.0")
    path = tmp_path / "demo-1.0.zip"
    with zipfile.ZipFile(path, "w") as file:
        for item in folder.iterdir():
            file.write(item, f"demo-1.0/{item.name}")

    assert (built("sdist", plan(tmp_path, path), tmp_path / "build") / "wheel").is_file()


def test_what_the_backend_asks_for_beside_what_is_locked_is_named(tmp_path):
    folder = source(tmp_path / "one", asks=["nonesuch>=2", "locked==1", "pytest"])
    done = run("sdist", plan(tmp_path, folder, requires=["locked==1"]), tmp_path / "build")

    assert done.problem["step"] == "build-requirements"
    assert done.problem["missing"] == ["nonesuch>=2"]


def test_a_failure_is_said_with_the_end_of_the_log(tmp_path):
    folder = source(tmp_path / "one", act="print('almost'); raise SystemExit('no luck')")
    done = run("sdist", plan(tmp_path, folder), tmp_path / "build")

    assert done.problem["message"] == "demo cannot be built from source: inside failed: no luck"
    assert done.problem["log"] == ["almost", "no luck"]


def test_the_environment_of_a_backend_has_nothing_of_the_machine(tmp_path):
    folder = source(tmp_path / "one", act="raise SystemExit(' '.join(sorted(os.environ)))")
    done = run("sdist", plan(tmp_path, folder), tmp_path / "build", OTHER="1")

    assert "SOURCE_DATE_EPOCH" in done.problem["log"][-1]
    assert not {"OTHER", "PYTHONPATH", "out", "plan"} & set(done.problem["log"][-1].split())


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ({"name": "other"}, {}, "demo: its build made another distribution: other-1.0-py3-none-any.whl"),
        ({"tag": "cp311-cp311-linux_x86_64"}, {"foreign": True}, "demo has compiled parts, which take a machine of"),
        ({"act": "return 'nothing.whl'"}, {}, "demo cannot be built from source: inside says that it made nothing.whl"),
        ({"act": "open(os.path.join(folder, NAME), 'w').close(); return NAME"}, {}, "what is not a wheel: File is not"),
    ],
)
def test_what_is_not_the_wheel_asked_for_is_refused(tmp_path, changes, more, message):
    folder = source(tmp_path / "one", **changes)

    assert message in run("sdist", plan(tmp_path, folder, **more), tmp_path / "build").problem["message"]


def test_a_wheel_that_names_what_built_it_is_refused(tmp_path):
    path = f"{tmp_path}/env"
    folder = source(tmp_path / "one", files=[("demo.py", path), *FILES[1:]])
    own = plan(tmp_path, folder)
    named = tmp_path / ("e" * 32 + "-env")
    named.symlink_to(own["environment"])
    (folder / "inside.py").write_text((folder / "inside.py").read_text().replace(path, str(named)))
    problem = run("sdist", own | {"environment": str(named)}, tmp_path / "build").problem

    assert problem["message"] == "demo: what is built names a folder of the build (environment): demo.py"


@pytest.mark.parametrize("name", ["../outside", "/outside"])
def test_an_archive_does_not_lead_out(tmp_path, name):
    path = tmp_path / "demo-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        file.addfile(tarfile.TarInfo(name), io.BytesIO())

    assert "unsafe name" in run("sdist", plan(tmp_path, path), tmp_path / "build").problem["message"]


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(b"nothing")

    assert (
        "not a source archive that can be read" in run("sdist", plan(tmp_path, path), tmp_path / "b").problem["message"]
    )
