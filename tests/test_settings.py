from __future__ import annotations

from pathlib import Path

import pytest

from modelpack import settings
from modelpack.errors import ModelpackError


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "SYSTEM", tmp_path / "system.toml")

    def write(text, name="user/modelpack/config.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return {"XDG_CONFIG_HOME": str(tmp_path / "user"), "HOME": str(tmp_path)}

    return write


def problems(environ):
    with pytest.raises(ModelpackError) as caught:
        settings.load(environ)
    return caught.value.details or (caught.value.message,)


def test_without_files_everything_has_its_default(tmp_path):
    found = settings.load({"HOME": str(tmp_path), "MODELPACK_CONFIG": "/dev/null"})
    assert found == settings.Settings()
    assert found.nix_sandbox


def test_a_key_in_the_table_of_another_is_named_with_its_line(config):
    environ = config("[[debian.archives]]\nuri = 'u'\nsuite = 's'\nsnapshots = ['x']\n")
    (found,) = problems(environ)
    assert "config.toml:4: debian.archives[0].snapshots: unknown key" in found


def test_archives_snapshots_artifacts_and_nix_are_read(config, tmp_path):
    environ = config(
        """
        [debian]
        snapshots = ["https://snapshot.example/debian/"]
        [[debian.archives]]
        uri = "https://mirror.example/debian"
        suite = "bookworm"
        components = ["main", "contrib"]
        keyring = "/etc/keys/mirror.gpg"
        [[debian.archives]]
        uri = "file:///srv/security"
        suite = "bookworm-security"
        check_valid_until = false
        [artifacts]
        sources = ["https://artifacts.example/all/", "bundle", "/srv/artifacts"]
        [nix]
        store = "/srv/nix"
        sandbox = false
        """
    )
    found = settings.load(environ)
    assert [(archive.suite, archive.components) for archive in found.archives] == [
        ("bookworm", ("main", "contrib")),
        ("bookworm-security", ("main",)),
    ]
    assert not found.archives[1].check_valid_until
    assert found.snapshots == ("https://snapshot.example/debian",)
    bundle = (tmp_path / "user/modelpack/bundle").as_uri()
    assert found.artifacts == ("https://artifacts.example/all", bundle, "file:///srv/artifacts")
    assert (found.nix_store, found.nix_sandbox) == ("/srv/nix", False)


def test_other_archives_have_a_name_and_a_key(config):
    text = '[[debian.sources]]\nname = "vendor"\nuri = "https://mirror.example/vendor/"\nsuite = "stable"\n'
    (found,) = settings.load(config(text + 'keyring = "/etc/apt/keyrings/vendor.gpg"')).sources
    assert (found.source, found.uri, found.suite) == ("vendor", "https://mirror.example/vendor", "stable")
    assert (found.components, found.keyring) == (("main",), "/etc/apt/keyrings/vendor.gpg")
    with pytest.raises(ModelpackError) as caught:
        settings.load(config(text))
    assert "keyring is missing" in caught.value.details[0]


def test_the_users_file_overrides_the_systems_setting_by_setting(config):
    config('[nix]\nstore = "/system"\nsandbox = false', "system.toml")
    found = settings.load(config('[nix]\nstore = "/user"'))
    assert (found.nix_store, found.nix_sandbox) == ("/user", False)


def test_a_chosen_file_is_the_only_one(config, tmp_path):
    config('[nix]\nstore = "/system"', "system.toml")
    environ = config("[nix]\nsandbox = false", "chosen.toml") | {"MODELPACK_CONFIG": str(tmp_path / "chosen.toml")}
    assert settings.load(environ) == settings.Settings(nix_sandbox=False)


def test_a_chosen_file_that_is_missing_is_an_error(tmp_path):
    (message,) = problems({"MODELPACK_CONFIG": str(tmp_path / "none.toml")})
    assert "none.toml" in message


def test_the_environment_overrides_files(config):
    environ = config('[nix]\nstore = "/user"\n[artifacts]\nsources = ["/a"]')
    found = settings.load(
        environ
        | {
            "MODELPACK_ARTIFACTS": "https://one.example/x /srv/two",
            "MODELPACK_SNAPSHOTS": "",
            "MODELPACK_IMAGES": "https://registry.example/mirror ./layout",
            "MODELPACK_NIX_STORE": "/other",
            "MODELPACK_NIX_SANDBOX": "false",
        }
    )
    assert found.artifacts == ("https://one.example/x", "file:///srv/two")
    assert found.images == ("https://registry.example/mirror", (Path.cwd() / "layout").as_uri())
    assert (found.nix_store, found.nix_sandbox, found.snapshots) == ("/other", False, ())


def test_a_switch_in_the_environment_is_true_or_false():
    environ = {"MODELPACK_CONFIG": "/dev/null", "MODELPACK_NIX_SANDBOX": "maybe"}
    assert problems(environ) == ("MODELPACK_NIX_SANDBOX: expected true or false, found 'maybe'",)


def test_all_problems_of_a_file_are_told_with_their_lines(config, tmp_path):
    environ = config(
        "[nix]\nstor = '/x'\nsandbox = 'yes'\n\n[[debian.archives]]\nuri = 'u'\nsuite = 's'\n"
        "[[debian.archives]]\nuri = 'u'\nsuite = 1\n[artifacts]\nsources = ['a', 2]\n[other]\n"
    )
    path = tmp_path / "user/modelpack/config.toml"
    assert sorted(problems(environ)) == sorted(
        (
            f"{path}:2: nix.stor: unknown key (did you mean store?)",
            f"{path}:3: nix.sandbox: expected true or false, found 'yes'",
            f"{path}:10: debian.archives[1].suite: expected a text, found 1",
            f"{path}:12: artifacts.sources[1]: expected a text, found 2",
            f"{path}:13: other: unknown key (known: debian, artifacts, conda, python, images, nix, weights)",
        )
    )


def test_an_archive_needs_its_address_and_suite(config, tmp_path):
    (found,) = problems(config("\n[[debian.archives]]\nuri = 'u'\n"))
    assert found == f"{tmp_path}/user/modelpack/config.toml:2: debian.archives[0]: suite is missing"


def test_what_is_not_toml_is_told_with_its_line(config):
    (found,) = problems(config("[nix]\nstore = \n"))
    assert "is not TOML" in found
    assert "line 2" in found


def test_an_address_of_another_kind_is_refused(config):
    (found,) = problems(config("[artifacts]\nsources = ['ftp://old.example/x']"))
    assert found == "not an address that can be read: ftp://old.example/x"


def test_the_cache_is_where_the_environment_says(tmp_path):
    assert settings.cache_dir({"MODELPACK_CACHE": str(tmp_path)}) == tmp_path
    assert settings.cache_dir({"XDG_CACHE_HOME": "/c", "HOME": "/h"}).as_posix() == "/c/modelpack"
    assert settings.cache_dir({"XDG_CACHE_HOME": "c", "HOME": "/h"}).as_posix() == "/h/.cache/modelpack"


def test_folders_of_interpreters_are_beside_the_file_that_names_them(config, tmp_path):
    environ = config("[python]\ninterpreters = ['pythons', '/srv/pythons']\n")
    assert settings.load(environ).interpreters == (str(tmp_path / "user/modelpack/pythons"), "/srv/pythons")
    assert settings.load(environ | {"MODELPACK_PYTHON_INTERPRETERS": "/a /b"}).interpreters == ("/a", "/b")
