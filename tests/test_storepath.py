from __future__ import annotations

import hashlib
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelpack.store import storepath

EMPTY = hashlib.sha256().hexdigest()


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("model.onnx", "model.onnx"),
        ("torch-2.1.0+cpu-cp311-cp311-linux_x86_64.whl", "torch-2.1.0+cpu-cp311-cp311-linux_x86_64.whl"),
        ("libc6_2.36-9+deb12u14~bpo_amd64.deb", "libc6_2.36-9+deb12u14-bpo_amd64.deb"),
        ("my model (1).bin", "my-model--1-.bin"),
        ("é.bin", "--.bin"),
        (".hidden", "-.hidden"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_file_name_becomes_a_store_name(filename, name):
    assert storepath.store_name(filename) == name


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_every_name_that_comes_out_is_one_that_nix_takes(filename):
    try:
        filename.encode()
    except UnicodeEncodeError:
        return
    name = storepath.store_name(filename)
    assert re.fullmatch(r"[a-zA-Z0-9+_?=-][a-zA-Z0-9+._?=-]{0,199}", name)
    assert storepath.store_name(name) == name


def test_base32_is_that_of_nix():
    digest = bytes.fromhex("d9789025b680302e78cea8509a30603e458669382e596d531fb1c22ce7213f90")
    assert storepath.base32(digest) == "141z47kjrhmi3x9nsn9f71lqci9yc0q9ll58rrw2wc40nqjr0y6r"


def test_flat_and_recursive_paths_are_those_that_nix_gives():
    assert storepath.flat_path("a.txt", EMPTY) == "/nix/store/1zcpqza8gn4hghg4vvqk37sdrzpy4mp3-a.txt"
    assert storepath.recursive_path("a.txt", EMPTY) == "/nix/store/w67ya31pacl3c24klz8l0v52d0pnhbpf-a.txt"


@pytest.mark.nix
@pytest.mark.parametrize("name", ["a.txt", "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", "x" * 200, "=?+"])
@pytest.mark.parametrize("sha256", [EMPTY, hashlib.sha256(b"x").hexdigest(), "00" * 32, "ff" * 32])
def test_nix_computes_the_same_paths(name, sha256):
    assert storepath.flat_path(name, sha256) == printed("sha256", sha256, name)
    assert storepath.recursive_path(name, sha256) == printed("--recursive", "sha256", sha256, name)


def printed(*arguments):
    command = ["nix-store", "--print-fixed-path", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
