"""Builds real packages, as users do: by the command line, in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from modelpack.store.artifacts import artifacts

CHECKOUT = Path(__file__).resolve().parent.parent
STARTER = CHECKOUT / "templates" / "sklearn-azureml"
MODELPACK = (sys.executable, "-m", "modelpack")
SAME = ("name", "version", "store_path", "image_digest", "lock_digest", "checked", "hermetic", "closure_bytes")
"""What of ``build --json`` follows from the lock."""


@dataclass(frozen=True)
class Demo:
    folder: Path
    """Copy it before changing anything in it."""
    cache: Path
    built: dict[str, object]

    def copy(self, folder):
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("result"))
        return folder

    def same(self, built):
        return {key: built[key] for key in SAME} == {key: self.built[key] for key in SAME}


def environment(cache, **more):
    """Give the variables of a process that finds this checkout and keeps its cache apart."""
    return os.environ | {"PYTHONPATH": str(CHECKOUT), "MODELPACK_CACHE": str(cache)} | more


def run(*arguments, cwd, cache, umask=-1, **variables):
    """Run the command line; give its exit code, standard output and standard error."""
    command = [*MODELPACK, *map(str, arguments)]
    variables = environment(cache, **variables)
    done = subprocess.run(command, cwd=cwd, env=variables, umask=umask, check=False, capture_output=True, text=True)
    assert "Traceback (most recent call last):\n  File" not in done.stderr or done.returncode == 9, done.stderr
    return done.returncode, done.stdout, said(done.stderr)


def said(text):
    """Leave out the notes on the starter's pickle and on indexes that are not there, which commands begin with."""
    return re.sub(r"^note MP(?:503|216): .*\n(?:    .*\n)*", "", text, flags=re.MULTILINE)


def build(folder, cache, *arguments, **variables):
    """Build what has to succeed; give what ``--json`` says."""
    code, out, err = run("build", "--json", *arguments, cwd=folder, cache=cache, **variables)
    assert code == 0, err
    return json.loads(out)


def build_demo(work):
    folder = Path(shutil.copytree(STARTER, work / "demo"))
    cache = work / "cache"
    code, out, err = run("build", "--json", cwd=folder, cache=cache)
    if code == 8:  # the committed lock names packages that mirrors have dropped
        assert run("lock", "--upgrade", cwd=folder, cache=cache)[0] == 0
        code, out, err = run("build", "--json", cwd=folder, cache=cache)
    assert code == 0, err
    return Demo(folder=folder, cache=cache, built=json.loads(out))


def nix(*command):
    """Run a command of Nix; give its words."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def link_farm(lock, folder):
    """Give a source, without network, of what a lock names: the machine's store by sha256."""
    (folder / "sha256").mkdir(parents=True)
    for artifact in artifacts(lock):
        (folder / "sha256" / artifact.sha256).symlink_to(artifact.store_path)
    return folder.as_uri()


def works_in(place, program=""):
    """Tell whether a process has a path among its arguments; ``program`` narrows it to those of a name."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if program in words[0] and any(str(place) in word for word in words):
                return True
    return False


def wait_until(condition, *, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(folder, cache, port, *arguments, **variables):
    """Start ``modelpack run``; give the process and what it said when it was ready."""
    command = [*MODELPACK, "run", *arguments, "--port", str(port)]
    variables = environment(cache, **variables)
    process = subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("ready: "):
            return process, line
    raise AssertionError(process.wait())


def takes_connections(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(folder, port, request="sample-request.json"):
    """Give the answer to a project's sample request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = (folder / request).read_bytes()
    try:
        connection.request("POST", "/score", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
