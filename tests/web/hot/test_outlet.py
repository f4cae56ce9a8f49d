"""What an outlet asks of a socket: a large file for a client on this machine is not to fill memory on its way."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from tiercache.web.hot.outlet import NEAR_BYTES, SocketOutlet


@frozen
class Connected:
    """As much of a transport as an outlet needs."""

    sock: socket.socket
    peer: IAddress

    def getHandle(self) -> socket.socket:  # noqa: N802  # the name in ITCPTransport
        return self.sock

    def getPeer(self) -> IAddress:  # noqa: N802  # see there
        return self.peer

    @property
    def held_bytes(self) -> int:
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        yield sock


def as_the_kernel_says(asked_bytes: int) -> int:
    """How much it holds when it is asked for that: it has a bound, and counts what it needs besides."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, asked_bytes)
        return other.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


@pytest.mark.parametrize(
    "peer",
    [
        IPv4Address("TCP", "127.0.0.1", 1),
        IPv4Address("TCP", "127.8.9.1", 1),
        IPv6Address("TCP", "::1", 1),
        IPv6Address("TCP", "::ffff:127.0.0.1", 1),
    ],
    ids=str,
)
def test_for_a_client_on_this_machine_the_kernel_holds_little_of_a_large_file(
    sock: socket.socket, peer: IAddress
) -> None:
    transport = Connected(sock, peer)
    outlet = SocketOutlet(transport)
    before = transport.held_bytes
    assert before != as_the_kernel_says(NEAR_BYTES)
    outlet.expect_much()
    assert transport.held_bytes == as_the_kernel_says(NEAR_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    outlet.expect_much()
    assert transport.held_bytes == as_the_kernel_says(4096), "it is asked once"


@pytest.mark.parametrize(
    "peer",
    [IPv4Address("TCP", "192.0.2.1", 1), IPv6Address("TCP", "2001:db8::1", 1), UNIXAddress("/run/node")],
    ids=str,
)
def test_for_any_other_client_the_kernel_knows_best(sock: socket.socket, peer: IAddress) -> None:
    transport = Connected(sock, peer)
    before = transport.held_bytes
    SocketOutlet(transport).expect_much()
    assert transport.held_bytes == before


def test_socket_that_is_broken_is_the_transport_s_to_find(sock: socket.socket) -> None:
    sock.close()
    SocketOutlet(Connected(sock, IPv4Address("TCP", "127.0.0.1", 1))).expect_much()
