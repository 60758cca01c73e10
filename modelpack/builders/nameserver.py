"""Hears which hosts a program under check looks up, whatever it is written in.

In the sandbox there is no ``/etc/resolv.conf``, so resolvers ask this machine (resolv.conf(5)). Port 53 of the sandbox
cannot be had by its user, but that of a network of one's own can: the check enters one, which has nothing but the
loopback as well, and its programs are started there. Every question is answered as where no server can be reached.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable

from modelpack.builders.launcher import CLONE_NEWUSER, unshare

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_PORT = 53
_SERVFAIL = 0x8002
"""The header's flags: an answer, and "the server was unable to process this query" (RFC 1035, 4.1.1)."""


class NameServer:
    """Answers no question, and remembers all of them."""

    def __init__(self, listening: socket.socket) -> None:
        self._socket = listening
        self._hosts: set[str] = set()
        threading.Thread(target=self._run, daemon=True).start()

    def hosts(self) -> list[str]:
        """Give the hosts that were asked for, sorted; this machine's own name is none."""
        own = os.uname().nodename.lower()
        return sorted(host for host in self._hosts if host != own and not host.endswith(".arpa"))

    def _run(self) -> None:
        while True:
            try:
                question, sender = self._socket.recvfrom(4096)
                self._hosts.add(_host(question))
                self._socket.sendto(_refusal(question), sender)
            except OSError:
                return
            except (IndexError, UnicodeDecodeError, struct.error):
                continue


def begin() -> NameServer | None:
    """Enter a network of one's own and listen there; None where that cannot be.

    This process must have no threads yet. Where there is more of a network than the loopback, outside of the sandbox,
    it is left as it is.
    """
    if [name for _, name in socket.if_nameindex()] != ["lo"] or not _in_child(_enter):
        return None
    return NameServer(_enter())


def _enter() -> socket.socket:
    """Enter the network, make its loopback work (netdevice(7)), and give the socket for questions."""
    unshare(CLONE_NEWUSER | _CLONE_NEWNET, os.geteuid(), os.getegid())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", answer)[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", _PORT))
    return listening


def _in_child(attempt: Callable[[], object]) -> bool:
    """Say whether something can be done: a child tries, since there is no way back."""
    child = os.fork()
    if child == 0:
        try:
            attempt()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _host(question: bytes) -> str:
    """Read the name of the first question (RFC 1035, 4.1.2)."""
    labels, place = [], 12
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode("ascii").lower())
        place += 1 + length
    return ".".join(labels)


def _refusal(question: bytes) -> bytes:
    """Answer a question with its own words and nothing more; glibc says "Temporary failure in name resolution"."""
    identity, flags = struct.unpack("!HH", question[:4])
    end = question.index(b"\0", 12) + 5
    return struct.pack("!HHHHHH", identity, _SERVFAIL | flags & 0x0100, 1, 0, 0, 0) + question[12:end]
