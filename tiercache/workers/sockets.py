"""Sockets that listen at one address beside each other, so that the system deals connections out among them."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.error import CannotListenError

from tiercache.config.addresses import Endpoint


def listening_sockets(endpoint: Endpoint, count: int) -> list[socket.socket]:
    """So many for an endpoint that is TCP.  Raises CannotListenError, also where anybody else listens there."""
    interface, port = endpoint.interface or "", endpoint.port or 0
    opened: list[socket.socket] = []
    try:
        family, address = _address(interface, port)
        with _socket(family) as alone:  # who shares an address is let in by others who do: other nodes, say
            alone.bind(address)
            address = (address[0], alone.getsockname()[1], *address[2:])
        for _ in range(count):
            one = _socket(family)
            opened.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
        for one in opened:
            one.listen(endpoint.backlog)
    except OSError as error:
        for one in opened:
            one.close()
        raise CannotListenError(interface, port, error) from error
    return opened


def _address(interface: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    if ":" in interface:
        found = socket.getaddrinfo(interface, port, socket.AF_INET6, socket.SOCK_STREAM)
        return socket.AF_INET6, found[0][4]
    return socket.AF_INET, (interface, port)


def _socket(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made
