"""Where a program takes connections, as the kernel says."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator

_LISTEN = "0A"


def addresses(session: int) -> list[tuple[str, int]]:
    """Give the addresses and ports on which the processes of a session listen for TCP connections, sorted."""
    inodes = set(_sockets(session))
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{table}", encoding="ascii") as stream:
            for line in list(stream)[1:]:
                words = line.split()
                if words[3] == _LISTEN and words[9] in inodes:
                    found.add(_address(words[1]))
    return sorted(found)


def only_from_here(address: str) -> bool:
    """Tell whether nothing outside of the machine, or of the container, reaches an address."""
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _sockets(session: int) -> Iterator[str]:
    """Give the inodes of the sockets that the processes of a session have open (proc_pid_fd(5))."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(process)) != session:
                continue
            for name in os.listdir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    kind, _, inode = os.readlink(f"/proc/{process}/fd/{name}").partition(":")
                    if kind == "socket":
                        yield inode.strip("[]")


def _address(text: str) -> tuple[str, int]:
    """Read ``0100007F:1F90``: words of 32 bits in the machine's own order (proc_pid_net(5))."""
    digits, _, port = text.partition(":")
    words = [struct.pack("=I", int(digits[start : start + 8], 16)) for start in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words)), int(port, 16)
