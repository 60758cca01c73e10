"""Releases of Debian archives: InRelease, verified, and the files it lists by digest, fetched and kept."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import os
import re
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from modelpack.debian import control as debian_control
from modelpack.debian import signature as debian_signature
from modelpack.debian.sources import DEBIAN, Archive
from modelpack.errors import FetchError, ResolveError
from modelpack.lock import Evidence
from modelpack.progress import Progress, Silent

CLOCK_SKEW = timedelta(hours=1)
"""How far a release may lie in the future: clocks differ."""
KEEP = timedelta(days=60)
"""How long a file of the cache that nothing asks for is kept."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    ".xz": lzma.decompress,
    ".gz": gzip.decompress,
    "": lambda data: data,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How archives are reached, and where what was verified is kept."""

    cache: Path
    """Folder for indexes and dates of releases; made when missing, safe to remove."""
    read: Callable[[str], bytes]
    """Gives the content of an address or raises FetchError; called from several threads."""
    progress: Progress = field(default_factory=Silent)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedFile:
    """What a release says of one of its files."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A release whose signature, suite and dates are good."""

    archive: Archive
    evidence: Evidence
    architectures: tuple[str, ...]
    by_hash: bool
    """Whether files are to be had below ``by-hash`` too, where they outlive the next release."""
    lists_all: bool
    """Whether packages of the architecture ``all`` are in the index of every architecture."""
    files: Mapping[str, ListedFile]


def load(archive: Archive, access: Access) -> Release:
    """Read a release and verify it.

    Raises:
        ResolveError: not reached, not signed by the archive's keyring, expired, of the future, of another
            suite, or older than one seen before.
        ToolError: no program that verifies signatures.
    """
    name = f"InRelease of {archive.suite} at {archive.uri}"
    content = _read(f"{archive.uri}/dists/{quote(archive.suite)}/InRelease", name, access)
    signed = debian_signature.verify(content, archive.keyring, name)
    fields = next(debian_control.paragraphs(signed.text), {})
    suites = (fields.get("codename", ""), fields.get("suite", ""))
    if archive.suite not in suites:
        raise ResolveError(
            f"{name} is of another suite: {' or '.join(filter(None, suites)) or 'without a name'}",
            hint="the mirror does not carry this suite, or gives an answer meant for another address",
        )
    evidence = Evidence(
        suite=suites[0] or archive.suite,
        sha256=hashlib.sha256(content).hexdigest(),
        date=_date(fields, "date", name) or "",
        valid_until=_date(fields, "valid-until", name),
        fingerprint=signed.fingerprint,
        source=None if archive.source == DEBIAN else archive.source,
    )
    _check_dates(evidence, archive, name, access.now())
    _check_replay(evidence, archive, name, access.cache)
    return _release(archive, evidence, fields)


def fetch(release: Release, path: str, access: Access) -> bytes:
    """Give a file of the release, unpacked and verified, from the cache when it is there.

    Args:
        release: the release that lists it.
        path: its name without a suffix of compression, such as ``main/binary-amd64/Packages``.
        access: how it is reached.

    Raises:
        ResolveError: not listed, not reached, or not what the release says.
    """
    plain = release.files.get(path)
    if plain and (kept := _kept(access.cache, plain)) is not None:
        return kept
    for suffix, unpack in _UNPACK.items():
        if listed := release.files.get(path + suffix):
            data = _unpacked(unpack, _download(release, path + suffix, listed, access), path, plain)
            if plain:
                _keep(access.cache, plain, data)
            return data
    raise _not_listed(release, path)


def fetch_packed(release: Release, path: str, access: Access) -> bytes:
    """Give a file of the release as it is listed, verified, from the cache when it is there.

    Raises:
        ResolveError: as ``fetch``.
    """
    listed = release.files.get(path)
    if listed is None:
        raise _not_listed(release, path)
    data = _kept(access.cache, listed)
    if data is None:
        data = _download(release, path, listed, access)
        _keep(access.cache, listed, data)
    return data


def _read(url: str, name: str, access: Access) -> bytes:
    try:
        return access.read(url)
    except FetchError as error:
        raise ResolveError(
            f"{name} cannot be read: {error.message}",
            hint=error.hint or "is the suite carried by this mirror, and the mirror reached?",
            details=error.details,
        ) from error


def _date(fields: Mapping[str, str], key: str, name: str) -> str | None:
    if key not in fields:
        return None
    try:
        date = parsedate_to_datetime(fields[key])
    except ValueError as error:
        raise ResolveError(f"{name} has no valid {key}: {fields[key]}") from error
    return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_dates(evidence: Evidence, archive: Archive, name: str, now: datetime) -> None:
    if not evidence.date:
        raise ResolveError(f"{name} has no Date")
    if datetime.fromisoformat(evidence.date) > now + CLOCK_SKEW:
        raise ResolveError(
            f"{name} is of the future: {evidence.date}, now is {now:%Y-%m-%dT%H:%M:%SZ}",
            hint="set this machine's clock",
        )
    expired = evidence.valid_until is not None and datetime.fromisoformat(evidence.valid_until) < now
    if expired and archive.check_valid_until:
        raise ResolveError(
            f"{name} has expired: made {evidence.date}, valid until {evidence.valid_until}, "
            f"now is {now:%Y-%m-%dT%H:%M:%SZ}",
            hint="the mirror is stale: use another; for a snapshot, set check_valid_until = false in its "
            "[[debian.archives]], or Check-Valid-Until: no in apt's files",
        )


def _check_replay(evidence: Evidence, archive: Archive, name: str, cache: Path) -> None:
    """Refuse a release older than one that this machine has seen, which has known faults mended."""
    identity = hashlib.sha256(f"{archive.uri} {archive.suite}".encode()).hexdigest()
    seen = cache / f"{identity[:32]}.date"
    last = seen.read_text(encoding="ascii") if seen.exists() else ""
    if evidence.date < last:
        raise ResolveError(
            f"{name} is older than one seen before: {evidence.date}, before {last}",
            hint=f"the mirror is behind: try again later; if it was put back on purpose, remove {seen}",
        )
    if evidence.date > last:
        _write(seen, evidence.date.encode())


def _release(archive: Archive, evidence: Evidence, fields: Mapping[str, str]) -> Release:
    architectures = tuple(fields.get("architectures", "").split())
    separate = "all" in architectures and "Packages" not in fields.get("no-support-for-architecture-all", "")
    return Release(
        archive=archive,
        evidence=evidence,
        architectures=architectures,
        by_hash=fields.get("acquire-by-hash", "") == "yes",
        lists_all=not separate,
        files=dict(_listed(fields.get("sha256", ""))),
    )


def _listed(text: str) -> Iterator[tuple[str, ListedFile]]:
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and _SHA256.fullmatch(words[0]) and words[1].isdigit():
            yield words[2], ListedFile(sha256=words[0], size=int(words[1]))


def _download(release: Release, path: str, listed: ListedFile, access: Access) -> bytes:
    """Try the address by hash first: the plain one changes at the moment of the next release."""
    root = f"{release.archive.uri}/dists/{quote(release.archive.suite)}"
    by_hash = f"{PurePosixPath(path).parent}/by-hash/SHA256/{listed.sha256}"
    name = f"{path} of {release.archive.suite} at {release.archive.uri}"
    failure = None
    for address in (by_hash, path) if release.by_hash else (path,):
        try:
            data = _read(f"{root}/{quote(address)}", name, access)
        except ResolveError as error:
            failure = failure or error
            continue
        if _matches(data, listed):
            return data
        failure = ResolveError(
            f"{name} is not what its signed release lists: {len(data)} bytes, "
            f"sha256 {hashlib.sha256(data).hexdigest()}",
            hint="the mirror is being updated, or changes files: try again, or use another",
            details=(f"listed: {listed.size} bytes, sha256 {listed.sha256}",),
        )
    raise failure or _not_listed(release, path)


def _unpacked(unpack: Callable[[bytes], bytes], packed: bytes, path: str, plain: ListedFile | None) -> bytes:
    try:
        data = unpack(packed)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise ResolveError(f"{path} cannot be unpacked: {error}") from error
    if plain and not _matches(data, plain):
        raise ResolveError(f"{path}, once unpacked, is not what its signed release lists")
    return data


def _matches(data: bytes, listed: ListedFile) -> bool:
    return len(data) == listed.size and hashlib.sha256(data).hexdigest() == listed.sha256


def _not_listed(release: Release, path: str) -> ResolveError:
    return ResolveError(
        f"{release.archive.suite} at {release.archive.uri} has no {path}",
        hint=f"its architectures are: {', '.join(release.architectures)}",
    )


def _kept(cache: Path, listed: ListedFile) -> bytes | None:
    """Give a file of the cache, verified again: a damaged one is as good as none."""
    path = cache / listed.sha256
    try:
        data = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    return data if _matches(data, listed) else None


def _keep(cache: Path, listed: ListedFile, data: bytes) -> None:
    _write(cache / listed.sha256, data)
    oldest = time.time() - KEEP.total_seconds()
    for path in cache.iterdir():
        # Another process may do the same at this moment.
        with contextlib.suppress(FileNotFoundError):
            if _SHA256.fullmatch(path.name) and path.stat().st_mtime < oldest:
                path.unlink()


def _write(path: Path, data: bytes) -> None:
    """Write a file of the cache as a whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            new = Path(folder, "content")
            new.write_bytes(data)
            new.replace(path)
    except OSError as error:
        raise ResolveError(f"{path} cannot be written: {error.strerror}") from error
