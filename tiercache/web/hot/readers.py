"""Reads for connections whose answers are ready: one event of the reactor for all of them that have said something.

The reactor looks at each event of each connection by itself, and sets up a context of the log for it, which together
takes a tenth of what such an answer takes.  Here the kernel is asked once for all connections of this kind.  Whatever
is more than plain bytes, the end of a connection included, is left to the transport, which reads again from then on.
"""

# ruff: noqa: N802  # the reactor calls these
# twisted.web has few types, and nearly all calls here go to it:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import select
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

FEWEST = 4
"""Fewer connections are read by their transports: to ask the kernel twice for one event costs more than it saves."""

MOST_A_TURN = 64
"""So many connections are read before the reactor sees to the others."""

log = Logger()


class IReader(Protocol):
    """A connection that is read here."""

    transport: Any

    def read(self) -> None:
        """Read what has come, and act on it, or have itself given back."""
        ...


@implementer(IReadDescriptor)
@define(eq=False)
class Readers:
    """The connections that are read here, by the numbers of their sockets."""

    _reactor: IReactorFDSet
    _epoll: select.epoll = field(factory=lambda: select.epoll(), init=False, repr=False)
    _members: dict[int, IReader] = field(factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, reactor: object) -> Readers | None:
        """Those of a reactor; None where it, or the system, has no such thing."""
        return cls(reactor) if IReactorFDSet.providedBy(reactor) and hasattr(select, "epoll") else None

    def __len__(self) -> int:
        return len(self._members)

    def take(self, reader: IReader) -> int:
        """From now on this connection is read here; by the number it is given back."""
        number: int = reader.transport.fileno()
        if not self._members:
            self._reactor.addReader(self)
        reader.transport.stopReading()
        self._epoll.register(number, select.EPOLLIN)
        self._members[number] = reader
        return number

    def give_back(self, number: int) -> None:
        """The transport reads again."""
        reader = self._forget(number)
        self._epoll.unregister(number)
        reader.transport.startReading()

    def lost(self, number: int) -> None:
        """The connection is closed; its number may be another's soon."""
        self._forget(number)

    def _forget(self, number: int) -> IReader:
        reader = self._members.pop(number)
        if not self._members:
            self._reactor.removeReader(self)
        return reader

    # -- as the reactor sees it -------------------------------------------------------------------------------

    def fileno(self) -> int:
        """See `IFileDescriptor`."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return "front"

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        for number, _ in self._epoll.poll(0, MOST_A_TURN):
            reader = self._members.get(number)
            if reader is None:
                continue  # closed meanwhile, by what another one said
            try:
                reader.read()
            except Exception:  # noqa: BLE001  # as the reactor does: one connection's mistake is not the others'
                log.failure("a connection is closed")
                reader.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """See `IFileDescriptor`: the reactor ends."""
