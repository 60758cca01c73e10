"""One HTTP request with the machine's certificates, proxies and credentials; errors in plain words.

Only ``modelpack.web.http`` uses it, and loads it when something is asked for: urllib3 and ssl take their time.
"""

from __future__ import annotations

import functools
import os
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import BaseHTTPResponse, PoolManager, exceptions

from modelpack import __version__
from modelpack.errors import FetchError
from modelpack.python import pip_settings
from modelpack.web import bearer, credentials
from modelpack.web.credentials import redact
from modelpack.web.http import HttpError, Transient
from modelpack.web.names import HttpPool, HttpsPool

CONNECT_SECONDS = 15.0
READ_SECONDS = 60.0
LONGEST_WAIT = 60.0
"""Seconds: a longer ``Retry-After`` is not waited for."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_HINTS = {
    401: "give a user and password for {host} in netrc, in the index address, or through keyring",
    403: "the user given for {host} may not read this, or a proxy forbids it",
    404: "it may have been withdrawn, or another index or mirror has it",
    407: "give the proxy's user and password in its address (HTTPS_PROXY)",
}


def request(url: str, headers: Mapping[str, str], *, method: str = "GET") -> BaseHTTPResponse:
    """Send one request and give its answer, of status 2xx or 416, with the body still to be read.

    Raises:
        Transient: trying again may help.
        HttpError: it will not.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise HttpError(url, "not an address that can be read", hint="http, https and file addresses can")
    token = bearer.token(url)
    sent = {**headers, "Authorization": f"Bearer {token}"} if token else headers
    answer = _send(url, sent, method, None if token else credentials.find(url) or bearer.find(url))
    if answer.status == 401 and (found := _bearer(url, answer)):
        answer.drain_conn()
        answer = _send(url, {**headers, "Authorization": f"Bearer {found}"}, method, None)
    elif answer.status == 401:
        login = credentials.ask_keyring(url)
        if login:
            answer.release_conn()
            answer = _send(url, headers, method, login)
    if answer.status < 300 or answer.status == 416:
        return answer
    answer.drain_conn()
    raise _refusal(url, answer)


def _bearer(url: str, answer: BaseHTTPResponse) -> str | None:
    """Get a token where the refusal of a registry says; None when it wants something else."""

    def get(realm: str, login: tuple[str, str] | None) -> bytes:
        found = _send(realm, {"Accept": "application/json"}, "GET", login)
        data = found.read(1 << 20)
        found.close()
        return data if found.status == 200 else b""

    return bearer.obtain(url, answer.headers.get("WWW-Authenticate", ""), get)


def stream(url: str, answer: BaseHTTPResponse, amount: int, *, decode: bool) -> Iterator[bytes]:
    """Give the body in chunks of at most ``amount`` bytes; ``decode`` undoes compression made on the way.

    Raises:
        Transient: the connection broke before the end.
    """
    try:
        yield from answer.stream(amount, decode_content=decode)
    except exceptions.HTTPError as error:
        raise _translated(url, error) from error
    finally:
        answer.close()


def _translated(url: str, error: Exception) -> Exception:
    """Say in words what urllib3 met: a ``Transient`` when trying again may help, else an HttpError."""
    if isinstance(error, exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    host = urlsplit(url).hostname or "the host"
    if isinstance(error, exceptions.SSLError):
        return _tls_failure(url, error)
    if isinstance(error, exceptions.ProxyError):
        return Transient(HttpError(url, f"the proxy failed: {redact(str(error.original_error))}"))
    if isinstance(error, exceptions.NameResolutionError):
        hint = f"is {host} the right name, and does this machine reach it (or its proxy)?"
        return Transient(HttpError(url, f"the name {host} has no address", hint=hint), patient=False)
    if isinstance(error, exceptions.NewConnectionError):
        return Transient(HttpError(url, f"no connection to {host}: {_reason(error)}"))
    if isinstance(error, exceptions.TimeoutError):
        return Transient(HttpError(url, f"no answer from {host} in time"))
    if isinstance(error, exceptions.ResponseError):
        return HttpError(url, str(error))
    if isinstance(error, exceptions.LocationValueError):
        return HttpError(url, "not an address that can be read")
    if isinstance(error, exceptions.HTTPError):
        return Transient(HttpError(url, f"the connection failed: {_reason(error)}"))
    return error


def _send(url: str, headers: Mapping[str, str], method: str, login: tuple[str, str] | None) -> BaseHTTPResponse:
    bare, _ = credentials.split(url)
    sent = {"User-Agent": f"modelpack/{__version__}", **headers}
    if login:
        sent.update(urllib3.make_headers(basic_auth=f"{login[0]}:{login[1]}"))
    redirects = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=10)
    redirects.respect_retry_after_header = False
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=_read_seconds())
    try:
        return _pool(bare).request(
            method, bare, headers=sent, retries=redirects, timeout=timeout, preload_content=False
        )
    except exceptions.HTTPError as error:
        raise _translated(bare, error) from error


def _refusal(url: str, answer: BaseHTTPResponse) -> Exception:
    host = urlsplit(url).hostname or "the host"
    hint = _HINTS.get(answer.status)
    reason = f" {answer.reason}" if answer.reason else ""
    what = f"the server answered {answer.status}{reason}"
    error = HttpError(url, what, hint=hint and hint.format(host=host), status=answer.status)
    wait = _retry_after(answer.headers.get("Retry-After"))
    if answer.status in _TRANSIENT and (wait or 0.0) <= LONGEST_WAIT:
        return Transient(error, after=wait)
    return error


def _retry_after(value: str | None) -> float | None:
    """Read the header in both of its forms: seconds, or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    try:
        return float(value) if value.strip().isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    """Give the innermost reason: urllib3 wraps the operating system's words several times."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    text = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return redact(text.rpartition(">: ")[2])


def _tls_failure(url: str, error: Exception) -> Exception:
    if "CERTIFICATE_VERIFY_FAILED" not in str(error):
        return Transient(HttpError(url, f"the TLS connection failed: {redact(str(error))}"))
    hint = "if this host has an authority of your own, name its certificates in SSL_CERT_FILE or pip's cert"
    return HttpError(url, f"its certificate is not trusted: {redact(str(error))}", hint=hint)


def _read_seconds() -> float:
    value = os.environ.get("UV_HTTP_TIMEOUT") or _pip().get("timeout") or _pip().get("default-timeout") or ""
    try:
        return float(value)
    except ValueError:
        return READ_SECONDS


@functools.cache
def _pip() -> Mapping[str, str]:
    return pip_settings.read()


def _pool(url: str) -> PoolManager:
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or _pip().get("proxy")
    if proxy and proxy_bypass(parts.netloc.rpartition("@")[2]):
        proxy = None
    trusted = {*pip_settings.words(_pip(), "trusted-host"), *os.environ.get("UV_INSECURE_HOST", "").split()}
    insecure = parts.scheme == "https" and not trusted.isdisjoint({host, f"{host}:{parts.port}"})
    return _manager(proxy, insecure=insecure)


@functools.cache
def _manager(proxy: str | None, *, insecure: bool) -> PoolManager:
    context = _tls(insecure=insecure)
    if insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if not proxy:
        manager = urllib3.PoolManager(num_pools=16, maxsize=16, ssl_context=context)
        manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
        return manager
    address, login = credentials.split(proxy if "://" in proxy else f"http://{proxy}")
    headers = urllib3.make_headers(proxy_basic_auth=":".join(login)) if login else None
    try:
        return urllib3.ProxyManager(address, num_pools=16, maxsize=16, ssl_context=context, proxy_headers=headers)
    except urllib3.exceptions.ProxySchemeUnknown as error:
        hint = "http and https proxies can be used; change HTTPS_PROXY or ALL_PROXY"
        raise FetchError(f"the proxy {redact(address)} is of a kind that is not known", hint=hint) from error


def _tls(*, insecure: bool) -> ssl.SSLContext:
    """Make the context: the system's authorities (SSL_CERT_FILE, SSL_CERT_DIR), and those named for pip."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    system = ssl.get_default_verify_paths().cafile or ""
    named = {
        _pip().get("cert", ""),
        *(os.environ.get(name, "") for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")),
    }
    for path in named - {"", system}:
        folder = Path(path).is_dir()
        with _naming(path):
            context.load_verify_locations(capath=path if folder else None, cafile=None if folder else path)
    client = _pip().get("client-cert") or os.environ.get("SSL_CLIENT_CERT")
    if client:
        with _naming(client):
            context.load_cert_chain(client)
    return context


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Name the file that could not be read as certificates."""
    try:
        yield
    except OSError as error:
        hint = "mend pip's cert or client-cert, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CLIENT_CERT"
        reason = error.strerror or str(error)
        raise FetchError(f"{path}: certificates cannot be read: {reason}", hint=hint) from error
