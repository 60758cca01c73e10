"""Serves a package on this machine, from the same closure that was checked and that images carry."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from modelpack import emulation
from modelpack.builders.layer import Links
from modelpack.errors import CheckError, ToolError
from modelpack.lock import Lock
from modelpack.records import Built
from modelpack.store.nix import Nix

_POLL = 0.05  # seconds
_GRACE = 10  # seconds that processes have to end, once the first of them has


def serve(lock: Lock, built: Built, nix: Nix, *, port: int | None = None) -> int:
    """Start the server, say on standard error when it is ready, and serve until it is stopped; gives its exit code.

    Raises:
        CheckError: it ended before it was ready.
        ToolError: this machine cannot start it or cannot show the store to it, or the port is taken.
    """
    emulation.require(lock)
    port, routes = port or lock.server.port, lock.server.routes
    if port is None:
        raise ToolError(f"{lock.server.name} is a job", hint="write --input DIR --output DIR")
    _require_free(port)
    with tempfile.TemporaryDirectory(prefix="modelpack-") as folder:
        # Its processes have ended, and its mounts with them, before the folder goes.
        seen = _viewed(built, nix, Path(folder))
        command = [*nix.enter(built.store_path), *seen.words, f"{built.store_path}/bin/serve"]
        variables = {**seen.variables, "MODELPACK_PORT": str(port)}
        server = _Server(command, variables, getattr(signal, lock.server.stop_signal))
        return _serve(server, port, routes)


def run_job(lock: Lock, built: Built, nix: Nix, source: Path, target: Path) -> int:
    """Run a package that is a job on a file or folder; gives its exit code.

    Raises:
        ToolError: it is a server, there is nothing to read or no folder to write to, or as ``serve``.
    """
    emulation.require(lock)
    if not lock.server.job:
        raise ToolError(
            f"{lock.server.name} is a server, which takes no folders", hint="leave --input and --output out"
        )
    if not source.exists():
        raise ToolError(f"no such file or folder: {source}")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(f"not a folder that can be written: {target}: {error.strerror}") from error
    places = {"/mnt/input": str(source.absolute()), "/mnt/output": str(target.absolute())}
    with tempfile.TemporaryDirectory(prefix="modelpack-") as folder:
        seen = _viewed(built, nix, Path(folder), places)
        words = tuple(places) if seen.words else tuple(places.values())
        command = [*nix.enter(built.store_path), *seen.words, f"{built.store_path}/bin/serve", *words]
        job = _Server(command, seen.variables, getattr(signal, lock.server.stop_signal))
        try:
            code = job.process.wait()
        finally:
            job.end()
    return code if code >= 0 else 128 - code


def _serve(server: _Server, port: int, routes: Mapping[str, str]) -> int:
    try:
        if server.wait_until_ready(port, routes["readiness"]):
            print(f"ready: http://127.0.0.1:{port}{routes['scoring']}", file=sys.stderr, flush=True)
        code = server.process.wait()
        if code and not server.stopping:
            raise CheckError(f"the server stopped by itself, with {_ended(code)}")
    finally:
        server.end()
    return code if code >= 0 else 128 - code


@dataclass(frozen=True, kw_only=True, slots=True)
class _View:
    """How a server is shown the image's root file system; nothing when it sees this machine's."""

    words: tuple[str, ...] = ()
    """Before the command."""
    variables: Mapping[str, str] = field(default_factory=dict)


def _viewed(built: Built, nix: Nix, folder: Path, places: Mapping[str, str] | None = None) -> _View:
    """Give how to start a server, with what it takes written into a folder; ``places`` are shown to it too.

    Raises:
        ToolError: this machine gives no namespaces.
    """
    from modelpack.delivery.image import open_image  # noqa: PLC0415 - most commands need none

    layers = open_image(built.image_path, nix.store or "/").layers
    skeleton = next((layer.skeleton for layer in layers if layer.skeleton), None)
    links = next((layer.links for layer in layers if layer.links), None)
    if skeleton is None or (links is None and skeleton.tree is None):
        return _View()
    from modelpack.builders import view  # noqa: PLC0415 - for such servers alone

    if view.needs_user() is None:
        raise ToolError(view.OBSTACLE, hint="allow namespaces of users here, or run the exported image")
    plan = {
        "skeleton": asdict(skeleton),
        "links": asdict(links or Links(links={}, tree=skeleton.tree)),
        "tree": skeleton.tree,
        "store": list(nix.closure(built.store_path)) if skeleton.tree else None,
        "places": places,
    }
    (folder / "root").mkdir()
    folder.chmod(0o755)
    (folder / "view.json").write_text(json.dumps(plan), encoding="utf-8")
    words = (sys.executable, "-P", "-m", view.__name__, str(folder / "view.json"), str(folder / "root"))
    sources = str(Path(__file__).parent.parent)
    variables = {"PYTHONPATH": sources, "HOME": view.home(skeleton.user), "TMPDIR": "/tmp"}  # noqa: S108 - its own
    return _View(words=words, variables=variables)


class _Server:
    """The server's processes: a group of their own, so that a signal from anywhere stops all of them."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], stop_signal: signal.Signals) -> None:
        self.stopping = False
        self._stop_signal = stop_signal
        try:
            self.process = subprocess.Popen(
                command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise ToolError(f"cannot start {command[0]}: {error.strerror}") from error
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ask it to stop; a second time, make it."""
        self._signal(signal.SIGKILL if self.stopping else self._stop_signal)
        self.stopping = True

    def _signal(self, number: int) -> bool:
        """Send a signal to all of its processes; say whether there are any."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
            return True
        return False

    def wait_until_ready(self, port: int, route: str) -> bool:
        """Wait until it answers; False when it was stopped before.

        Raises:
            CheckError: it ended by itself.
        """
        while True:
            code = self.process.poll()
            if self.stopping:
                return False
            if code is not None:
                raise CheckError(f"the server stopped before it was ready, with {_ended(code)}")
            if _answers(port, route):
                return True
            time.sleep(_POLL)

    def end(self) -> None:
        """Leave no process behind."""
        if not self.stopping:
            self._signal(self._stop_signal)
        deadline = time.monotonic() + _GRACE
        while self._signal(0) and time.monotonic() < deadline:
            self.process.poll()
            time.sleep(_POLL)
        self._signal(signal.SIGKILL)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ToolError(
                f"port {port} cannot be used: {error.strerror}", hint="choose another with --port"
            ) from error


def _answers(port: int, route: str) -> bool:
    # Not urllib, which would ask a proxy of the environment's.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", route)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
