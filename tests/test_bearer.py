"""Registries that want a token: who is asked for it, with which password, and who never sees one."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from modelpack.web import bearer
from modelpack.web import http as web

USER, PASSWORD, TOKEN = "someone", "pass:word", "a.b-c"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Registry(http.server.BaseHTTPRequestHandler):
    """Answers a repository to a token, and gives the token to whom it knows."""

    def do_GET(self):
        parts = urlsplit(self.path)
        self.server.asked.append((parts.path, self.headers.get("Authorization")))
        if parts.path == "/token":
            fields = parse_qs(parts.query)
            known = self.headers.get("Authorization") == BASIC and fields["scope"] == ["repository:team/base:pull"]
            self.answer(200, json.dumps({"token": TOKEN if known else "nobody"}).encode())
        elif self.headers.get("Authorization") == f"Bearer {TOKEN}":
            self.answer(200, b"blob")
        else:
            realm = f'Bearer realm="{self.server.realm}",service="s",scope="repository:team/base:pull"'
            self.answer(401, b"", {"WWW-Authenticate": realm})

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in {**dict(headers), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def registry(tmp_path, monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.asked, server.address = [], f"127.0.0.1:{server.server_port}"
    server.realm = f"http://{server.address}/token"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(bearer, "_tokens", {})
    yield server
    server.shutdown()
    server.server_close()


def know(tmp_path, name):
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {name: {"auth": auth}}}))


@pytest.mark.parametrize("name", ["", "/team", "/team/base"])
def test_a_token_is_had_once_for_a_repository(registry, tmp_path, name):
    know(tmp_path, registry.address + name)
    url = f"http://{registry.address}/v2/team/base/blobs/sha256:1"
    assert [web.read(url), web.read(url + "2")] == [b"blob", b"blob"]
    assert [path for path, _ in registry.asked].count("/token") == 1
    assert [who for path, who in registry.asked if path == "/token"] == [BASIC]


def test_nobody_is_refused_in_plain_words(registry, tmp_path):
    know(tmp_path, "other.example")
    with pytest.raises(web.HttpError, match="answered 401"):
        web.read(f"http://{registry.address}/v2/team/base/blobs/sha256:1")
    assert (("/token", None)) in registry.asked


def test_no_password_goes_to_a_stranger(registry, tmp_path):
    know(tmp_path, registry.address)
    registry.realm = f"http://localhost:{registry.server_port}/token"
    with pytest.raises(web.HttpError, match="answered 401"):
        web.read(f"http://{registry.address}/v2/team/base/blobs/sha256:1")
    assert [who for path, who in registry.asked if path == "/token"] == [None]


@pytest.mark.parametrize(
    ("url", "realm", "trusted"),
    [
        ("https://registry.example.org/v2/x", "https://registry.example.org/token", True),
        ("https://registry.example.org/v2/x", "https://auth.example.org/token", True),
        ("https://registry.example.org/v2/x", "http://registry.example.org/token", False),
        ("https://registry.example.org/v2/x", "https://example.com/token", False),
        ("https://registry.org/v2/x", "https://evil.org/token", False),
        ("https://registry.example.org/v2/x", "https://evilexample.org/token", False),
    ],
)
def test_who_may_see_a_password(url, realm, trusted):
    assert bearer._trusted(url, realm) is trusted


@pytest.mark.parametrize("challenge", ["", "Basic realm=x", 'Bearer realm="file:///etc/passwd"', "Bearer"])
def test_other_refusals_are_not_answered(challenge):
    assert bearer.obtain("https://x.example/v2/a/blobs/b", challenge, lambda *_: pytest.fail("asked")) is None


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"token": 5}', b'{"token": "a\\r\\nb"}'])
def test_what_is_no_token_is_none(answer):
    challenge = 'Bearer realm="https://x.example/token"'
    assert bearer.obtain("https://x.example/v2/a/blobs/b", challenge, lambda *_: answer) is None


def test_programs_are_asked_for_passwords(tmp_path, monkeypatch):
    program = tmp_path / "docker-credential-test"
    program.write_text('#!/bin/sh\nread host\necho "{\\"Username\\": \\"u\\", \\"Secret\\": \\"$host\\"}"\n')
    program.chmod(0o755)
    (tmp_path / "auth.json").write_text(json.dumps({"credHelpers": {"x.example": "test"}}))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert bearer.find("https://x.example/v2/a/manifests/1") == ("u", "x.example")
    assert bearer.find("https://x.example/simple/") is None
