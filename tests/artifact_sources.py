"""What fetching needs to be tested: a server, a Nix store of its own, packages, and locks of them."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path

from modelpack.lock import Deb, DebianBase, DebSet, Digests, Lock, LockedImage, Python, Server, Wheel
from modelpack.progress import Silent


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Site:
    """Files by path, how they are served, and what was asked."""

    def __init__(self):
        self.files = {}
        self.cut_after = None
        """Bytes after which a connection is cut."""
        self.pause = threading.Event()
        """Set unless the server shall hold every answer after its first bytes."""
        self.pause.set()
        self.asked = []
        self.url = ""

    def put(self, path, content):
        self.files[path] = content
        return f"{self.url}{path}"


@contextmanager
def serving():
    site = Site()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.site = site
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.pause.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server.site
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        site.asked.append((self.path, start))
        content = site.files.get(self.path)
        if content is None:
            return self.send_error(404)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if site.cut_after is not None:
            body = body[: site.cut_after]
        try:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            site.pause.wait()
            self.wfile.write(body[len(body) // 2 :])
        except OSError:
            return None
        return None

    def log_message(self, *_):
        pass


class Recorder:
    """A store, and what was asked of it."""

    def __init__(self, store):
        self.store = store
        self.flat = []
        self.trees = []

    def missing(self, paths):
        return self.store.missing(paths)

    def add_flat(self, files):
        self.flat.append([name for name, _ in files])
        return self.store.add_flat(files)

    def add_tree(self, folder):
        self.trees.append(folder.name)
        return self.store.add_tree(folder)


class Counting(Silent):
    def __init__(self):
        self.total = None
        self.count = 0
        self.notes = []
        self.lock = threading.Lock()

    def note(self, text):
        self.notes.append(text)

    def start(self, _, *, total=None, **__):
        self.total = total

    def advance(self, _, amount):
        with self.lock:
            self.count += amount


def make_deb(path="./bin/busybox", content=b"#!static\n"):
    """Give a Debian package that holds one file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
    members = (("debian-binary", b"2.0\n"), ("control.tar.xz", b""), ("data.tar.xz", data.getvalue()))
    package = b"!<arch>\n"
    for name, body in members:
        package += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
        )
    return package


def wheel(name, content):
    filename = f"{name}-1-py3-none-any.whl"
    return Wheel(name=name, version="1", filename=filename, sha256=sha256(content), size=len(content), source="pypi")


def deb(name, content):
    filename = f"{name}_1+b1_amd64.deb"
    return Deb(
        name=name,
        version="1+b1",
        architecture="amd64",
        filename=filename,
        path=f"pool/main/{name[0]}/{name}/{filename}",
        sha256=sha256(content),
        size=len(content),
        source="debian",
    )


def make_lock(*, seed, seed_nar_sha256, wheels=(), target=(), tools=(), trees=None):
    return Lock(
        version=1,
        name="example",
        package_version="1",
        description=None,
        platform="linux/amd64",
        build_system="x86_64-linux",
        digests=Digests(python="", base=""),
        environment_variables={},
        server=Server(name="custom", command=(), environment={}, port=1, routes={}, stop_signal="SIGTERM"),
        check=None,
        image=LockedImage(user="1:1", labels={}, compression="zstd"),
        trees=trees or {},
        python=Python(version="3.11", requirements=(), wheels=tuple(wheels)),
        base=DebianBase(
            suite="bookworm",
            glibc="2.36",
            evidence=(),
            target=DebSet(architecture="amd64", requested=(), packages=tuple(target)),
            tools=DebSet(architecture="amd64", requested=(), packages=tuple(tools)),
            seed=seed,
            seed_nar_sha256=seed_nar_sha256,
        ),
    )


def write(path, content):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
