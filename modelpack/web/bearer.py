"""Tokens of registries: the answer to ``WWW-Authenticate: Bearer`` (RFC 6750), and who we are there.

Users and passwords come from where engines keep them: ``auth.json`` of podman and skopeo, ``config.json`` of docker,
and the programs that these name.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

_CHALLENGE = re.compile(r'([a-z_]+)="([^"]*)"')
_REPOSITORY = re.compile(r"(https?://[^/]+/v2/.+)/(?:manifests|blobs|tags|referrers)/[^/]+$")
_HELPER_SECONDS = 20.0
_tokens: dict[str, str] = {}


def token(url: str) -> str | None:
    """Give the token that was had before for an address."""
    return _tokens.get(_place(url))


def obtain(url: str, challenge: str, get: Callable[[str, tuple[str, str] | None], bytes]) -> str | None:
    """Ask for a token as a refusal says, and remember it; None when the refusal names no place to ask.

    A user and password go to that place only when it is the registry's own host or a sibling of it, and the way there
    cannot be listened to.

    Args:
        url: the address that refused us.
        challenge: the header ``WWW-Authenticate``.
        get: gives what an address answers to a user and password.
    """
    kind, _, rest = challenge.partition(" ")
    fields = dict(_CHALLENGE.findall(rest))
    realm = fields.pop("realm", "")
    if kind.lower() != "bearer" or urlsplit(realm).scheme not in {"http", "https"}:
        return None
    asked = {key: text for key, text in fields.items() if key in {"service", "scope"}}
    login = find(url) if _trusted(url, realm) else None
    answer = get(f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}", login)
    try:
        found = json.loads(answer)
        text = found.get("token") or found.get("access_token")
    except (ValueError, AttributeError):
        return None
    if not isinstance(text, str) or not re.fullmatch(r"[\x21-\x7e]+", text):
        return None
    _tokens[_place(url)] = text
    return text


def find(url: str) -> tuple[str, str] | None:
    """Give user and password for an address of a registry; those of the longest name that fits."""
    parts = urlsplit(url)
    if not parts.path.startswith("/v2/"):
        return None
    name = _place(url).partition("://")[2].replace("/v2/", "/", 1).removesuffix("/v2")
    while name:
        for data in _files():
            if found := _login(data, name):
                return found
        name = name.rpartition("/")[0]
    return None


def _place(url: str) -> str:
    """Give what a token is good for: a repository."""
    found = _REPOSITORY.match(url)
    return found[1] if found else url


def _trusted(url: str, realm: str) -> bool:
    ours, theirs = urlsplit(url), urlsplit(realm)
    if ours.scheme == "https" and theirs.scheme != "https":
        return False
    if ours.hostname == theirs.hostname:
        return True
    parent = (ours.hostname or "").partition(".")[2]
    return theirs.scheme == "https" and "." in parent and (theirs.hostname or "").endswith(f".{parent}")


def _files() -> Iterator[Mapping[str, Any]]:
    home = Path(os.environ.get("HOME") or "/nonexistent")
    paths = [
        os.environ.get("REGISTRY_AUTH_FILE"),
        f"{os.environ['XDG_RUNTIME_DIR']}/containers/auth.json" if os.environ.get("XDG_RUNTIME_DIR") else None,
        f"{os.environ.get('XDG_CONFIG_HOME') or home / '.config'}/containers/auth.json",
        f"{os.environ.get('DOCKER_CONFIG') or home / '.docker'}/config.json",
    ]
    for path in filter(None, paths):
        try:
            found = json.loads(Path(path).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            yield found


def _login(data: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    auths, helpers = data.get("auths"), data.get("credHelpers")
    entry = auths.get(name) if isinstance(auths, dict) else None
    if isinstance(entry, dict) and isinstance(entry.get("auth"), str):
        try:
            user, colon, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password.rstrip("\0")) if colon else None
    helper = helpers.get(name) if isinstance(helpers, dict) else None
    if "/" not in name:
        helper = helper or data.get("credsStore")
    return _ask(helper, name) if isinstance(helper, str) else None


def _ask(helper: str, name: str) -> tuple[str, str] | None:
    program = shutil.which(f"docker-credential-{helper}") if re.fullmatch(r"[\w.-]+", helper) else None
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "get"], input=name.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=True
        )
        found = json.loads(done.stdout)
        return str(found["Username"]), str(found["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None
