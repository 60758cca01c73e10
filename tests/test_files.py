from __future__ import annotations

import hashlib
import os
import random
import socket
import subprocess
import threading
import time

import pytest

from modelpack.errors import SpecError
from modelpack.lock import LARGE
from modelpack.progress import Silent
from modelpack.store import files, statcache
from modelpack.store.files import locate, scan

ROOT = os.geteuid() == 0


class Counting(Silent):
    def __init__(self):
        self.read = 0
        self.tasks = []

    def start(self, task, *, total=None, **_):
        self.tasks.append((task, total))

    def advance(self, _, amount):
        self.read += amount


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "model"
    (folder / "parts").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "parts/a.bin").write_bytes(b"a" * 10)
    (folder / "parts.txt").write_text("x")
    return folder


def tree(folder, **options):
    return scan({"model": folder}, **({"cache": None, "progress": Silent()} | options))


def problems(folder):
    with pytest.raises(SpecError) as caught:
        tree(folder)
    return [str(problem) for problem in caught.value.problems]


def test_every_file_has_its_path_size_and_sha256(model):
    found = tree(model).files
    assert [(entry.path, entry.size) for entry in found] == [
        ("model/config.json", 2),
        ("model/parts.txt", 1),
        ("model/parts/a.bin", 10),
    ]
    assert found[0].sha256 == hashlib.sha256(b"{}").hexdigest()


def test_a_single_file_is_a_tree(model):
    (entry,) = scan({"a.bin": model / "parts/a.bin"}, cache=None, progress=Silent()).files
    assert (entry.path, entry.size, entry.link) == ("a.bin", 10, None)


def test_a_folder_may_be_the_root_and_files_of_many_places_one_tree(model, tmp_path):
    (tmp_path / "b").write_bytes(b"")
    layout = {"": model, "extra/b": tmp_path / "b"}
    found = scan(layout, cache=None, progress=Silent()).files
    assert [entry.path for entry in found] == ["config.json", "extra/b", "parts.txt", "parts/a.bin"]


def test_a_symlink_that_the_user_names_is_followed(model, tmp_path):
    (tmp_path / "current").symlink_to("model")
    (tmp_path / "weights").symlink_to("model/parts/a.bin")
    assert tree(tmp_path / "current") == tree(model)
    (entry,) = scan({"weights": tmp_path / "weights"}, cache=None, progress=Silent()).files
    assert (entry.link, entry.size) == (None, 10)


def test_only_the_execute_bit_of_the_owner_is_kept(model):
    before = tree(model)
    (model / "config.json").chmod(0o600)
    (model / "parts.txt").chmod(0o655)
    (model / "parts").chmod(0o700)
    os.utime(model / "config.json", (0, 0))
    assert tree(model) == before
    (model / "config.json").chmod(0o700)
    assert [entry.executable for entry in tree(model).files] == [True, False, False]
    assert tree(model).nar_sha256 != before.nar_sha256


def test_the_order_of_the_folder_does_not_matter(model, monkeypatch):
    before = tree(model)
    listed = files._list

    def shuffled(folder, problems):
        items = listed(folder, problems)
        random.shuffle(items)
        return items

    monkeypatch.setattr(files, "_list", shuffled)
    assert all(tree(model) == before for _ in range(5))


def test_what_tools_leave_behind_is_left_out(model):
    before = tree(model)
    for name in ("x.pyc", ".DS_Store", "score.py~", ".score.py.swp", ".#score.py"):
        (model / name).write_text("x")
    for name in ("__pycache__", ".git", ".ipynb_checkpoints"):
        (model / "parts" / name).mkdir()
        (model / "parts" / name / "x").write_text("x")
    (model / "empty/empty").mkdir(parents=True)
    assert tree(model) == before


def test_symlinks_inside_are_kept(model):
    (model / "latest").symlink_to("parts/a.bin")
    (model / "parts/up").symlink_to("../config.json")
    (model / "all").symlink_to("parts")
    (model / "again").symlink_to("all/a.bin")
    (model / "self").symlink_to(".")
    found = {entry.path: entry.link for entry in tree(model).files if entry.link}
    assert found == {
        "model/again": "all/a.bin",
        "model/all": "parts",
        "model/latest": "parts/a.bin",
        "model/parts/up": "../config.json",
        "model/self": ".",
    }
    root = scan({"": model}, cache=None, progress=Silent())
    assert [entry.path for entry in root.files if entry.link] == ["again", "all", "latest", "parts/up", "self"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("../secret", "this symlink leads out of its folder: ../secret (copy the folder with cp -rL, which puts"),
        ("../model/config.json", "this symlink leads out of its folder: ../model/config.json"),
        ("parts/../../secret", "this symlink leads out of its folder: parts/../../secret"),
        ("/etc/passwd", "this symlink is absolute: /etc/passwd (make it relative"),
        ("none", "this symlink leads to nothing: none"),
        ("bad", "this symlink leads to nothing: bad"),
        ("parts/x.pyc", "this symlink leads to what is not packaged: parts/x.pyc"),
        ("empty", "this symlink leads to what is not packaged: empty"),
    ],
)
def test_other_symlinks_are_refused(model, tmp_path, target, message):
    (tmp_path / "secret").write_text("x")
    (model / "parts/x.pyc").write_text("x")
    (model / "empty").mkdir()
    (model / "bad").symlink_to(target)
    (found,) = problems(model)
    assert found.startswith(f"model/bad: {message}")


def test_a_symlink_out_through_another_one_is_refused(model, tmp_path):
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    (tmp_path / "elsewhere/x").write_text("x")
    (model / "door").symlink_to("../elsewhere/deep")
    (model / "through").symlink_to("door/../x")
    assert [text.split(":")[0] for text in problems(model)] == ["model/door", "model/through"]


def test_all_problems_of_a_tree_are_told_together(model, tmp_path):
    os.mkfifo(model / "pipe")
    (model / "away").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("model/sock")
    (tmp_path / os.fsdecode(b"model/\xff\xfe")).write_text("x")
    found = problems(model)
    assert found[0].startswith("model/\\xff\\xfe: its name is not UTF-8")
    assert found[1].startswith("model/away: this symlink leads out")
    assert found[2].startswith("model/pipe: a named pipe cannot be packaged")
    assert found[3].startswith("model/sock: a socket cannot be packaged")
    assert len(found) == 4


@pytest.mark.skipif(ROOT, reason="root reads everything")
def test_what_cannot_be_read_is_named(model):
    (model / "config.json").chmod(0)
    (model / "parts").chmod(0)
    try:
        assert problems(model) == ["model/config.json: Permission denied", "model/parts: Permission denied"]
    finally:
        (model / "parts").chmod(0o755)


def test_what_is_missing_or_empty_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert problems(tmp_path / "none") == ["none: No such file or directory"]
    (tmp_path / "empty/folder").mkdir(parents=True)
    assert problems(tmp_path / "empty") == ["empty: this folder holds no files"]
    assert scan({}, cache=None, progress=Silent()).files == ()


def settled(monkeypatch):
    """Have the files count as changed long ago."""
    monkeypatch.setattr(statcache, "RACY", -(10**18))


def test_an_unchanged_file_is_read_once(model, tmp_path, monkeypatch):
    settled(monkeypatch)
    first, second, third = Counting(), Counting(), Counting()
    before = tree(model, cache=tmp_path / "cache", progress=first)
    assert first.tasks == [("read files", 13)]
    assert first.read == 13
    monkeypatch.setattr(files, "nar_sha256", None)
    assert tree(model, cache=tmp_path / "cache", progress=second) == before
    assert (second.tasks, second.read) == ([], 0)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (model / "config.json").write_text("[]")
    assert tree(model, cache=tmp_path / "cache", progress=third) != before
    assert third.read == 2


def test_a_file_that_was_just_written_is_read_again(model, tmp_path):
    (model / "config.json").write_text("{}")
    for _ in range(2):
        counting = Counting()
        tree(model, cache=tmp_path / "cache", progress=counting)
        assert counting.read == 13


def test_a_file_that_changes_while_it_is_read_is_named(model):
    grown = model / "grown.bin"
    grown.write_bytes(bytes(3 << 20))

    class Meddling(Silent):
        def advance(self, _, amount):
            if amount == 1 << 20:
                with grown.open("r+b") as file:
                    file.write(b"x")

    with pytest.raises(SpecError) as caught:
        tree(model, progress=Meddling())
    assert [str(problem) for problem in caught.value.problems] == [
        "model/grown.bin: it changed while it was read (wait until it is whole, and run this again)"
    ]


def test_a_small_file_that_changes_between_its_two_readings_is_named(model, monkeypatch):
    hashed = files.nar_sha256

    def late(*arguments):
        (model / "parts.txt").write_text("y")
        return hashed(*arguments)

    monkeypatch.setattr(files, "nar_sha256", late)
    assert problems(model)[0].startswith("model/parts.txt: it changed while it was read")


def test_an_interruption_keeps_what_was_read(model, tmp_path, monkeypatch):
    settled(monkeypatch)
    tree(model, cache=tmp_path / "cache")
    (model / "new").write_bytes(b"new")

    class Interrupted(Silent):
        def finish(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tree(model, cache=tmp_path / "cache", progress=Interrupted())
    counting = Counting()
    tree(model, cache=tmp_path / "cache", progress=counting)
    assert counting.read == 0


@pytest.mark.nix
def test_the_small_files_are_hashed_as_nix_hashes_their_folder(model):
    (model / "link").symlink_to("parts/a.bin")
    (model / "parts/a.bin").chmod(0o755)
    whole = tree(model).nar_sha256
    (model / "weights.bin").write_bytes(bytes(LARGE))
    assert tree(model).nar_sha256 == whole
    (model / "weights.bin").write_bytes(bytes(LARGE - 1))
    assert tree(model).nar_sha256 != whole
    (model / "weights.bin").unlink()
    root = scan({"": model}, cache=None, progress=Silent())
    printed = subprocess.run(["nix-hash", "--type", "sha256", "model"], check=True, capture_output=True, text=True)
    assert root.nar_sha256 == printed.stdout.strip()


def test_a_file_of_the_tree_is_found_on_disk(model, tmp_path):
    layout = {"model": model, "x.json": tmp_path / "y.json"}
    assert locate(layout, "model/parts/a.bin") == model / "parts/a.bin"
    assert locate(layout, "x.json") == tmp_path / "y.json"
    assert locate({"": model}, "parts/a.bin") == model / "parts/a.bin"
    with pytest.raises(ValueError, match="not in the layout"):
        locate(layout, "models/a")


def test_memory_stays_flat_and_files_are_read_in_parallel(model, monkeypatch):
    monkeypatch.setattr(files, "_WORKERS", 2)
    names = set()

    class Watching(Silent):
        def advance(self, *_):
            names.add(threading.current_thread().name)
            time.sleep(0.001)

    for name in "bc":
        (model / name).write_bytes(bytes(4 << 20))
    tree(model, progress=Watching())
    assert len(names) == 2
