from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelpack.debian.sources import Archive, archives_for
from modelpack.errors import ResolveError

KEY = Path(__file__).with_name("debian") / "archive.asc"
DEBIAN = "/usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc/apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text('NAME="Debian"\nVERSION_CODENAME=bookworm\n')
    return tmp_path


def write(root, name, text):
    (root / "etc/apt" / name).write_text(text)


def found(root, suite="bookworm", configured=()):
    archives = archives_for(suite, configured=configured, apt_root=root)
    return [(archive.uri, archive.suite, *archive.components) for archive in archives]


def test_one_line_entries_are_read_with_their_options(root):
    write(
        root,
        "sources.list",
        "# deb http://mirror.test/no bookworm main\n"
        "deb [ arch=amd64,arm64 signed-by=/k/a.gpg,/k/b.gpg check-valid-until=no ] http://mirror.test/debian/"
        " bookworm main contrib # comment\n"
        "deb-src http://mirror.test/src bookworm main\n"
        "deb nonsense\n"
        "deb cdrom:[Debian 12]/ bookworm main\n",
    )

    assert archives_for("bookworm", configured=(), apt_root=root) == (
        Archive(
            uri="http://mirror.test/debian",
            suite="bookworm",
            components=("main", "contrib"),
            keyring="/k/a.gpg /k/b.gpg",
            architectures=("amd64", "arm64"),
            check_valid_until=False,
        ),
    )


def test_deb822_entries_are_read_with_several_addresses_and_suites(root):
    write(
        root,
        "sources.list.d/debian.sources",
        "Types: deb deb-src\nURIs: http://one.test/debian file:/srv/debian\nSuites: bookworm bookworm-updates\n"
        f"Components: main\nSigned-By: {DEBIAN}\n\n"
        "Types: deb\nURIs: http://one.test/security\nSuites: bookworm-security\nComponents: main\nEnabled: yes\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://off.test\nSuites: bookworm\nComponents: main\n\n"
        "Types: deb-src\nURIs: http://src.test\nSuites: bookworm\nComponents: main\n\n"
        "Types: deb\nURIs: http://distrusted.test\nSuites: bookworm\nComponents: main\nTrusted: no\n",
    )

    assert found(root) == [
        ("http://one.test/debian", "bookworm", "main"),
        ("http://one.test/debian", "bookworm-updates", "main"),
        ("file:///srv/debian", "bookworm", "main"),
        ("file:///srv/debian", "bookworm-updates", "main"),
        ("http://one.test/security", "bookworm-security", "main"),
    ]


def test_an_inline_key_is_kept_whole(root):
    indented = "".join(f" {line or '.'}\n" for line in KEY.read_text().splitlines())
    write(
        root,
        "sources.list.d/own.sources",
        f"Types: deb\nURIs: http://own.test\nSuites: bookworm\nComponents: main\nSigned-By:\n{indented}",
    )

    (archive,) = archives_for("bookworm", configured=(), apt_root=root)

    assert archive.keyring is not None
    assert archive.keyring.strip() == KEY.read_text().strip()


def test_only_files_that_apt_reads_are_read(root):
    entry = "deb http://mirror.test/{} bookworm main\n"
    for name in ("b.list", "a.list", "c.list.save", "d.list~", "e f.list"):
        write(root, f"sources.list.d/{name}", entry.format(name[0]))

    assert [uri for uri, *_ in found(root)] == ["http://mirror.test/a", "http://mirror.test/b"]


def test_entries_that_differ_in_components_alone_are_one_archive(root):
    write(
        root,
        "sources.list",
        "deb http://m.test/debian bookworm main\ndeb http://m.test/debian/ bookworm main contrib\n",
    )

    assert found(root) == [("http://m.test/debian", "bookworm", "main", "contrib")]


def test_foreign_archives_of_the_same_suite_are_left_out(root):
    write(
        root,
        "sources.list",
        "deb [signed-by=/etc/apt/keyrings/tool.gpg] http://tool.test bookworm main\n"
        "deb [signed-by=/etc/apt/keyrings/engine.gpg] http://engine.test bookworm stable\n"
        "deb http://m.test/debian bookworm main\n",
    )

    assert found(root) == [("http://m.test/debian", "bookworm", "main")]


def test_a_mirror_with_a_keyring_of_its_own_is_used_when_there_is_no_other(root):
    write(
        root,
        "sources.list",
        "deb [signed-by=/etc/apt/keyrings/own.gpg] http://own.test/debian bookworm main\n"
        f"deb [signed-by={DEBIAN}] http://own.test/security bookworm-security main\n",
    )

    assert [uri for uri, *_ in found(root)] == ["http://own.test/debian", "http://own.test/security"]


def test_a_list_of_mirrors_gives_the_first(root):
    (root / "etc/apt/mirrors").mkdir()
    write(root, "mirrors/debian.list", "# mirrors\ntor+http://no.test\nhttps://first.test/debian\tpriority:1\n")
    write(root, "sources.list", "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n")

    assert found(root) == [("https://first.test/debian", "bookworm", "main")]


DEBIAN_MACHINE = (
    "deb http://other.test nodistro main\n"
    "deb http://m.test/debian bookworm main\ndeb http://m.test/debian bookworm-updates main\n"
    "deb http://m.test/debian-security bookworm-security main\n"
    "deb http://m.test/debian bookworm-backports main\n"
)


def test_another_suite_is_derived_from_the_machines_own(root):
    write(root, "sources.list", DEBIAN_MACHINE)

    assert found(root, "trixie") == [
        ("http://m.test/debian", "trixie", "main"),
        ("http://m.test/debian", "trixie-updates", "main"),
        ("http://m.test/debian-security", "trixie-security", "main"),
    ]


def test_rolling_suites_have_no_updates(root):
    write(root, "sources.list", DEBIAN_MACHINE)

    assert found(root, "sid") == [("http://m.test/debian", "sid", "main")]


def test_a_machine_that_follows_stable_serves_code_names_too(root):
    (root / "etc/os-release").unlink()
    write(root, "sources.list", "deb http://x.test nodistro main\n" + DEBIAN_MACHINE.replace("bookworm", "stable"))

    assert found(root, "trixie")[2] == ("http://m.test/debian-security", "trixie-security", "main")


def test_the_settings_come_before_apts_files(root):
    write(root, "sources.list", DEBIAN_MACHINE)
    own = Archive(uri="http://own.test/", suite="bookworm", components=("main",), keyring="/k.gpg")

    assert found(root, configured=[own]) == [("http://own.test", "bookworm", "main")]
    assert found(root, "trixie", configured=[own]) == [("http://own.test", "trixie", "main")]


def test_a_machine_without_archives_is_told_what_to_write(tmp_path):
    with pytest.raises(ResolveError, match="no Debian archive is configured") as caught:
        archives_for("trixie", configured=(), apt_root=tmp_path)

    assert "config.toml" in str(caught.value.hint)
    text = "\n".join(caught.value.details)
    assert re.findall(r"^(\S+) = ", text, re.MULTILINE) == ["uri", "suite", "components", "keyring"]
    assert 'suite = "trixie"' in text


def test_a_file_of_apts_that_cannot_be_read_is_named(root):
    (root / "etc/apt/sources.list.d/a.list").mkdir()

    with pytest.raises(ResolveError, match=r"a\.list cannot be read: Is a directory"):
        found(root)
