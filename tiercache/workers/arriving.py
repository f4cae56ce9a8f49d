"""A connection that comes from another process."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from tiercache.web.hot.channel import FrontChannel

Made = Callable[[IAddress | None], FrontChannel]
"""Makes the channel of a connection to an address."""

Adopt = Callable[[int, bytes, Made], None]
"""Makes a connection of this process of a descriptor, which is closed, and has its channel receive what came on it."""

log = Logger()


@define(eq=False)
class Arrival:
    """The factory of that one connection."""

    _made: Made
    channel: FrontChannel | None = field(default=None, init=False)

    def buildProtocol(self, address: IAddress | None) -> FrontChannel:  # noqa: N802  # the name of IProtocolFactory
        """The channel."""
        self.channel = self._made(address)
        return self.channel


def adopting(reactor: Any) -> Adopt:
    """Makes connections for this reactor."""

    def adopt(connection: int, data: bytes, made: Made) -> None:
        arrival = Arrival(made)
        try:
            with socket.socket(fileno=connection) as ours:
                reactor.adoptStreamConnection(ours.fileno(), ours.family, arrival)
        except OSError as error:  # the client is gone, or there are no more descriptors
            log.debug("a connection was lost on its way: {error}", error=error)
            return
        if data and arrival.channel is not None:
            arrival.channel.dataReceived(data)

    return adopt
