"""A package index on this machine, with the manners and the faults that tests ask for."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from modelpack.web import client as http_client
from modelpack.web import credentials, http

LOGIN = ("ada", "s3cret")


def make_wheel(folder, name, version, *, requires=(), extras=(), python="", tag="py3-none-any", payload=b""):
    """Write a wheel that holds nothing but its metadata, and give its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Requires-Dist: {text}" for text in requires]
    lines += [f"Provides-Extra: {text}" for text in extras]
    path = Path(folder, f"{stem}-{tag}.whl")
    with zipfile.ZipFile(path, "w") as archive:
        info = f"{stem}.dist-info"
        archive.writestr(f"{name.replace('-', '_')}.py", payload or b"")
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n\nText.\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@dataclass
class Index:
    """What the server has, how it behaves, and what it was asked."""

    folder: Path
    port: int = 0
    ranges: bool = True
    metadata: bool = True
    as_json: bool = True
    hashes: bool = True
    login: bool = False
    cut_after: int | None = None
    """Bytes of a file after which the connection is cut, each time."""
    stall: float = 0.0
    """Seconds before each answer."""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the next answers, before it behaves."""
    facts: dict[str, dict[str, object]] = field(default_factory=dict)
    """What its JSON says of files beside the rest, by file name: ``{"yanked": "it is broken"}``."""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/simple"

    @property
    def url_with_login(self):
        return self.url.replace("://", f"://{LOGIN[0]}:{LOGIN[1]}@")

    def file_url(self, path):
        return f"http://127.0.0.1:{self.port}/files/{Path(path).name}"

    def paths(self):
        return [path for _, path, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def do_GET(self):
        index = self.server.index
        index.requests.append((self.command, self.path, dict(self.headers)))
        time.sleep(index.stall)
        if index.answers:
            return self._send(*index.answers.pop(0), b"")
        if index.login and self.headers.get("Authorization") != _basic(*LOGIN):
            return self._send(401, {"WWW-Authenticate": 'Basic realm="index"'}, b"")
        path = unquote(self.path)
        if path.startswith("/simple/"):
            return self._project(path.removeprefix("/simple/").strip("/"))
        if path.startswith("/files/"):
            return self._file(path.removeprefix("/files/"))
        return self._send(404, {}, b"")

    do_HEAD = do_GET  # noqa: N815 - the standard library's name

    def _project(self, name):
        found = [
            p for p in sorted(self.server.index.folder.iterdir()) if p.name.split("-")[0].replace("_", "-") == name
        ]
        if not found:
            return self._send(404, {}, b"")
        if self.server.index.as_json:
            body, kind = _json_page(name, found, self.server.index), "application/vnd.pypi.simple.v1+json"
        else:
            body, kind = _html_page(found, self.server.index), "text/html"
        return self._send(200, {"Content-Type": kind}, body)

    def _file(self, name):
        index = self.server.index
        path = index.folder / name.removesuffix(".metadata")
        if not path.is_file():
            return self._send(404, {}, b"")
        if name.endswith(".metadata"):
            return self._send(200, {}, _metadata(path)) if index.metadata else self._send(404, {}, b"")
        content, status, headers = path.read_bytes(), 200, {}
        wanted = self.headers.get("Range", "")
        if index.ranges and wanted.startswith("bytes="):
            start, stop = _span(wanted, len(content))
            if start >= len(content):
                return self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
            headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
            content, status = content[start:stop], 206
        return self._send(status, {"Accept-Ranges": "bytes" if index.ranges else "none", **headers}, content)

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.server.index.cut_after
        if self.command == "HEAD":
            return
        if cut is not None and len(body) > cut and "/files/" in self.path:
            self.wfile.write(body[:cut])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _span(header, length):
    first, _, last = header.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, length - int(last)), length
    return int(first), min(length, int(last) + 1) if last else length


def _metadata(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))


def _json_page(name, found, index):
    files = []
    for path in found:
        entry = {"filename": path.name, "url": f"../../files/{path.name}", "size": path.stat().st_size}
        entry["hashes"] = {"sha256": sha256(path)} if index.hashes else {}
        if path.suffix == ".whl" and index.metadata:
            entry["core-metadata"] = {"sha256": hashlib.sha256(_metadata(path)).hexdigest()}
        files.append(entry | index.facts.get(path.name, {}))
    return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files}).encode()


def _html_page(found, index):
    anchors = (
        f'<a href="../../files/{path.name}{f"#sha256={sha256(path)}" if index.hashes else ""}">{path.name}</a>'
        for path in found
    )
    return f"<!DOCTYPE html><html><body>{' '.join(anchors)}</body></html>".encode()


@contextmanager
def serving(folder, *, tls=None, **manners):
    """Serve the files of a folder as a package index until the block ends; ``tls`` is an SSLContext."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # clients that lose patience or trust hang up
        server.index = Index(Path(folder), port=server.server_address[1], **manners)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.index
        finally:
            server.shutdown()
            thread.join()


def isolate(monkeypatch, tmp_path):
    """Take away everything this machine says of indexes, and forget what was learnt of other machines."""
    for name in [*os.environ]:
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy") or name == "NETRC":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    # One for all tests: without it uv has to ask Python who it is again and again.
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path.parent / "uv-cache"))
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(http, "WAITS", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(credentials, "_known", {})
    for cached in (credentials._keyring, http_client._pip, http_client._manager):
        cached.cache_clear()


class Notes:
    """Keeps what a stage reports."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def start(self, task, *, total=None, unit="B"):
        pass

    def advance(self, task, amount):
        pass

    def finish(self, task):
        pass
