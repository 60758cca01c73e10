from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelpack.delivery import atomic
from modelpack.errors import ExportError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_with_the_usual_rights(tmp_path):
    target = tmp_path / "file"
    with atomic.new_file(target) as stream:
        stream.write(b"x")
        assert not target.exists()

    assert target.read_bytes() == b"x"
    assert target.stat().st_mode & 0o777 == 0o644
    assert names(tmp_path) == ["file"]


def test_a_file_is_replaced_at_once(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with atomic.new_file(target) as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"

    assert target.read_bytes() == b"new"


def test_a_symlink_stays_and_its_goal_is_replaced(tmp_path):
    (tmp_path / "goal").write_bytes(b"old")
    (tmp_path / "link").symlink_to("goal")
    with atomic.new_file(tmp_path / "link") as stream:
        stream.write(b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "goal").read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device"), ValueError])
@pytest.mark.parametrize("make", [atomic.new_file, atomic.new_folder])
def test_nothing_is_left_when_writing_fails(tmp_path, make, error):
    with pytest.raises((KeyboardInterrupt, ValueError, ExportError)), make(tmp_path / "target"):
        raise error

    assert names(tmp_path) == []


def test_a_full_disk_is_an_error_that_names_the_target():
    full = pytest.raises(ExportError, match="/dev/full cannot be written: No space left on device")
    with full, atomic.new_file(Path("/dev/full")) as stream:
        stream.write(b"x" * 100_000)


def test_a_folder_appears_whole_also_where_an_empty_one_was(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    with atomic.new_folder(target) as folder:
        (folder / "file").write_bytes(b"x")
        assert names(target) == []

    assert names(target) == ["file"]
    assert names(tmp_path) == ["folder"]


def test_a_missing_parent_is_an_error_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(ExportError, match="there is no folder") as caught, atomic.new_file(tmp_path / "no/file"):
        pass

    assert caught.value.hint == f"run: mkdir -p {tmp_path}/no"


def test_a_pipe_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        with atomic.new_file(pipe) as stream:
            stream.write(b"through the pipe")

        assert reader.communicate()[0] == b"through the pipe"
    assert pipe.is_fifo()


KILLED = """
import sys, time
from pathlib import Path
from modelpack.delivery import atomic

with atomic.{make}(Path(sys.argv[1])) as made:
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("make", ["new_file", "new_folder"])
def test_what_a_killed_run_left_goes_with_the_next_but_what_another_writes_stays(tmp_path, make):
    command = [sys.executable, "-c", KILLED.format(make=make), str(tmp_path / "target")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:
        killed.stdout.readline()
        killed.kill()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        writing = [name for name in names(tmp_path) if name.startswith(".target.")]
        assert len(writing) == 1
        with getattr(atomic, make)(tmp_path / "target"):
            pass

        assert names(tmp_path) == [*writing, "target"]
        other.kill()


def test_too_little_space_is_known_before_anything_is_written(tmp_path):
    with pytest.raises(ExportError, match="has too little space"):
        atomic.require_space(tmp_path, 1 << 62)


def test_a_folder_replaces_another_at_once(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with atomic.new_folder(target) as folder:
        (folder / "new").touch()
        assert names(target) == ["old"]

    assert names(target) == ["new"]
    assert names(tmp_path) == ["folder"]
