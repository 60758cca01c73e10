"""Serves a package on this machine, from the same closure that was checked and that images carry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import FrameType

from modelpack.errors import CheckError, ToolError
from modelpack.lock import Lock
from modelpack.nix import Nix
from modelpack.records import Built

_POLL = 0.05  # seconds


def serve(lock: Lock, built: Built, nix: Nix, *, port: int | None = None) -> int:
    """Start the server, say on standard error when it is ready, and serve until it is stopped; gives its exit code.

    Raises:
        CheckError: it ended before it was ready.
        ToolError: this machine cannot show the store to it.
    """
    port = port or lock.server.port
    command = [*nix.enter(), f"{built.store_path}/bin/serve"]
    environment = {**os.environ, "MODELPACK_PORT": str(port)}
    try:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise ToolError(f"cannot start {command[0]}: {error.strerror}") from error

    def forward(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    try:
        _wait(process, f"http://127.0.0.1:{port}{lock.server.routes['readiness']}")
        print(f"ready: http://127.0.0.1:{port}{lock.server.routes['scoring']}", file=sys.stderr, flush=True)
        code = process.wait()
    except KeyboardInterrupt:
        # The terminal has sent the same signal to the server; it ends by itself.
        code = process.wait()
    return code if code >= 0 else 128 - code


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    while True:
        code = process.poll()
        if code is not None:
            raise CheckError(f"the server stopped before it was ready, with exit code {code}")
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own server
                if answer.status == 200:
                    return
        except (OSError, urllib.error.HTTPError):
            time.sleep(_POLL)
