from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from local_index import LOGIN, isolate, serving, sha256

from modelpack.errors import FetchError
from modelpack.web import credentials, http

CONTENT = os.urandom(300_000)


@pytest.fixture(autouse=True)
def _machine(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / "big.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def index(source):
    with serving(source.parent) as index:
        yield index


def fetch(url, part, path, **changes):
    counted = []
    wanted = {"size": path.stat().st_size, "sha256": sha256(path), **changes}
    http.download(url, part, on_bytes=counted.append, **wanted)
    return counted


def test_a_file_is_downloaded_and_counted(index, source, tmp_path):
    part = tmp_path / "part"
    counted = fetch(index.file_url(source), part, source)
    assert part.read_bytes() == CONTENT
    assert sum(counted) == len(CONTENT)


def test_a_file_address_is_copied(source, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:1000])
    assert sum(fetch(source.as_uri(), part, source)) == len(CONTENT)
    assert part.read_bytes() == CONTENT


def test_a_partial_file_is_gone_on_with(index, source, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:100_000])
    assert sum(fetch(index.file_url(source), part, source)) == len(CONTENT)
    assert index.requests[-1][2]["Range"] == "bytes=100000-"
    assert len(index.requests) == 1


def test_a_whole_file_is_not_asked_for_again(index, source, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(CONTENT)
    fetch(index.file_url(source), part, source)
    assert index.requests == []


@pytest.mark.parametrize("rubbish", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_partial_file_of_something_else_is_replaced(index, source, tmp_path, rubbish):
    part = tmp_path / "part"
    part.write_bytes(rubbish)
    assert sum(fetch(index.file_url(source), part, source)) == len(CONTENT)
    assert part.read_bytes() == CONTENT


def test_a_server_without_ranges_is_read_from_the_start(index, source, tmp_path):
    index.ranges = False
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:1000])
    assert sum(fetch(index.file_url(source), part, source)) == len(CONTENT)
    assert part.read_bytes() == CONTENT


def test_a_connection_that_is_cut_again_and_again_still_brings_the_file(index, source, tmp_path):
    index.cut_after = 100_000
    fetch(index.file_url(source), tmp_path / "part", source)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert [headers.get("Range") for _, _, headers in index.requests] == [None, "bytes=100000-", "bytes=200000-"]


def test_a_broken_transfer_keeps_what_arrived(index, source, tmp_path):
    index.cut_after, index.ranges = 1000, False
    with pytest.raises(FetchError, match="connection"):
        fetch(index.file_url(source), tmp_path / "part", source)
    assert (tmp_path / "part").read_bytes() == CONTENT[:1000]


def test_other_bytes_than_expected_are_thrown_away(index, source, tmp_path):
    with pytest.raises(FetchError) as caught:
        fetch(index.file_url(source), tmp_path / "part", source, sha256="0" * 64)
    assert not (tmp_path / "part").exists()
    assert "0" * 64 in caught.value.details[0]
    assert sha256(source) in caught.value.details[1]


def test_another_size_than_expected_is_an_error(index, source, tmp_path):
    for wrong in (len(CONTENT) - 1, len(CONTENT) + 1):
        with pytest.raises(FetchError, match="not the file"):
            fetch(index.file_url(source), tmp_path / "part", source, size=wrong)
        assert not (tmp_path / "part").exists()


def test_a_size_that_is_not_known_is_not_needed(index, source, tmp_path):
    fetch(index.file_url(source), tmp_path / "part", source, size=None)
    fetch(index.file_url(source), tmp_path / "part", source, size=None)
    assert (tmp_path / "part").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(index, source, status):
    index.answers = [(status, {"Retry-After": "0"}), (status, {})]
    assert http.read(index.file_url(source)) == CONTENT


def test_a_server_that_stays_busy_is_an_error_with_its_status(index, source):
    index.answers = [(503, {})] * 9
    with pytest.raises(http.HttpError, match="answered 503") as caught:
        http.read(index.file_url(source))
    assert caught.value.status == 503
    assert len(index.requests) == 5


def test_a_long_retry_after_is_not_waited_for(index, source):
    index.answers = [(429, {"Retry-After": "3600"})]
    with pytest.raises(http.HttpError, match="429"):
        http.read(index.file_url(source))
    assert len(index.requests) == 1


def test_what_is_not_there_is_not_asked_for_twice(index):
    with pytest.raises(http.HttpError, match="404") as caught:
        http.read(index.file_url("nothing.bin"))
    assert caught.value.status == 404
    assert len(index.requests) == 1


def test_a_refused_connection_is_told_in_words():
    with pytest.raises(http.HttpError, match=r"no connection to 127\.0\.0\.1: Connection refused") as caught:
        http.read("http://127.0.0.1:9/x")
    assert caught.value.status is None


@pytest.mark.parametrize("url", ["nothing", "ftp://127.0.0.1/x", "http://"])
def test_an_address_that_is_none_is_an_error(url):
    with pytest.raises(http.HttpError, match="not an address"):
        http.read(url)


def test_a_missing_local_file_is_an_error():
    with pytest.raises(http.HttpError, match="No such file"):
        http.read("file:///nothing/at/all")


def test_parts_and_sizes_of_files_can_be_asked_for(index, source):
    for url in (index.file_url(source), source.as_uri()):
        assert http.size(url) == len(CONTENT)
        assert http.read_range(url, 10, 20) == CONTENT[10:20]
        assert http.read_range(url, -7, 0) == CONTENT[-7:]
    index.ranges = False
    assert http.read_range(index.file_url(source), 10, 20) is None


def test_a_page_knows_where_it_came_from(index, source):
    index.answers = [(302, {"Location": index.file_url(source)})]
    base, content = http.read_page(f"http://127.0.0.1:{index.port}/elsewhere")
    assert base == index.file_url(source)
    assert content == CONTENT


def test_a_circle_of_redirections_ends(index, source):
    index.answers = [(302, {"Location": index.file_url(source)})] * 30
    with pytest.raises(http.HttpError, match="redirect"):
        http.read(index.file_url(source))


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _closed(self, index):
        index.login = True

    def test_without_them_the_error_says_where_to_give_them(self, index, source):
        with pytest.raises(http.HttpError, match="401") as caught:
            http.read(index.file_url(source))
        assert "netrc" in caught.value.hint

    def test_those_in_the_address_are_used_and_not_shown(self, index, source):
        url = index.file_url(source).replace("://", "://{}:{}@".format(*LOGIN))
        assert http.read(url) == CONTENT
        with pytest.raises(http.HttpError) as caught:
            http.read(url + "x")
        assert LOGIN[1] not in str(caught.value)
        assert "***@127.0.0.1" in str(caught.value)

    def test_netrc_is_used(self, index, source, monkeypatch, tmp_path):
        Path(tmp_path, "rc").write_text("machine 127.0.0.1 login {} password {}\n".format(*LOGIN))
        monkeypatch.setenv("NETRC", str(tmp_path / "rc"))
        assert http.read(index.file_url(source)) == CONTENT

    def test_those_of_an_index_serve_its_files(self, index, source):
        assert credentials.remember(index.url_with_login) == index.url
        assert http.read(index.file_url(source)) == CONTENT

    def test_keyring_is_asked_when_the_server_refuses(self, index, source, monkeypatch, tmp_path):
        program = tmp_path / "bin" / "keyring"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\n[ "$2" = creds ] && printf "{LOGIN[0]}\\n{LOGIN[1]}\\n"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        assert http.read(index.file_url(source)) == CONTENT

    def test_they_do_not_follow_to_another_host(self, index, source):
        with serving(source.parent) as other:
            index.answers = [(302, {"Location": other.file_url(source)})]
            http.read(index.file_url(source).replace("://", "://{}:{}@".format(*LOGIN)))
            assert "Authorization" not in other.requests[0][2]


def test_credentials_and_queries_are_taken_out_of_any_text():
    text = "error for url (https://me:pw@host/simple/six/?token=1), see 'http://u@h/x'"
    assert credentials.redact(text) == "error for url (https://***@host/simple/six/?***), see 'http://***@h/x'"


def test_a_proxy_is_used_and_no_proxy_is_heeded(index, source, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{index.port}")
    with pytest.raises(http.HttpError, match="404"):
        http.read("http://files.invalid/files/x")
    assert index.requests[-1][1] == "http://files.invalid/files/x"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert http.read(index.file_url(source)) == CONTENT
    assert index.requests[-1][1] == "/files/big.bin"


def test_a_proxy_of_an_unknown_kind_is_an_error(monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://me:pw@127.0.0.1:1")
    with pytest.raises(FetchError, match="proxy") as caught:
        http.read("http://files.invalid/x")
    assert "pw" not in str(caught.value)


def test_a_certificate_file_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("PIP_CERT", "/nothing/ca.pem")
    with pytest.raises(FetchError, match=r"/nothing/ca\.pem"):
        http.read("https://127.0.0.1:9/x")


def test_a_server_that_does_not_answer_in_time_is_told(index, source, monkeypatch):
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "0.1")
    index.stall = 0.5
    with pytest.raises(http.HttpError, match=r"no answer from 127\.0\.0\.1 in time"):
        http.read(index.file_url(source))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    path = folder / "own.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    options = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(folder / "cert")]
    subprocess.run([*words.split(), *options], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "cert").read_text())
    return path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
class TestTls:
    @pytest.fixture
    def url(self, certificate, source):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with serving(source.parent, tls=context) as index:
            yield f"https://localhost:{index.port}/files/big.bin"

    def test_an_unknown_authority_is_refused_at_once_with_a_hint(self, url):
        with pytest.raises(http.HttpError, match="its certificate is not trusted") as caught:
            http.read(url)
        assert "SSL_CERT_FILE" in caught.value.hint

    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_an_authority_named_for_other_tools_is_trusted(self, url, certificate, monkeypatch, variable):
        monkeypatch.setenv(variable, str(certificate))
        assert http.read(url) == CONTENT

    def test_the_certificate_is_checked_against_the_name(self, url, certificate, monkeypatch):
        monkeypatch.setenv("PIP_CERT", str(certificate))
        with pytest.raises(http.HttpError, match="its certificate is not trusted"):
            http.read(url.replace("localhost", "127.0.0.1"))

    @pytest.mark.parametrize("variable", ["PIP_TRUSTED_HOST", "UV_INSECURE_HOST"])
    def test_a_host_that_is_trusted_on_purpose_needs_none(self, url, monkeypatch, variable):
        monkeypatch.setenv(variable, "localhost")
        assert http.read(url) == CONTENT


FULL_DISK = """
import sys
from pathlib import Path
from modelpack.web import http
from modelpack.errors import FetchError
try:
    http.download(sys.argv[1], Path(sys.argv[2], "part"), size=300000, sha256="0" * 64, on_bytes=lambda _: None)
except FetchError as error:
    print(error, "|", error.hint)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare")
def test_a_full_disk_is_told_and_what_arrived_is_kept(source, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    script = 'mount -t tmpfs -o size=100k none "$3" && "$1" -c "$2" "$4" "$3" && stat -c %s "$3/part"'
    words = ["sh", "-c", script, "sh", sys.executable, FULL_DISK, str(small), source.as_uri()]
    environment = {**os.environ, "PYTHONPATH": str(Path(http.__file__).parents[2])}
    done = subprocess.run(["unshare", "-rm", *words], capture_output=True, text=True, env=environment, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("no user namespaces")
    message, size = done.stdout.splitlines()
    assert "no space left for part of 300000 bytes" in message
    assert "goes on from what has arrived" in message
    assert 0 < int(size) <= 100 * 1024


def test_nothing_heavy_is_loaded_before_it_is_needed():
    code = "import sys, modelpack.web.http; print({'urllib3', 'ssl', 'packaging'} & set(sys.modules))"
    root = str(Path(http.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "set()"
