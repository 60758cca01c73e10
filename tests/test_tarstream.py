from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelpack.builders import tarstream
from modelpack.builders.tarstream import Entry

BASE = "/nix/store/00000000000000000000000000000000-base"


def archive(entries):
    return b"".join(tarstream.archive(entries))


def read(data):
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as tar:
        return [(member, tar.extractfile(member).read() if member.isreg() else b"") for member in tar]


@pytest.fixture
def store(tmp_path):
    """A store with one path, below a folder that stands for the machine's root."""
    base = tmp_path / BASE[1:]
    (base / "bin").mkdir(parents=True)
    (base / "bin/tool").write_bytes(b"#!x\n")
    (base / "bin/tool").chmod(0o700)
    (base / "bin.txt").write_bytes(b"t" * 513)
    (base / "empty").touch(0o600)
    (base / "link").symlink_to("bin/tool")
    os.link(base / "bin.txt", base / "same")
    return tmp_path


def test_a_store_path_gives_these_bytes(store):
    data = archive(tarstream.store_paths([BASE], str(store)))

    expected = "aaed2393a009febdd741afef65296f4ece1f057a318239f1f9ffa0844ba7f54e"
    assert hashlib.sha256(data).hexdigest() == expected


def test_the_members_are_the_tree_parents_first_with_owners_times_and_modes_of_no_machine(store):
    members = read(archive(tarstream.store_paths([BASE], str(store))))

    name = BASE[1:]
    assert [(m.name, oct(m.mode), m.type, m.linkname, content) for m, content in members] == [
        ("nix", "0o755", b"5", "", b""),
        ("nix/store", "0o755", b"5", "", b""),
        (name, "0o755", b"5", "", b""),
        (f"{name}/bin", "0o755", b"5", "", b""),
        (f"{name}/bin/tool", "0o555", b"0", "", b"#!x\n"),
        (f"{name}/bin.txt", "0o444", b"0", "", b"t" * 513),
        (f"{name}/empty", "0o444", b"0", "", b""),
        (f"{name}/link", "0o777", b"2", "bin/tool", b""),
        (f"{name}/same", "0o444", b"0", "", b"t" * 513),
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m, _ in members} == {(0, 0, "", "", 1)}
    assert not any(m.pax_headers for m, _ in members)


def test_python_writes_the_same_bytes_where_ustar_is_enough(store):
    ours = archive(tarstream.store_paths([BASE], str(store)))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member, content in read(ours):
            tar.addfile(member, io.BytesIO(content))

    assert ours == buffer.getvalue()[: len(ours)]
    assert not any(buffer.getvalue()[len(ours) :])


def test_several_store_paths_share_the_folders_above_them(store):
    other = "/nix/store/11111111111111111111111111111111-file"
    (store / other[1:]).write_bytes(b"x")

    names = [m.name for m, _ in read(archive(tarstream.store_paths([other, BASE], str(store))))]

    assert names.count("nix/store") == 1
    assert names[2] == BASE[1:]
    assert names[-1] == other[1:]


def test_gnu_tar_lists_and_unpacks_what_is_written(store, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    data = archive(tarstream.store_paths([BASE], str(store)))

    subprocess.run(["tar", "x", "-C", str(out)], input=data, check=True)

    assert (out / BASE[1:] / "link").read_bytes() == b"#!x\n"
    assert (out / BASE[1:] / "bin.txt").stat().st_nlink == 1


NAMES = st.lists(
    st.binary(min_size=1, max_size=120).filter(lambda part: not set(part) & {0, 47} and part not in (b".", b"..")),
    min_size=1,
    max_size=4,
).map(b"/".join)


@given(NAMES, st.binary(max_size=300).filter(lambda link: link and 0 not in link), st.sampled_from([b"0", b"2", b"5"]))
def test_any_name_and_target_come_back(name, target, kind):
    link = target if kind == b"2" else b""
    [(member, _)] = read(archive([Entry(name, kind, 0o644, link=link)]))

    assert os.fsencode(member.name) == name
    assert os.fsencode(member.linkname) == link


@pytest.mark.parametrize("kind", [b"0", b"5"])
@pytest.mark.parametrize("length", [1, 99, 100, 101, 155, 156, 220, 257, 5000])
def test_names_of_every_length_come_back_and_only_the_longest_are_pax_records(length, kind):
    name = ("d" * 60 + "/") * (length // 61) + "f" * (length % 61)
    data = archive([Entry(name.encode(), kind, 0o755)])
    [(member, _)] = read(data)

    assert member.name == name
    assert (len(data) == 512 + 1024) == (length < 256)
    assert bool(member.pax_headers) == (length > 256)


def test_a_size_from_8_gib_is_a_pax_record():
    blocks = tarstream.header(Entry(b"weights", b"0", 0o444, 8 << 30))
    member = tarfile.TarInfo.frombuf(blocks[-512:], "utf-8", "strict")

    assert b" size=8589934592\n" in blocks
    assert member.size == 0
    assert len(tarstream.header(Entry(b"weights", b"0", 0o444, (8 << 30) - 1))) == 512


def test_owners_beyond_the_field_are_pax_records():
    [(member, _)] = read(archive([tarstream.directory("home", uid=1_000_650_000, gid=65532)]))

    assert (member.uid, member.gid) == (1_000_650_000, 65532)


def test_large_files_are_passed_on_in_pieces(tmp_path):
    content = os.urandom(3 * tarstream.CHUNK + 100)
    (tmp_path / "weights").write_bytes(content)

    pieces = list(tarstream.archive(tarstream.walk("weights", str(tmp_path / "weights"))))

    assert max(map(len, pieces)) <= tarstream.CHUNK
    [(_, found)] = read(b"".join(pieces))
    assert found == content


@pytest.mark.parametrize("size", [10, 2 * tarstream.CHUNK])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_that_changes_its_size_is_an_error_that_names_it(tmp_path, size, change):
    file = tmp_path / "weights"
    file.write_bytes(bytes(size))
    entries = list(tarstream.walk("weights", str(file)))
    file.write_bytes(bytes(size + change))

    with pytest.raises(tarstream.TarError, match=f"changed while it was read: {file}"):
        archive(entries)


def test_a_pipe_in_a_tree_is_an_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(tarstream.TarError, match="pipe"):
        archive(tarstream.walk("x", str(tmp_path)))


def test_umask_and_order_of_creation_change_nothing(tmp_path):
    digests = set()
    for number, (names, umask) in enumerate([("abc", 0o022), ("cba", 0o077)]):
        before = os.umask(umask)
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in names:
            (folder / name).write_text(name)
            os.utime(folder / name, (number, number))
        os.umask(before)
        digests.add(archive(tarstream.walk("x", str(folder))))

    assert len(digests) == 1
