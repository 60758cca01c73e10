from __future__ import annotations

import hashlib
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelpack.lock import FileEntry
from modelpack.store.nar import ChangedError, nar_sha256

NAMES = st.sampled_from(["a", "b", "a.b", "a-b", "A", "é", "z z", "0", "ab", "~", "+"])
FILES = st.tuples(st.binary(max_size=40), st.booleans())
LINKS = st.sampled_from(["a", "../b", "nowhere"])
FOLDERS = st.recursive(
    st.dictionaries(NAMES, FILES | LINKS, max_size=4),
    lambda inner: st.dictionaries(NAMES, FILES | LINKS | inner, max_size=4),
    max_leaves=12,
)


def flatten(tree, prefix=""):
    """Give (path, value) for the files and links, below folders that hold some."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value


def make(root, path, value):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, str):
        file.symlink_to(value)
        return FileEntry(path=path, link=value)
    content, executable = value
    file.write_bytes(content)
    file.chmod(0o755 if executable else 0o644)
    digest = hashlib.sha256(content).hexdigest()
    return FileEntry(path=path, size=len(content), sha256=digest, executable=executable)


def opened(root):
    return lambda entry: (root / entry.path).open("rb")


def nix_hash(root):
    command = ["nix-hash", "--type", "sha256", str(root)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_hash_of_a_known_folder(tmp_path):
    entries = [make(tmp_path, "bin/run", (b"#!x\n", True)), make(tmp_path, "link", "bin/run")]
    entries.append(make(tmp_path, "bin.txt", (b"123456789", False)))
    expected = "bf0725fb5e4f9d362febb24c2bc974799adf5c5df51a92c5610f218f36c73e44"
    assert nar_sha256(entries, opened(tmp_path)) == expected


def test_a_folder_of_nothing_has_a_hash():
    assert nar_sha256([], open) == "a50a5ab6d992f5598edd92105059fae9acfc192981e08bd88534c2167e92526a"


@pytest.mark.nix
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FOLDERS)
def test_nix_hashes_the_same_folder_alike(tmp_path_factory, tree):
    root = tmp_path_factory.mktemp("tree")
    entries = [make(root, path, value) for path, value in flatten(tree)]
    assert nar_sha256(entries, opened(root)) == nix_hash(root)


def test_the_order_of_entries_and_the_mode_bits_that_are_not_kept_do_not_matter(tmp_path):
    entries = [make(tmp_path, name, (b"x", False)) for name in ("a/c", "a.b", "b")]
    before = nar_sha256(entries, opened(tmp_path))
    (tmp_path / "b").chmod(0o600)
    assert nar_sha256(reversed(entries), opened(tmp_path)) == before


@pytest.mark.parametrize("content", [b"y", b"xx", b""])
def test_a_file_that_is_no_longer_what_was_locked_is_named(tmp_path, content):
    entry = make(tmp_path, "d/f", (b"x", False))
    (tmp_path / "d/f").write_bytes(content)
    with pytest.raises(ChangedError) as caught:
        nar_sha256([entry], opened(tmp_path))
    assert caught.value.path == "d/f"


def test_a_file_below_a_file_is_refused():
    entries = [FileEntry(path="a", link="b"), FileEntry(path="a/b", link="c")]
    with pytest.raises(ValueError, match="lies below a file"):
        nar_sha256(entries, open)
    with pytest.raises(ValueError, match="is there twice"):
        nar_sha256([entries[0], entries[0]], open)
