"""Requirements that are addresses: a wheel or a source archive, by the digest that stands beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urldefrag, urlsplit

from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.requirements import ARCHIVES, distribution
from modelpack.loading.yamlfile import Fault, quote
from modelpack.spec import Remote, Requirement, Source

_ADDRESSED = re.compile(
    r"(?:(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*)?(?P<url>https?://[^\s/]+/\S+)"
)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressed:
    """A requirement that is an address, taken apart."""

    name: str | None
    """Before ``@``, or else as the address itself says."""
    extras: str
    marker: str
    url: str
    """Without what stands behind ``#``."""
    filename: str
    sha256: str | None
    """Behind ``#``."""
    folder: str | None
    """``#subdirectory=``."""


def take_apart(text: str) -> Addressed | None:
    """Split ``NAME[extras] @ https://.../FILE#sha256=HEX ; marker``; None when it is something else."""
    head, _, marker = text.partition(" ;")
    match = _ADDRESSED.fullmatch(head.strip())
    if match is None:
        return None
    url, fragment = urldefrag(match["url"])
    said = {key: values[-1] for key, values in parse_qs(fragment).items()}
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    return Addressed(
        name=match["name"] or said.get("egg") or _name_of(filename),
        extras=match["extras"] or "",
        marker=marker.strip(),
        url=url,
        filename=filename,
        sha256=said.get("sha256"),
        folder=said.get("subdirectory"),
    )


def require_address(
    line: Line, written: Addressed, hashes: Sequence[str], origin: str, found: Dependencies
) -> Requirement | None:
    """Give the requirement that an address means; None when something is wrong with it, which is then found.

    Args:
        line: what was written.
        written: that, taken apart.
        hashes: ``sha256:HEX``, of options behind it.
        origin: where it was written, for the lock.
        found: takes what is wrong.
    """
    digests = {digest.removeprefix("sha256:").lower() for digest in (written.sha256, *hashes) if digest}
    if fault := _judge(written, digests):
        found.add(line, *fault)
        return None
    remote = Remote(url=written.url, sha256=digests.pop())
    marker = f" ; {written.marker}" if written.marker else ""
    return Requirement(
        text=f"{written.name}{written.extras}{marker}",
        origin=origin,
        source=Source(path=Path(written.filename), key=origin, remote=remote),
    )


def _judge(written: Addressed, digests: set[str]) -> Fault | None:
    from modelpack.web.credentials import redact  # noqa: PLC0415 - not for requirements of other kinds

    shown, name = quote(redact(written.url)), quote(written.filename)[1:-1]
    if not written.filename.lower().endswith(ARCHIVES):
        return f"an address of neither a wheel nor a source archive: {shown}", None
    if written.folder:
        return f"a project in a folder of an archive: {shown}", "unpack it, and require the folder"
    if not digests:
        hint = f"write {name}#sha256=... with its digest, or download it and require the file: ./{name}"
        return f"names an address without a digest: {shown}", hint
    if len(digests) > 1 or not _SHA256.fullmatch(next(iter(digests))):
        return f"expected one sha256 of 64 hexadecimal digits, found {', '.join(sorted(digests))}", None
    if written.name is None:
        return f"an address that does not tell the name of the distribution: {shown}", "write NAME @ before it"
    return _judge_wheel(written, name) if written.filename.endswith(".whl") else None


def _judge_wheel(written: Addressed, name: str) -> Fault | None:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename  # noqa: PLC0415 - costs start-up time

    try:
        known, *_ = parse_wheel_filename(written.filename)
    except InvalidWheelFilename:
        return f"not the name of a wheel: {name}", "name the address that ends in the wheel's own name"
    if known != distribution(written.name or ""):
        return f"the wheel is of {known}, not of {written.name}: {name}", f"write {known} @ and the address"
    return None


def _name_of(filename: str) -> str | None:
    if filename.endswith(".whl"):
        return filename.partition("-")[0].replace("_", "-")
    match = re.fullmatch(r"([A-Za-z0-9][\w.-]*?)-[0-9][^-]*?\.(?:tar\.\w+|zip|tgz)", filename)
    return match[1] if match else None
