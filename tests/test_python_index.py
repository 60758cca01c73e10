from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from local_index import LOGIN, isolate, make_wheel, serving, sha256

from modelpack.errors import FetchError
from modelpack.lock import Wheel
from modelpack.python import index as python_index
from modelpack.python import index_settings, pip_settings, uv_tool
from modelpack.python.scope import Scope
from modelpack.web import http


@pytest.fixture(autouse=True)
def _machine(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "pure-thing", "1.0")
    make_wheel(folder, "pure-thing", "2.0")
    for tag in ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_aarch64"):
        make_wheel(folder, "native", "1.0", tag=tag, payload=tag.encode())
    return folder


@pytest.fixture
def index(folder):
    with serving(folder) as index:
        yield index


def wheel(path):
    name, version = path.name.split("-")[:2]
    return Wheel(
        name=name.replace("_", "-"),
        version=version,
        filename=path.name,
        sha256=sha256(path),
        size=path.stat().st_size,
        source="pypi",
    )


def locked(folder):
    return [wheel(path) for path in sorted(folder.iterdir())]


class TestLocate:
    @pytest.mark.parametrize("as_json", [True, False])
    def test_wheels_of_all_platforms_are_found(self, index, folder, monkeypatch, as_json):
        index.as_json = as_json
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        wheels = [item for item in locked(folder) if item.version == "1.0"]
        found = python_index.locate(wheels, python="3.11", scope=Scope(folder))
        assert found == {item.sha256: index.file_url(item.filename) for item in wheels}

    def test_two_versions_at_once_are_found_by_reading_the_index(self, index, folder, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        assert len(python_index.locate(locked(folder), python="3.11", scope=Scope(folder))) == 4

    def test_a_file_that_only_the_second_index_has_is_found(self, index, folder, tmp_path, monkeypatch):
        other = tmp_path / "other"
        other.mkdir()
        make_wheel(other, "pure-thing", "1.0", payload=b"another build")
        with serving(other) as second:
            monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
            monkeypatch.setenv("UV_EXTRA_INDEX_URL", second.url)
            wheels = [wheel(folder / "pure_thing-1.0-py3-none-any.whl"), *locked(other)]
            found = python_index.locate(wheels, python="3.11", scope=Scope(folder))
        assert set(found) == {item.sha256 for item in wheels}
        assert found[wheels[0].sha256].startswith(index.url.removesuffix("/simple"))
        assert found[wheels[1].sha256].startswith(second.url.removesuffix("/simple"))

    def test_what_no_index_has_is_left_out(self, index, folder, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        gone = replace(wheel(folder / "pure_thing-1.0-py3-none-any.whl"), sha256="0" * 64)
        never = replace(gone, name="never", filename="never-1.0-py3-none-any.whl")
        assert python_index.locate([gone, never], python="3.11", scope=Scope(folder)) == {}

    def test_an_index_that_fails_is_named_when_something_is_missing(self, index, folder, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        index.answers = [(500, {})] * 99
        with pytest.raises(FetchError, match="not every package index answered") as caught:
            python_index.locate(locked(folder)[:1], python="3.11", scope=Scope(folder))
        assert "500" in caught.value.details[0]

    def test_find_links_and_local_indexes_are_looked_through(self, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("UV_NO_INDEX", "1")
        monkeypatch.setenv("UV_FIND_LINKS", str(folder))
        found = python_index.locate(locked(folder), python="3.11", scope=Scope(tmp_path))
        assert set(found.values()) == {path.as_uri() for path in folder.iterdir()}

    def test_a_local_index_is_read(self, folder, tmp_path, monkeypatch):
        page = tmp_path / "simple" / "pure-thing"
        page.mkdir(parents=True)
        (page / "index.html").write_text('<a href="../../wheels/pure_thing-1.0-py3-none-any.whl">x</a>')
        monkeypatch.setenv("UV_DEFAULT_INDEX", (tmp_path / "simple").as_uri())
        one = wheel(folder / "pure_thing-1.0-py3-none-any.whl")
        assert python_index.locate([one], python="3.11", scope=Scope(tmp_path)) == {
            one.sha256: (folder / one.filename).as_uri()
        }
        (source,) = python_index.indexes(Scope(tmp_path))
        assert [file.filename for file in python_index.files("pure-thing", source)] == [one.filename]
        assert python_index.files("never", source) == ()

    def test_nothing_to_find_asks_nobody(self):
        assert python_index.locate([], python="3.11", scope=Scope(Path())) == {}


class TestPrivateIndexes:
    @pytest.fixture(autouse=True)
    def _closed(self, index):
        index.login = True

    def read_all(self, folder):
        wheels = [item for item in locked(folder) if item.version == "1.0"]
        found = python_index.locate(wheels, python="3.11", scope=Scope(folder))
        assert len(found) == len(wheels)
        assert not any("@" in url for url in found.values())
        for url in found.values():
            http.read(url)

    def test_credentials_in_the_address_of_the_index_serve_its_files(self, index, folder, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url_with_login)
        self.read_all(folder)

    def test_credentials_of_a_named_index_serve_its_files(self, index, folder, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"our-own={index.url}")
        monkeypatch.setenv("UV_INDEX_OUR_OWN_USERNAME", LOGIN[0])
        monkeypatch.setenv("UV_INDEX_OUR_OWN_PASSWORD", LOGIN[1])
        self.read_all(folder)

    def test_credentials_of_netrc_serve_both(self, index, folder, monkeypatch, tmp_path):
        Path(tmp_path, "rc").write_text("machine 127.0.0.1 login {} password {}\n".format(*LOGIN))
        monkeypatch.setenv("NETRC", str(tmp_path / "rc"))
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        self.read_all(folder)

    def test_credentials_in_pips_settings_serve_both(self, index, folder, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", index.url_with_login)
        self.read_all(folder)


class TestSettings:
    def urls(self, folder):
        return [(item.url, item.flat) for item in python_index.indexes(Scope(folder))]

    def test_without_any_uvs_default_is_used(self, tmp_path):
        ((url, flat),) = self.urls(tmp_path)
        assert url.startswith("https://")
        assert not flat

    def test_pips_are_used_when_uv_has_none(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", "https://one.invalid/simple")
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://two.invalid/simple https://three.invalid/simple")
        monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} https://four.invalid/links/")
        assert self.urls(tmp_path) == [
            ("https://one.invalid/simple", False),
            ("https://two.invalid/simple", False),
            ("https://three.invalid/simple", False),
            (tmp_path.as_uri(), True),
            ("https://four.invalid/links/", True),
        ]
        assert index_settings.for_uv(Scope(tmp_path)).environment["UV_INDEX_STRATEGY"] == "unsafe-best-match"

    def test_uvs_variables_keep_pips_out(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", "https://one.invalid/simple")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.invalid/simple")
        assert self.urls(tmp_path) == [("https://uv.invalid/simple", False)]
        assert "UV_INDEX_STRATEGY" not in index_settings.for_uv(Scope(tmp_path)).environment

    def test_a_uv_toml_above_the_spec_keeps_pips_out(self, tmp_path, monkeypatch):
        monkeypatch.delenv("UV_NO_CONFIG")
        monkeypatch.setenv("PIP_INDEX_URL", "https://one.invalid/simple")
        below = tmp_path / "a" / "b"
        below.mkdir(parents=True)
        (tmp_path / "uv.toml").write_text('[[index]]\nurl = "https://uv.invalid/simple"\ndefault = true\n')
        assert self.urls(below) == [("https://uv.invalid/simple", False)]

    def test_a_uv_toml_that_says_nothing_of_indexes_leaves_pips_in_force(self, tmp_path, monkeypatch):
        monkeypatch.delenv("UV_NO_CONFIG")
        monkeypatch.setenv("PIP_INDEX_URL", "https://one.invalid/simple")
        (tmp_path / "uv.toml").write_text('resolution = "highest"\n')
        assert self.urls(tmp_path) == [("https://one.invalid/simple", False)]

    def test_credentials_are_not_given_out(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", "https://ada:s3cret@one.invalid/simple")
        assert self.urls(tmp_path) == [("https://one.invalid/simple", False)]

    def test_no_index_leaves_only_links(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_NO_INDEX", "true")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        assert self.urls(tmp_path) == [(tmp_path.as_uri(), True)]

    def test_settings_that_uv_refuses_are_an_error(self, tmp_path, monkeypatch):
        monkeypatch.setenv("UV_INDEX_STRATEGY", "nonsense")
        with pytest.raises(FetchError, match="does not accept"):
            python_index.indexes(Scope(tmp_path))

    def test_a_proxy_and_certificates_of_pips_are_handed_to_uv(self, tmp_path, monkeypatch):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv("PIP_CERT", "/ca.pem")
        monkeypatch.setenv("PIP_PROXY", "http://proxy.invalid")
        monkeypatch.setenv("PIP_TRUSTED_HOST", "one.invalid two.invalid:8443")
        given = index_settings.for_uv(Scope(tmp_path)).environment
        assert given["SSL_CERT_FILE"] == "/ca.pem"
        assert given["ALL_PROXY"] == "http://proxy.invalid"
        assert given["UV_INSECURE_HOST"] == "one.invalid two.invalid:8443"
        assert given["UV_PYTHON_DOWNLOADS"] == "never"

    def test_passwords_are_never_arguments(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", "https://ada:s3cret@one.invalid/simple")
        settings = index_settings.for_uv(Scope(tmp_path))
        assert "s3cret" in settings.environment["UV_DEFAULT_INDEX"]
        assert "s3cret" not in " ".join(settings.flags)


class TestPipFiles:
    def test_a_stronger_file_replaces_and_variables_win(self, tmp_path, monkeypatch):
        user, own = tmp_path / "home" / ".config" / "pip" / "pip.conf", tmp_path / "own.conf"
        user.parent.mkdir(parents=True)
        user.write_text(
            "[global]\nindex_url = https://user.invalid\nextra-index-url =\n  https://a\n  https://b\n"
            "[install]\nfind-links = /install\n[freeze]\nproxy = http://freeze\n"
        )
        own.write_text("[global]\nindex-url = https://own.invalid\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(own))
        monkeypatch.setenv("PIP_TIMEOUT", "7")
        found = pip_settings.read()
        assert found["index-url"] == "https://own.invalid"
        assert pip_settings.words(found, "extra-index-url") == ("https://a", "https://b")
        assert found["find-links"] == "/install"
        assert found["timeout"] == "7"
        assert "proxy" not in found

    def test_a_file_that_pip_could_not_read_says_nothing(self, tmp_path, monkeypatch):
        broken = tmp_path / "broken.conf"
        broken.write_text("index-url = https://no.section\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(broken))
        assert "index-url" not in pip_settings.read()


def test_uv_that_is_missing_is_an_error_with_the_fix(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(uv_tool.ToolError, match="uv is missing") as caught:
        uv_tool.indexes(Scope(tmp_path))
    assert caught.value.hint == "install it: pip install uv"


class TestKeptPages:
    """``UV_NO_CONFIG`` is what keeps the other tests from it."""

    @pytest.fixture(autouse=True)
    def _kept(self, index, monkeypatch):
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.delenv("UV_NO_CONFIG")

    def ask(self, folder, *requirements, flags=()):
        options = ["--python-version", "3.11", *flags]
        pylock = uv_tool.compile_requirements(requirements, options, scope=Scope(folder)).pylock
        return [package["name"] for package in pylock["packages"]]

    def test_an_index_that_says_nothing_of_caches_is_not_asked_at_once_again(self, index, folder):
        self.ask(folder, "pure-thing")
        before = len(index.requests)
        self.ask(folder, "pure-thing<9")
        assert len(index.requests) == before

    def test_an_upgrade_asks_again(self, index, folder):
        self.ask(folder, "pure-thing")
        index.requests.clear()
        self.ask(folder, "pure-thing", flags=["--refresh"])
        assert "/simple/pure-thing/" in index.paths()

    def test_settings_of_the_users_stay_in_force(self, index, folder):
        (folder / "uv.toml").write_text("[pip]\nstrict = true\n")
        self.ask(folder, "pure-thing")
        index.requests.clear()
        self.ask(folder, "pure-thing")
        assert "/simple/pure-thing/" in index.paths()

    def test_our_own_reading_keeps_pages_too_but_not_for_long(self, index, folder, tmp_path):
        (source,) = python_index.indexes(Scope(folder))
        found = python_index.files("pure-thing", source, tmp_path / "cache")
        index.requests.clear()
        assert python_index.files("pure-thing", source, tmp_path / "cache") == found
        assert not index.requests
        for page in (tmp_path / "cache" / "pages").iterdir():
            os.utime(page, (1, 1))
        assert python_index.files("pure-thing", source, tmp_path / "cache") == found
        assert index.requests
