"""What a check notices beside answers: where a server listens, and which hosts are looked up."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from modelpack.builders import listening, nameserver

LISTENS = """\
import socket
sockets = [socket.create_server((host, 0), family=family, dualstack_ipv6=dual) for host, family, dual in (
    ("127.0.0.1", socket.AF_INET, False), ("0.0.0.0", socket.AF_INET, False), ("::", socket.AF_INET6, True))]
print(*(one.getsockname()[1] for one in sockets), flush=True)
input()
"""


def test_addresses_are_those_of_the_session_alone():
    command = [sys.executable, "-c", LISTENS]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        here, everywhere, both = map(int, process.stdout.readline().split())
        found = listening.addresses(process.pid)
        process.communicate(b"\n")

    assert found == sorted([("127.0.0.1", here), ("0.0.0.0", everywhere), ("::", both)])


@pytest.mark.parametrize(
    ("address", "alone"),
    [
        *(("127.0.0.1", True), ("127.0.0.53", True), ("::1", True), ("::ffff:127.0.0.1", True)),
        *(("0.0.0.0", False), ("::", False), ("::ffff:0.0.0.0", False)),
    ],
)
def test_addresses_of_this_machine_alone(address, alone):
    assert listening.only_from_here(address) is alone


def test_questions_are_remembered_and_refused():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks,
    ):
        server.bind(("127.0.0.1", 0))
        asks.settimeout(10)
        names = nameserver.NameServer(server)
        for host in (b"Rates.example", os.uname().nodename.encode(), b"1.0.0.127.in-addr.arpa"):
            labels = b"".join(bytes([len(label)]) + label for label in host.split(b"."))
            question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
            asks.sendto(b"nonsense", server.getsockname())
            asks.sendto(question, server.getsockname())
            answer = asks.recv(512)

        assert names.hosts() == ["rates.example"]
        assert answer == question[:2] + b"\x81\x02" + question[4:]


def test_a_network_with_more_than_the_loopback_is_left_as_it_is():
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        pytest.skip("there is nothing but the loopback here")
    before = Path("/proc/self/ns/net").readlink()
    assert nameserver.begin() is None
    assert Path("/proc/self/ns/net").readlink() == before
