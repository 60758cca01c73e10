"""``flake_python.pack``: what of a Python in the Nix store goes into a tarball, and what is refused."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from elf_objects import make_elf

from modelpack.errors import ResolveError
from modelpack.flake_python.pack import look

PYTHON, LIBRARIES, SHELL = f"/nix/store/{'a' * 32}-p", f"/nix/store/{'b' * 32}-l", f"/nix/store/{'c' * 32}-bash-5"
ZONES = f"/nix/store/{'d' * 32}-tzdata-2026a"
AARCH64 = 183


@pytest.fixture
def store(tmp_path):
    """A store below ``tmp_path`` with a Python and its libraries in two paths."""
    own = {
        "bin/python3.12": make_elf(["libpython3.12.so.1.0", "libc.so.6"], runpath=f"{PYTHON}/lib") + b"Py_BytesMain\0",
        "bin/idle3.12": f"#!{PYTHON}/bin/python3.12".encode(),
        "include/python3.12/patchlevel.h": b'#define PY_VERSION "3.12.4"\n',
        "lib/libpython3.12.so.1.0": make_elf(["libm.so.6"]) + b"\0GLIBC_2.38\0" + f"{PYTHON}/lib\0".encode(),
        "lib/python3.12/os.py": b"",
        "lib/python3.12/subprocess.py": f"SHELL = '{SHELL}/bin/sh'\nZONES = '{ZONES}/share/zoneinfo'\n".encode(),
        "lib/python3.12/own.py": f"PLACE = '{PYTHON}/lib'\n".encode(),
        "lib/python3.12/site-packages/sitecustomize.py": b"",
        "lib/python3.12/__pycache__/os.cpython-312.pyc": b"",
        "lib/python3.12/lib-dynload/_ssl.so": make_elf(["libssl.so.3", "libc.so.6"], runpath=f"/none:{LIBRARIES}/lib"),
        "nix-support/propagated": LIBRARIES.encode(),
    }
    theirs = {
        "lib/libssl.so.3": make_elf(["libcrypto.so.3", "libstdc++.so.6"], runpath="$ORIGIN"),
        "lib/libcrypto.so.3.1": make_elf(["libgcc_s.so.1", "libnobody.so.1"], runpath="$ORIGIN"),
        "lib/libgcc_s.so.1": make_elf(),
        "lib/libstdc++.so.6": make_elf(),
        "lib/libc.so.6": make_elf(),
    }
    for place, files in ((PYTHON, own), (LIBRARIES, theirs)):
        for name, content in files.items():
            write(tmp_path, place, name, content)
    (tmp_path / LIBRARIES[1:] / "lib/libcrypto.so.3").symlink_to(f"{LIBRARIES}/lib/libcrypto.so.3.1")
    (tmp_path / PYTHON[1:] / "bin/python3").symlink_to("python3.12")
    (tmp_path / PYTHON[1:] / "bin/python").symlink_to(f"{PYTHON}/bin/python3.12")
    return tmp_path


def write(store, place, name, content):
    path = store / place[1:] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if name.startswith("bin/") else 0o644)


def looked_at(store, python="3.12", platform="linux/amd64"):
    return look(PYTHON, python=python, platform=platform, physical=lambda path: store / path[1:])


@pytest.fixture
def unpacked(store, tmp_path):
    looked_at(store).write(tmp_path / "python.tar")
    with tarfile.open(tmp_path / "python.tar", "r:") as archive:
        return {
            member.name.removeprefix("python/"): (
                member,
                archive.extractfile(member).read() if member.isfile() else b"",
            )
            for member in archive
        }


def test_a_python_goes_with_the_libraries_that_are_not_the_bases(unpacked):
    found = {name for name, (member, _) in unpacked.items() if not member.isdir()}
    assert found == {
        *("bin/python", "bin/python3", "bin/python3.12", "include/python3.12/patchlevel.h"),
        *("lib/libpython3.12.so.1.0", "lib/libssl.so.3", "lib/libcrypto.so.3"),
        *(f"lib/python3.12/{name}" for name in ("os.py", "own.py", "subprocess.py", "lib-dynload/_ssl.so")),
    }


def test_no_store_path_is_named_any_more(unpacked):
    for _, content in unpacked.values():
        assert not any(path.encode() in content for path in (PYTHON, LIBRARIES, SHELL, ZONES))
    assert unpacked["bin/python"][0].linkname == "python3.12"
    assert unpacked["lib/python3.12/subprocess.py"][1] == b"SHELL = '/bin/sh'\nZONES = '/usr/share/zoneinfo'\n"


def test_objects_keep_their_length(store, unpacked):
    name = "lib/libpython3.12.so.1.0"
    assert unpacked[name][0].size == (store / PYTHON[1:] / name).stat().st_size


def test_the_same_python_gives_the_same_bytes(store, tmp_path):
    digests = set()
    for name in ("one.tar", "two.tar"):
        for path in store.rglob("*.py"):
            path.touch()
        looked_at(store).write(tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_version_and_the_oldest_c_library_are_told(store):
    found = looked_at(store)
    assert (found.version, found.glibc) == ("3.12.4", (2, 38))


def test_another_version_is_refused(store):
    with pytest.raises(ResolveError, match=r"is Python 3\.12, not Python 3\.11"):
        looked_at(store, python="3.11")


def test_another_platform_is_refused(store):
    with pytest.raises(ResolveError, match="is for another platform than linux/arm64"):
        looked_at(store, platform="linux/arm64")


def test_an_environment_of_nixpkgs_is_refused(store):
    write(store, PYTHON, "bin/python3.12", make_elf(["libc.so.6"]) + b"makeCWrapper")
    with pytest.raises(ResolveError, match="is no interpreter by itself") as caught:
        looked_at(store)
    assert "withPackages" in caught.value.hint


@pytest.mark.parametrize("name", ["bin/python3.12", "include/python3.12/patchlevel.h", "lib/python3.12/os.py"])
def test_what_is_no_python_is_refused(store, name):
    Path(store / PYTHON[1:] / name).unlink()
    with pytest.raises(ResolveError, match="is no CPython: p lacks") as caught:
        looked_at(store)
    assert "nixpkgs#python312" in caught.value.hint
