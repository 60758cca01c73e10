"""Connections that look a host name up once, one at a time, however many are opened to it.

Many name servers and routers drop some of several lookups that come at once, and the system's resolver then
waits five seconds before it asks again.
"""

from __future__ import annotations

import socket
import threading

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

_ASKING = threading.Lock()
_answers: dict[str, tuple[str, ...]] = {}


def addresses(host: str) -> tuple[str, ...]:
    """Give the addresses of a host, the preferred first; the name itself when it has none."""
    with _ASKING:
        if host not in _answers:
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                return (host,)
            _answers[host] = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        return _answers[host]


class _Named(HTTPConnection):
    """Connects to the first address that answers."""

    def _new_conn(self) -> socket.socket:
        name, (first, *others) = self._dns_host, addresses(self._dns_host)
        try:
            return self._connected(first)
        except (NewConnectionError, ConnectTimeoutError):
            if not others:
                raise
            return self._connected(others[0])
        finally:
            self._dns_host = name

    def _connected(self, address: str) -> socket.socket:
        self._dns_host = address
        return super()._new_conn()


class _NamedTls(_Named, HTTPSConnection):
    """The same under TLS; the certificate is still checked against the name."""


class HttpPool(HTTPConnectionPool):
    """Pool of such connections."""

    ConnectionCls = _Named


class HttpsPool(HTTPSConnectionPool):
    """Pool of such connections under TLS."""

    ConnectionCls = _NamedTls
