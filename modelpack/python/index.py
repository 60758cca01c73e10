"""Where wheels and source archives are: addresses by name and sha256, in the indexes the machine is configured for."""

from __future__ import annotations

import contextlib
import hashlib
import html.parser
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urldefrag, urljoin, urlsplit

from packaging.utils import canonicalize_name

from modelpack.errors import FetchError
from modelpack.lock import Wheel
from modelpack.parallel import Stop, run
from modelpack.python import index_settings, uv_tool
from modelpack.python.scope import Scope
from modelpack.spec import IndexAddress, Indexes
from modelpack.web import credentials, http

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_WORKERS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexFile:
    """A file that an index offers."""

    filename: str
    url: str
    sha256: str | None
    """None when the index does not say."""
    requires_python: str = ""
    """Empty when it does not say, or there is no limit."""
    uploaded: str = ""
    """When, as ISO 8601 in UTC; empty when the index does not say."""
    yanked: str | None = None
    """Why the file was withdrawn, perhaps an empty text; None when it was not."""


_COLUMNS = tuple(field.name for field in fields(IndexFile))


def locate(wheels: Sequence[Wheel], *, python: str, scope: Scope) -> Mapping[str, str]:
    """Find the addresses of wheels by their sha256.

    uv is asked first, once for all: its cache, its way through the indexes and its credentials come with it.
    For what it does not find, because another index has a file of the same version, every index is read.

    Args:
        wheels: of the lock.
        python: version of the target, such as ``3.11``.
        scope: where the indexes are found out.

    Returns:
        Addresses by sha256; a wheel that no index has is left out. They may need credentials, which
        ``modelpack.web.http`` knows after this call.

    Raises:
        FetchError: an index that did not answer may have what was not found.
        ToolError: there is no uv.
    """
    if not wheels:
        return {}
    scope = Scope(scope.folder, replace(scope.indexes, default=None, extra=_all_of(scope.indexes), none=False))
    sources = indexes(scope)
    found = _ask_uv([wheel for wheel in wheels if not wheel.build], python, scope)
    missing = [wheel for wheel in wheels if wheel.sha256 not in found]
    return {**found, **_ask_indexes(missing, sources)} if missing else found


def indexes(scope: Scope) -> tuple[uv_tool.Index, ...]:
    """Give the indexes in force, without their credentials, which ``modelpack.web.http`` gets to know.

    Raises:
        FetchError: uv does not accept its settings.
        ToolError: there is no uv.
    """
    index_settings.remember_named_credentials(scope.folder)
    try:
        found = uv_tool.indexes(scope)
    except uv_tool.UvError as error:
        lines = tuple(str(error).splitlines())
        raise FetchError("uv does not accept the settings of the package indexes", details=lines) from error
    return tuple(replace(index, url=credentials.remember(_address(index.url, scope.folder))) for index in found)


def files(name: str, index: uv_tool.Index, cache: Path | None = None) -> tuple[IndexFile, ...]:
    """Give what an index has for a distribution; for a folder or page of links, everything that is there.

    Args:
        name: of the distribution.
        index: where to look.
        cache: folder in which pages are kept for a while.

    Raises:
        FetchError: it does not answer.
    """
    is_file = urlsplit(index.url).scheme == "file"
    project = f"{index.url.rstrip('/')}/{canonicalize_name(name)}/"
    if is_file and http.local_path(index.url).is_dir() and not http.local_path(project).is_dir():
        return tuple(_listed(http.local_path(index.url)))
    url = index.url if index.flat else project
    page = _KeptPage(url, None if is_file else cache)
    kept = page.read()
    if kept is None:
        kept = _asked(f"{url}index.html" if is_file and url.endswith("/") else url)
        page.write(kept)
    return kept


def _asked(url: str) -> tuple[IndexFile, ...]:
    try:
        return tuple(_page(url))
    except http.HttpError as error:
        if error.status in (404, 410):
            return ()
        raise


class _KeptPage:
    """What a page said not long ago.

    Args:
        url: of the page.
        cache: modelpack's cache folder; None keeps nothing.
    """

    def __init__(self, url: str, cache: Path | None) -> None:
        self._path = cache / "pages" / hashlib.sha256(url.encode()).hexdigest() if cache else None

    def read(self) -> tuple[IndexFile, ...] | None:
        """Give it; None when it is too old, or there is none."""
        try:
            if self._path is None or not 0 <= time.time() - self._path.stat().st_mtime < index_settings.FRESH:
                return None
            rows = json.loads(self._path.read_bytes())
            return tuple(IndexFile(**dict(zip(_COLUMNS, row, strict=True))) for row in rows)
        except (OSError, ValueError, TypeError):
            return None

    def write(self, found: Sequence[IndexFile]) -> None:
        """Keep it; what cannot be kept only costs time later."""
        if self._path is None:
            return
        rows = [[getattr(file, column) for column in _COLUMNS] for file in found]
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.{threading.get_ident()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(rows), encoding="utf-8")
            temporary.replace(self._path)


def _all_of(indexes: Indexes) -> tuple[IndexAddress, ...]:
    """Give the indexes that files name, to be asked beside the machine's own: a digest is right wherever it is."""
    pinned = tuple(address for _, address in indexes.pins)
    return (*((indexes.default,) if indexes.default else ()), *indexes.extra, *dict.fromkeys(pinned))


def _ask_uv(wheels: Sequence[Wheel], python: str, scope: Scope) -> dict[str, str]:
    """Have uv list every file of the pinned versions, of all platforms."""
    if not wheels:
        return {}
    pins = [f"{wheel.name}=={wheel.version}" for wheel in wheels]
    options = ("--no-deps", "--universal", "--python-version", python)
    try:
        pylock = uv_tool.compile_requirements(pins, options, scope=scope).pylock
    except uv_tool.UvError:
        return {}
    wanted = {wheel.sha256 for wheel in wheels}
    offered = (offer for package in pylock.get("packages", ()) for offer in package.get("wheels", ()))
    return {
        offer["hashes"]["sha256"]: offer["url"]
        for offer in offered
        if "url" in offer and offer.get("hashes", {}).get("sha256") in wanted
    }


def _ask_indexes(wheels: Sequence[Wheel], sources: Sequence[uv_tool.Index]) -> dict[str, str]:
    """Read what every index has of these names, and pick by digest."""
    questions = [(name, source) for name in sorted({wheel.name for wheel in wheels}) for source in sources]
    failures: list[FetchError] = []

    def ask(question: tuple[str, uv_tool.Index]) -> tuple[IndexFile, ...]:
        try:
            return files(*question)
        except FetchError as error:
            failures.append(error)
            return ()

    answers = dict(run(lambda question: (question, ask(question)), questions, workers=_WORKERS, stop=Stop()))
    offers = [offer for question in questions for offer in answers[question]]
    picked = {wheel.sha256: _pick(wheel, offers) for wheel in wheels}
    found = {sha256: url for sha256, url in picked.items() if url}
    if failures and len(found) < len(wheels):
        lost = next(wheel.filename for wheel in wheels if wheel.sha256 not in found)
        raise FetchError(
            f"{lost} was not found, and not every package index answered",
            details=tuple(sorted({error.message for error in failures})),
        )
    return found


def _pick(wheel: Wheel, offers: Iterable[IndexFile]) -> str | None:
    """Take the file with the right digest; one without a digest will do when it has the name."""
    unsure = None
    for offer in offers:
        if offer.filename != wheel.filename:
            continue
        sha256 = offer.sha256 or _digest(offer.url)
        if sha256 == wheel.sha256:
            return offer.url
        if sha256 is None:
            unsure = unsure or offer.url
    return unsure


def _digest(url: str) -> str | None:
    """Hash a file of this machine; None for one elsewhere, which the download will judge."""
    if urlsplit(url).scheme != "file" or not http.local_path(url).is_file():
        return None
    with http.local_path(url).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _page(url: str) -> Iterator[IndexFile]:
    """Read a project page in either form: JSON (PEP 691) or HTML (PEP 503)."""
    base, content = http.read_page(url, accept=_ACCEPT)
    if content.lstrip()[:1] == b"{":
        for entry in json.loads(content).get("files", ()):
            address, sha256 = urljoin(base, entry["url"]), entry.get("hashes", {}).get("sha256")
            yanked = entry.get("yanked", False)
            yield IndexFile(
                filename=entry["filename"],
                url=address,
                sha256=sha256,
                requires_python=entry.get("requires-python") or "",
                uploaded=entry.get("upload-time") or "",
                yanked=None if yanked is False else yanked if isinstance(yanked, str) else "",
            )
        return
    anchors = _Anchors(base)
    anchors.feed(content.decode("utf-8", errors="replace"))
    for link, attributes in anchors.links:
        address, fragment = urldefrag(link)
        digests = parse_qs(fragment).get("sha256", [None])
        filename = unquote(urlsplit(address).path.rpartition("/")[2])
        yield IndexFile(
            filename=filename,
            url=address,
            sha256=digests[0],
            requires_python=attributes.get("data-requires-python") or "",
            yanked=(attributes["data-yanked"] or "") if "data-yanked" in attributes else None,
        )


class _Anchors(html.parser.HTMLParser):
    """Collects the targets of ``<a href>``, made absolute, with what else is said of them."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.links: list[tuple[str, Mapping[str, str | None]]] = []
        self._base = base

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        target = attributes.get("href")
        if tag == "base" and target:
            self._base = urljoin(self._base, target)
        elif tag == "a" and target:
            self.links.append((urljoin(self._base, target), attributes))


def _listed(folder: Path) -> Iterator[IndexFile]:
    for path in sorted(folder.iterdir()):
        if path.name.endswith((".whl", ".tar.gz", ".zip")):
            yield IndexFile(filename=path.name, url=path.as_uri(), sha256=None)


def _address(location: str, folder: Path) -> str:
    """Give the address of an index that may be written as a path."""
    if "://" in location:
        return location
    path = (folder / Path(location).expanduser()).resolve()
    return path.as_uri()
