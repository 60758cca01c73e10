"""Notices, inside the processes of a check, who wants the internet; it changes nothing of what they do.

The check lays this file as ``sitecustomize.py`` into a folder that the program's Pythons search first, beside a
``watch.json`` that says where the notes go and where the user's code lies. Every Python from 3.8 on that the program
starts takes part, workers too. The module of that name which is hidden by it is run as ever.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import types

_NEAR = ("", "localhost", "localhost.localdomain", "0.0.0.0", "::", "::1")  # noqa: S104 - names of this machine


def begin() -> None:
    """Let Python go on as if this file were not there, then listen (PEP 578)."""
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "watch.json"), encoding="utf-8") as stream:
        wanted = json.load(stream)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != folder]
    if hasattr(sys, "addaudithook"):
        listen(wanted["notes"], wanted["code"])
    own = sys.modules.pop("sitecustomize")
    # The one that this file hides, if there is any; Python wants to find one afterwards.
    with contextlib.suppress(ImportError):
        importlib.import_module("sitecustomize")
    sys.modules.setdefault("sitecustomize", own)


def listen(notes: str, code: str | None) -> None:
    """Write a line to ``notes`` for each host outside of this machine that a line of code looks up or connects to."""
    seen = set()

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
            return
        host = arguments[0] if event != "socket.connect" else _host(arguments[1])
        host = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not isinstance(host, str) or host in _NEAR or host.startswith("127.") or host == os.uname().nodename:
            return
        found = {"host": host, **_place(code)}
        key = json.dumps(found, sort_keys=True)
        if key not in seen:
            seen.add(key)
            with open(notes, "a", encoding="utf-8") as stream:
                stream.write(key + "\n")

    sys.addaudithook(heard)


def _host(address: object) -> object:
    """Give the host of an address of the internet; a text, of one of this machine's own sockets, is none."""
    return address[0] if isinstance(address, tuple) and address else ""


def _place(code: str | None) -> dict[str, object]:
    """Say where the user's code is at the moment, and which library it called."""
    frame: types.FrameType | None = sys._getframe(2)  # noqa: SLF001 - the way to look at one's callers
    file: str | None = None
    line: int | None = None
    library: str | None = None
    while frame is not None:
        path = frame.f_code.co_filename
        if library is None and file is None and "/site-packages/" in path:
            library = path.rpartition("/site-packages/")[2].partition("/")[0]
        if file is None and code and os.path.realpath(path).startswith(code + "/"):
            file, line = os.path.realpath(path)[len(code) + 1 :], frame.f_lineno
        frame = frame.f_back
    return {"file": file, "line": line, "library": library}


if __name__ == "sitecustomize":
    begin()
