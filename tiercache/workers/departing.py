"""A connection that leaves this process: what it is answered has gone out, and its descriptor is free of its transport.

Of Twisted this takes public names alone.  A transport shuts its socket down when it is done with it, for all who have
it; so it is given another, which nobody has, in the place of the connection's.
"""

# ruff: noqa: N802  # the names of IProtocol
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from tiercache.web.hot.channel import FrontChannel

Detach = Callable[[Any], int]
"""Takes the connection from a transport, which ends, and gives its descriptor."""


def detached(transport: Any) -> int:
    """See `Detach`; of a transport that is a socket, and holds nothing.  Raises OSError."""
    transport.stopReading()
    transport.stopWriting()
    connection = os.dup(transport.fileno())
    with socket.socket() as nobodys:
        os.dup2(nobodys.fileno(), transport.fileno(), inheritable=False)
    transport.abortConnection()
    return connection


class DepartingChannel(FrontChannel):
    """A connection that may leave this process for another one."""

    detach: Detach = staticmethod(detached)
    is_lost = False

    _is_departing = False

    @property
    def _is_answering(self) -> bool:
        return self._is_departing or super()._is_answering

    def depart(self, data: bytes, goes: Callable[[int, bytes], None]) -> bool:
        """Leave, with data that came and is not answered; `goes` is given the descriptor, and all that came.

        False: it cannot.
        """
        hot = self.site.hot
        outlet = None if hot is None else hot.outlet_of(self.transport)
        if outlet is None or self.is_lost:
            return False
        self._read_by_transport()
        self._is_departing = True
        self._ahead = data + self._ahead
        transport: Any = self.transport
        transport.pauseProducing()
        if self._holds_nothing:
            self._gone(goes)
            return True
        self._suspend_idle_timeout()
        self.site.stalled.touch(self)
        self._when_emptied(outlet, partial(self._gone, goes))
        return True

    def _gone(self, goes: Callable[[int, bytes], None]) -> None:
        transport: Any = self.transport
        ahead, self._ahead = self._ahead, b""
        transport.unregisterProducer()
        try:
            connection = self.detach(transport)
        except OSError:  # no descriptor is left
            transport.abortConnection()
            return
        goes(connection, ahead)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.is_lost = True
        super().connectionLost(reason)
