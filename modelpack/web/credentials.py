"""User names and passwords for hosts, from addresses, netrc and ``keyring``; kept out of messages."""

from __future__ import annotations

import functools
import netrc
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

_USERINFO = re.compile(r"(://)[^/\s'\"]+@")
_QUERY = re.compile(r"(https?://[^\s?#'\"<>]++)\?[^\s'\"<>)]+")
_known: dict[str, tuple[str, str]] = {}

KEYRING_SECONDS = 20.0


def redact(text: str) -> str:
    """Take credentials out of every address in ``text``: what stands before ``@``, and query strings."""
    return _QUERY.sub(r"\1?***", _USERINFO.sub(r"\1***@", text))


def split(url: str) -> tuple[str, tuple[str, str] | None]:
    """Give the address without ``user:password@``, and these two; None when it carries none."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, None
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def remember(url: str) -> str:
    """Keep the credentials of ``url`` for its host (an index names files of its own host without them).

    Returns:
        The address without them.
    """
    bare, found = split(url)
    if found and found[1]:
        _known[_host(urlsplit(bare))] = found
    return bare


def keep(url: str, user: str, password: str) -> None:
    """Keep a user and password for the host of ``url``."""
    _known[_host(urlsplit(split(url)[0]))] = (user, password)


def find(url: str) -> tuple[str, str] | None:
    """Give user and password for an address: its own, remembered ones of its host, then netrc's."""
    bare, found = split(url)
    if found and found[1]:
        return found
    parts = urlsplit(bare)
    return _known.get(_host(parts)) or _from_netrc(parts.hostname or "", found[0] if found else None)


def ask_keyring(url: str) -> tuple[str, str] | None:
    """Ask the ``keyring`` command, when there is one, for an address that refused us; remember its answer."""
    bare, found = split(url)
    parts = urlsplit(bare)
    for service in (bare, parts.netloc):
        answer = _keyring(service, found[0] if found else "")
        if answer:
            _known[_host(parts)] = answer
            return answer
    return None


def _host(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _from_netrc(host: str, user: str | None) -> tuple[str, str] | None:
    for path in _netrc_paths():
        try:
            entry = netrc.netrc(str(path)).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            continue
        if entry and (user is None or entry[0] == user):
            return entry[0], entry[2] or ""
    return None


def _netrc_paths() -> tuple[Path, ...]:
    named = os.environ.get("NETRC")
    return (Path(named),) if named else (Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser())


@functools.cache
def _keyring(service: str, user: str) -> tuple[str, str] | None:
    program = shutil.which("keyring")
    if program is None:
        return None
    words = ["get", service, user] if user else ["--mode", "creds", "get", service]
    try:
        answer = subprocess.run(
            [program, *words],
            capture_output=True,
            text=True,
            timeout=KEYRING_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.splitlines()
    if answer.returncode != 0 or not lines:
        return None
    if user:
        return user, lines[0]
    return (lines[0], lines[1]) if len(lines) > 1 else None
