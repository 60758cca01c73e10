"""Packages of conda channels: solved, linked into a prefix, and served from."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import debian_python
import pytest
from conda_channel import PLACEHOLDER, Channel
from example_project import write
from real_project import CHECKOUT, build, run

from modelpack import conda, lockfile
from modelpack.errors import ResolveError
from modelpack.loading.native import load_spec
from modelpack.spec import CondaRequirement

pytest.importorskip("rattler", reason="py-rattler is an extra")

METADATA = "site-packages/Greeting_Words-1.5.dist-info/METADATA"
GREETING = {"site-packages/greeting.py": b"WORD = 'hello'\n\n\ndef main():\n    print(WORD)\n", METADATA: b"Name: x\n"}
NATIVE = {
    "share/native/where.bin": f"\0{PLACEHOLDER}/lib\0end".encode(),
    "etc/native.conf": f"prefix={PLACEHOLDER}\n".encode(),
}


def small_channel(folder, *, zstd=None):
    """Give a channel of packages around a Python that is not there yet."""
    channel = Channel(folder)
    modes = {"share/native/where.bin": "binary", "etc/native.conf": "text"}
    channel.add("native", "2.0", NATIVE, depends=["__glibc >=2.17"], prefixes=modes, zstd=zstd)
    points = ["greet = greeting:main"]
    for version in ("1.4", "1.5"):
        channel.add("greeting", version, GREETING, noarch="python", depends=["python", "native"], entry_points=points)
    return channel


@pytest.fixture
def spec(tmp_path):
    spec = load_spec(write(tmp_path / "project"))
    return replace(spec, platform="linux/amd64", python="3.11", conda=(ask("greeting"), ask("pip")))


def ask(name, version="", build=""):
    return CondaRequirement(name=name, version=version, build=build, text=name, origin="conda.yaml:3")


def addresses(*channels):
    return [channel.folder.as_uri() for channel in channels]


@pytest.fixture
def channel(tmp_path):
    channel = small_channel(tmp_path / "test-channel")
    channel.add("python", "3.11.2", {"bin/python3.11": b""})
    channel.add("python", "3.12.1", {"bin/python3.12": b""})
    channel.write_index()
    return channel


def test_packages_are_solved_for_the_target_with_their_python(tmp_path, spec, channel):
    found = conda.solve(spec, addresses(channel), tmp_path / "cache")

    assert [(item.name, item.version, item.subdir) for item in found] == [
        ("greeting", "1.5", "noarch"),
        ("native", "2.0", "linux-64"),
        ("python", "3.11.2", "linux-64"),
    ]
    assert {(item.channel, item.source) for item in found} == {("test-channel", "conda")}
    assert str(tmp_path) not in str(found)
    assert next(conda.addresses(found[0], ["file:///other", *addresses(channel)])).endswith(
        "/test-channel/noarch/greeting-1.5-0.tar.bz2"
    )


def test_versions_are_in_condas_words(tmp_path, spec, channel):
    wanted = replace(spec, conda=(ask("greeting", "<1.5|3.*", "0"),))
    assert conda.solve(wanted, addresses(channel), tmp_path / "cache")[0].version == "1.4"


def test_what_has_no_solution_says_why(tmp_path, spec, channel):
    with pytest.raises(ResolveError, match="no set of packages") as caught:
        conda.solve(replace(spec, conda=(ask("greeting", ">=9"),)), addresses(channel), tmp_path / "cache")
    assert "greeting" in " ".join(caught.value.details)
    assert "test-channel" in caught.value.hint


def test_a_channel_that_is_not_there_is_told(tmp_path, spec):
    with pytest.raises(ResolveError, match="cannot be read"):
        conda.solve(spec, [(tmp_path / "none").as_uri()], tmp_path / "cache")


def test_an_archive_says_which_distributions_it_brings(channel):
    greeting = channel.folder / "noarch/greeting-1.5-0.tar.bz2"
    assert conda.describe(greeting) == ({"greeting-words": "1.5"}, False)
    (channel.folder / "bad.conda").write_bytes(b"no archive")
    with pytest.raises(ResolveError, match=r"bad\.conda is no package of conda's"):
        conda.describe(channel.folder / "bad.conda")


def test_scripts_of_an_installation_are_noticed(tmp_path):
    channel = Channel(tmp_path)
    channel.add("loud", "1", {"bin/.loud-post-link.sh": b"echo"})
    assert conda.describe(tmp_path / "linux-64/loud-1-0.tar.bz2") == ({}, True)


def test_pythons_of_channels_are_named(tmp_path, channel):
    assert conda.at_hand(addresses(channel), "linux/amd64", tmp_path / "cache") == ("3.11 (conda)", "3.12 (conda)")
    assert conda.at_hand((), "linux/amd64", tmp_path / "cache") == ()
    assert conda.at_hand(["file:///none"], "linux/amd64", tmp_path / "cache") == ()


APP = """

import pathlib, sys

import greeting

PREFIX = pathlib.Path(sys.base_prefix)


@app.after_request
def with_conda(response):
    where = (PREFIX / "share/native/where.bin").read_bytes()
    assert where.startswith(b"\\0" + bytes(PREFIX) + b"/lib\\0")
    assert where.endswith(b"\\0end") and len(where) > 240
    assert (PREFIX / "etc/native.conf").read_text() == f"prefix={PREFIX}\\n"
    response.headers["X-Greeting"] = greeting.WORD
    return response
"""


@pytest.mark.nix
@pytest.mark.network
def test_packages_of_conda_serve_below_wheels(tmp_path, demo):
    lock = lockfile.read(demo.folder / "modelpack.lock.json")
    channel = small_channel(tmp_path / "test-channel", zstd=shutil.which("zstd"))
    files = {path: (mode, content) for path, mode, content in debian_python.files_of(lock)}
    channel.add("python", debian_python.version_of(lock), files)
    channel.write_index()
    folder = shutil.copytree(CHECKOUT / "templates/custom-flask", tmp_path / "project")
    text = (folder / "modelpack.yaml").read_text()
    start, end = text.index("requirements:"), text.index("code:")
    base = f"requirements: ./conda.yaml\nbase: {{packages: [{', '.join(debian_python.LIBRARIES)}]}}\n"
    (folder / "modelpack.yaml").write_text(text[:start].replace('python: "3.11"\n', "") + base + text[end:])
    (folder / "conda.yaml").write_text(
        "channels: [test-channel]\ndependencies:\n- python=3.11\n- greeting>=1.5\n- pip\n"
        "- pip:\n  - flask==3.1.3\n  - gunicorn==27.0.1\n  - greeting-words\n"
    )
    with (folder / "src/app.py").open("a") as code:
        code.write(APP.replace("\\\\", "\\"))
    channels = {"MODELPACK_CONDA_CHANNELS": channel.folder.as_uri()}
    built = build(folder, tmp_path / "cache", **channels)
    made = lockfile.read(folder / "modelpack.lock.json")
    environment = Path(built["store_path"], "share/modelpack/environment").resolve()

    assert built["checked"]
    assert [item.name for item in made.python.interpreter.conda] == ["greeting", "native", "python"]
    assert "greeting-words" not in [wheel.name for wheel in made.python.wheels]
    assert "test-channel" in json.dumps([item.channel for item in made.python.interpreter.conda])
    assert str(tmp_path) not in (folder / "modelpack.lock.json").read_text()
    assert "-conda-python-3.11" in str((environment / "bin/python3").resolve())
    assert (environment / "bin/greet").read_text().startswith(f"#!{environment}/bin/python3")
    shown = json.loads(run("inspect", "--json", cwd=folder, cache=tmp_path / "cache")[1])["python"]
    assert [item["name"] for item in shown["conda"]] == ["greeting", "native", "python"]
    # A machine without the channel has all that it needs in the store.
    assert run("build", "--locked", cwd=folder, cache=tmp_path / "cache")[0] == 0
