from __future__ import annotations

import os
import shutil

import pytest

from modelpack.builders import layer, root, tarstream

BASE = "/nix/store/00000000000000000000000000000000-base"


@pytest.fixture
def machine(tmp_path):
    base = tmp_path / BASE[1:]
    (base / "usr/bin").mkdir(parents=True)
    (base / "bin").symlink_to("usr/bin")
    (base / "opt").mkdir()
    (base / "etc/ssl").mkdir(parents=True)
    (base / "etc/services").write_text("http 80/tcp\n")
    (base / "usr/lib").mkdir()
    (base / "usr/lib/os-release").write_text("ID=debian\n")
    (base / "etc/os-release").symlink_to("../usr/lib/os-release")
    (base / "etc/passwd").write_text("the base's own\n")
    (base / "var/lib/dpkg/status.d").mkdir(parents=True)
    (base / "var/lib/dpkg/status.d/libc6").write_text("Package: libc6\n")
    return tmp_path


def entries(machine, user="65532:65532", suite=None):
    skeleton = layer.Skeleton(base=BASE, user=user, suite=suite)
    return {os.fsdecode(entry.name): entry for entry in root.entries(skeleton, str(machine))}


def test_programs_libraries_and_settings_are_links_into_the_base(machine):
    found = entries(machine)

    links = {name: os.fsdecode(entry.link) for name, entry in found.items() if entry.link}
    assert links == {
        "bin": "usr/bin",
        "etc/services": f"{BASE}/etc/services",
        "etc/ssl": f"{BASE}/etc/ssl",
        "opt": f"{BASE}/opt",
        "usr": f"{BASE}/usr",
        "var/run": "/run",
    }


def test_what_scanners_read_is_really_there(machine):
    found = entries(machine)

    assert found["var/lib/dpkg/status.d/libc6"].content == b"Package: libc6\n"
    assert found["etc/os-release"].content == b"ID=debian\n"


def test_a_base_that_does_not_say_its_release_is_given_one(machine):
    (machine / BASE[1:] / "etc/os-release").unlink()
    found = entries(machine, suite="bookworm")

    lines = found["etc/os-release"].content.decode().splitlines()
    assert {"ID=debian", 'VERSION_ID="12"', "VERSION_CODENAME=bookworm"} <= set(lines)
    assert found["etc/debian_version"].content == b"12\n"
    assert b"VERSION_ID" not in entries(machine, suite="sid")["etc/os-release"].content


def test_what_the_base_says_of_its_release_counts(machine):
    assert entries(machine, suite="bookworm")["etc/os-release"].content == b"ID=debian\n"


def test_the_user_is_known_and_has_a_home(machine):
    found = entries(machine, "1000:50")

    assert b"modelpack:x:1000:50:modelpack:/home/modelpack:/bin/sh\n" in found["etc/passwd"].content
    assert b"modelpack:x:50:\n" in found["etc/group"].content
    home = found["home/modelpack"]
    assert (home.uid, home.gid, home.mode) == (1000, 50, 0o755)


def test_root_needs_no_user_of_its_own(machine):
    found = entries(machine, "0:0")

    assert "home/modelpack" not in found
    assert b"modelpack" not in found["etc/passwd"].content + found["etc/group"].content


@pytest.mark.parametrize("user", ["65532:65532", "65534:65534", "1000", "0:0", "1000:0"])
def test_no_user_or_group_is_listed_twice(machine, user):
    found = entries(machine, user)

    for name, column in (("passwd", 2), ("group", 2)):
        numbers = [line.split(b":")[column] for line in found[f"etc/{name}"].content.splitlines()]
        assert len(numbers) == len(set(numbers))


def test_temporary_folders_are_for_everyone(machine):
    found = entries(machine)

    assert found["tmp"].mode == found["var/tmp"].mode == 0o1777


def test_a_base_of_another_kind_is_enough(tmp_path):
    (tmp_path / BASE[1:] / "bin").mkdir(parents=True)
    found = entries(tmp_path)

    assert os.fsdecode(found["bin"].link) == f"{BASE}/bin"
    assert b"hosts: files dns" in found["etc/nsswitch.conf"].content


def test_every_folder_comes_before_what_is_in_it_and_nothing_comes_twice(machine):
    names = list(entries(machine))
    listed = root.entries(layer.Skeleton(base=BASE, user="65532:65532"), str(machine))

    assert len(listed) == len(names)
    for index, name in enumerate(names):
        assert "/" not in name or name.rsplit("/", 1)[0] in names[:index]


def test_the_order_of_the_file_system_does_not_matter(machine, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(machine / "nix", again / "nix", symlinks=True)

    tars = [b"".join(tarstream.archive(entries(place).values())) for place in (machine, again)]

    assert tars[0] == tars[1]
