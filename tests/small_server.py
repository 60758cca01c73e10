"""Projects with a server of a few lines, on Python's own library alone, which are built for real within seconds."""

from __future__ import annotations

import re

from real_project import run
from static_check import write

SERVE = """\
import http.server
import os


def serve(score, *, address="0.0.0.0", port=os.environ["MODELPACK_PORT"], after=lambda: None):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(200, b"")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                self.answer(200, score(body))
            except Exception as error:
                self.answer(500, f"{type(error).__name__}: {error}".encode())
            after()

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
"""
ECHO = """\
from serve import serve

serve(lambda body: body)
"""
SERVER = {
    "name": "custom",
    "command": ["python3", "@code@/app.py"],
    "port": 8000,
    "routes": {"readiness": "/ready", "scoring": "/score"},
}


def make(folder, app=ECHO, *, files=None, **spec):
    """Write a project whose server runs ``app``; its sample request is ``[1]``, and so is the expected response."""
    check = {"request": "request.json", "response": "response.json", "timeout": 20}
    spec = {"name": "small", "model": "./model", "code": "./src", "server": SERVER, "check": check, **spec}
    own = {"model/weights.json": [2], "src/serve.py": SERVE, "src/app.py": app, "modelpack.yaml": spec}
    write(folder, {**own, "request.json": [1], "response.json": [1], **(files or {})})
    return folder


def report(folder, cache, **variables):
    """Build it; give the exit code and what is said, without what differs from one release of Debian to the next."""
    code, out, err = run("build", cwd=folder, cache=cache, **variables)
    text = re.sub(r"/nix/store/[a-z0-9]{32}-", "/nix/store/", f"exit code {code}\n{out if code else ''}{err}")
    frames = r'^ +File "/nix/store/(?:base-|environment/).*\n(?:      +(?!File).*\n)*'
    return re.sub(r" +$", "", re.sub(frames, "", text, flags=re.MULTILINE), flags=re.MULTILINE)
