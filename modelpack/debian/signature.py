"""Verify a clear-signed text (RFC 4880, section 7) with gpgv or sqv, and give what the signature covers."""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelpack.errors import ResolveError, ToolError

DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TRUSTED = Path("/etc/apt/trusted.gpg.d")
"""Where the same keys are when that file is missing, as in small images."""

_MESSAGE = re.compile(
    rb"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Za-z]+: [^\n]*\n)*\n"
    rb"(?P<text>(?:(?!-)[^\n]*\n|- [^\n]*\n)*)"
    rb"(?P<signature>-----BEGIN PGP SIGNATURE-----\n(?:(?!-)[^\n]*\n)*-----END PGP SIGNATURE-----)\s*"
)
_ARMOR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:[A-Za-z]+: [^\n]*\n)*\s*\n"
    r"(?P<data>[A-Za-z0-9+/=\s]*?)(?:\n=[A-Za-z0-9+/]{4})?\s*-----END PGP PUBLIC KEY BLOCK-----"
)
_REASONS = {"EXPKEYSIG": "the key has expired", "REVKEYSIG": "the key is revoked", "EXPSIG": "it has expired"}
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}!?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """A text whose signature is good."""

    text: str
    """Nothing but what the signature covers."""
    fingerprint: str
    """Of the primary key of a good signature; when several keys made one, the first in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Keyring:
    files: tuple[Path, ...]
    fingerprints: frozenset[str]
    """Keys of the files that may sign; empty means all."""


def verify(content: bytes, keyring: str | None, name: str) -> Signed:
    """Check a clear-signed text.

    Args:
        content: the signed message and nothing else, as an InRelease file.
        keyring: as Signed-By of sources.list(5): files, fingerprints, or an armored key; None means Debian's.
        name: what the text is, for messages.

    Raises:
        ResolveError: not signed, not by a key of the keyring, changed since, or no keyring.
        ToolError: neither gpgv nor sqv is there.
    """
    text, signature = _split(content, name)
    with tempfile.TemporaryDirectory(prefix="modelpack-signature-") as folder:
        keys = _open_keyring(keyring, Path(folder))
        paths = Path(folder, "signature"), Path(folder, "text")
        for path, data in zip(paths, (signature, text), strict=True):
            path.write_bytes(data)
        good, said = _run(keys.files, *paths)
    if keys.fingerprints:
        good &= keys.fingerprints
    if not good:
        raise ResolveError(
            f"the signature of {name} is not good",
            hint="name the keyring with its key: keyring in [[debian.archives]], or Signed-By in apt's files",
            details=said,
        )
    return Signed(text=text.decode("utf-8", errors="replace"), fingerprint=min(good))


def _split(content: bytes, name: str) -> tuple[bytes, bytes]:
    """Give the text in the form that is signed, and the signature; nothing may stand around them."""
    match = _MESSAGE.fullmatch(content.replace(b"\r\n", b"\n"))
    if match is None:
        raise ResolveError(
            f"{name} is not a signed text",
            hint="the mirror, or a proxy before it, gives something else; see what it answers",
        )
    lines = (line.removeprefix(b"- ").rstrip(b" \t") for line in match["text"].split(b"\n")[:-1])
    return b"\n".join(lines), match["signature"] + b"\n"


def _open_keyring(keyring: str | None, folder: Path) -> _Keyring:
    """Give binary keyrings; armored ones are written to ``folder``."""
    if keyring and "-----BEGIN" in keyring:
        path = folder / "inline.gpg"
        path.write_bytes(_dearmor(keyring, "the key given in place of a keyring"))
        return _Keyring(files=(path,), fingerprints=frozenset())
    words = (keyring or "").replace(",", " ").split()
    fingerprints = frozenset(word.rstrip("!").upper() for word in words if _FINGERPRINT.fullmatch(word))
    files = [Path(word) for word in words if not _FINGERPRINT.fullmatch(word)] or _default_keyrings()
    return _Keyring(files=tuple(_binary(files, folder)), fingerprints=fingerprints)


def _default_keyrings() -> list[Path]:
    if DEBIAN_KEYRING.exists():
        return [DEBIAN_KEYRING]
    found = sorted(TRUSTED.glob("debian-archive-*"))
    if not found:
        raise ResolveError(
            f"the keyring of the Debian archive is missing: {DEBIAN_KEYRING}",
            hint="install the package debian-archive-keyring, or name a keyring in [[debian.archives]]",
        )
    return found


def _binary(files: Sequence[Path], folder: Path) -> Iterator[Path]:
    for number, path in enumerate(files):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ResolveError(f"the keyring {path} cannot be read: {error.strerror}") from error
        if not data.startswith(b"-----BEGIN"):
            yield path.absolute()
            continue
        target = folder / f"{number}.gpg"
        target.write_bytes(_dearmor(data.decode("ascii", errors="replace"), str(path)))
        yield target


def _dearmor(text: str, name: str) -> bytes:
    """Decode every armored key of a text (RFC 4880, section 6.2)."""
    blocks = [match["data"] for match in _ARMOR.finditer(text.strip().replace("\r\n", "\n"))]
    try:
        keys = b"".join(base64.b64decode("".join(block.split()), validate=True) for block in blocks)
    except binascii.Error:
        keys = b""
    if not keys:
        raise ResolveError(f"{name} holds no armored OpenPGP key")
    return keys


def _run(keyrings: Sequence[Path], signature: Path, text: Path) -> tuple[set[str], tuple[str, ...]]:
    """Give the primary fingerprints of the keys that made a good signature, and what the program said."""
    options = [word for path in keyrings for word in ("--keyring", str(path))]
    if gpgv := shutil.which("gpgv"):
        # SHA-1 and RIPEMD-160 are broken for signatures; apt does not accept them either.
        weak = ["--weak-digest", "SHA1", "--weak-digest", "RIPEMD160"]
        home = ["--homedir", str(signature.parent)]
        result = _call([gpgv, *home, "--status-fd", "1", *weak, *options, str(signature), str(text)])
        return _gpgv_good(result.stdout), (*result.stderr.splitlines(), *_gpgv_reasons(result.stdout))
    if sqv := shutil.which("sqv"):
        result = _call([sqv, "--verbose", *options, str(signature), str(text)])
        good = set(result.stdout.split()) if result.returncode == 0 else set()
        return good, tuple(result.stderr.splitlines())
    raise ToolError(
        "no program to verify the signature of the Debian archive: gpgv and sqv are missing",
        hint="install the package gpgv (or sqv)",
    )


def _call(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {"LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, capture_output=True, check=False, text=True, errors="replace", timeout=60, env=environment
    )


def _gpgv_good(status: str) -> set[str]:
    """Read gpgv's status lines: VALIDSIG ends with the primary key; it counts after GOODSIG alone.

    A signature of an expired or revoked key has EXPKEYSIG or REVKEYSIG in place of GOODSIG.
    """
    good: set[str] = set()
    current = ""
    for line in status.splitlines():
        words = line.split()[1:]
        if words[:1] == ["NEWSIG"] or (words and words[0].endswith("SIG") and words[0] != "VALIDSIG"):
            current = words[0]
        elif words[:1] == ["VALIDSIG"] and current == "GOODSIG":
            good.add(words[-1])
    return good


def _gpgv_reasons(status: str) -> Iterator[str]:
    """Say what gpgv's messages for people do not: why a good signature does not count."""
    for line in status.splitlines():
        words = line.split()[1:]
        if words and words[0] in _REASONS:
            yield f"{_REASONS[words[0]]}: {' '.join(words[1:])}"
