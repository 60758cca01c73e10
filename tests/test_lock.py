"""``lock``: the file's text, its digest, and what is said of one that cannot be used."""

from __future__ import annotations

import hashlib
import json
import os

import example_lock
import pytest

from modelpack import lockfile
from modelpack.errors import LockError


def test_a_lock_reads_back_from_its_text():
    lock = example_lock.lock()
    assert lockfile.parse(lockfile.to_text(lock)) == lock


def test_the_text_is_stable_and_ends_with_a_newline():
    text = lockfile.to_text(example_lock.lock())
    assert text == lockfile.to_text(lockfile.parse(text))
    assert text.endswith("}\n")


def test_names_beyond_ascii_stand_in_the_text_as_they_are():
    lock = example_lock.lock(description="Prüft Weine")
    assert '"Prüft Weine"' in lockfile.to_text(lock)


def test_the_order_of_maps_does_not_matter():
    variables = {"B": "2", "A": "1"}
    text = lockfile.to_text(example_lock.lock(environment_variables=variables))
    assert text == lockfile.to_text(example_lock.lock(environment_variables=dict(reversed(variables.items()))))
    assert text.index('"A"') < text.index('"B"')


def test_the_digest_is_that_of_the_files_bytes(tmp_path):
    lock = example_lock.lock()
    path = tmp_path / "modelpack.lock.json"
    path.write_text(lockfile.to_text(lock), encoding="utf-8")
    assert lockfile.digest(lock) == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_lock_holds_no_address():
    assert "://" not in lockfile.to_text(example_lock.lock())


def test_without_a_file_there_is_no_lock(tmp_path):
    assert lockfile.read(tmp_path / "modelpack.lock.json") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "modelpack.lock.json is not JSON"),
        ('{"version": 1', "modelpack.lock.json is not JSON"),
        ("<<<<<<< ours\n{}", "modelpack.lock.json is not JSON"),
        ("[]", "has version None, this modelpack reads version 1"),
        ('{"version": 2}', "has version 2, this modelpack reads version 1"),
        ('{"version": 1}', "modelpack.lock.json: name: missing"),
    ],
)
def test_a_damaged_lock_says_what_is_wrong_and_what_to_do(tmp_path, text, message):
    path = tmp_path / "modelpack.lock.json"
    path.write_text(text)
    with pytest.raises(LockError) as caught:
        lockfile.read(path)
    assert message in caught.value.message
    assert "modelpack lock" in caught.value.hint


def test_a_value_of_another_type_is_named_by_its_path():
    data = example_lock.data()
    data["python"]["wheels"][1]["size"] = "big"
    with pytest.raises(LockError) as caught:
        lockfile.parse(json.dumps(data))
    assert caught.value.message == "modelpack.lock.json: python.wheels[1].size: expected int, found str"


def test_a_lock_that_is_not_text_is_an_error(tmp_path):
    path = tmp_path / "modelpack.lock.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LockError, match="cannot be read"):
        lockfile.read(path)


def test_a_folder_in_its_place_is_an_error(tmp_path):
    path = tmp_path / "modelpack.lock.json"
    path.mkdir()
    with pytest.raises(LockError, match="cannot be read"):
        lockfile.read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_lock_is_an_error(tmp_path):
    path = tmp_path / "modelpack.lock.json"
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(LockError, match="Permission denied"):
        lockfile.read(path)
