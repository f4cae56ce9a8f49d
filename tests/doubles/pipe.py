# ruff: noqa: N802, N815 -- Twisted's names
"""A connection between two protocols in memory, as a socket is one: it holds little, pauses, and is closed in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol, ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

SEGMENT_BYTES = 64 * 1024


@implementer(ITCPTransport)
class End:
    """One end.  What is written arrives at the other in the next turn of the clock, unless that one has paused."""

    bufferSize = SEGMENT_BYTES
    disconnecting = False

    def __init__(self, clock: Clock, here: IPv4Address, there: IPv4Address) -> None:
        self.protocol: IProtocol
        self.other: End
        self.is_closed = False
        self.is_dead = False
        """Whether what is written goes nowhere, and nobody is told: a cable that was pulled out."""
        self._clock = clock
        self._here, self._there = here, there
        self._on_the_way = bytearray()
        self._is_reading = True
        self._is_due = False
        self._producer: Any = None
        self._is_streaming = False
        self._is_held_back = False

    @property
    def connected(self) -> bool:
        """As Twisted's transports say it."""
        return not self.is_closed

    def write(self, data: bytes) -> None:
        if self.is_closed:
            return
        self._on_the_way += data
        if len(self._on_the_way) > self.bufferSize and self._is_streaming and not self._is_held_back:
            self._is_held_back = True
            self._producer.pauseProducing()
        self._soon()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self._producer is None
        if self.is_closed:
            producer.stopProducing()
            return
        self._producer, self._is_streaming, self._is_held_back = producer, streaming, not streaming
        self._soon()

    def unregisterProducer(self) -> None:
        self._producer, self._is_streaming, self._is_held_back = None, False, False
        self._soon()

    def pauseProducing(self) -> None:
        self._is_reading = False

    def resumeProducing(self) -> None:
        self._is_reading = True
        self.other._soon()

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        self.disconnecting = True
        self._soon()

    def abortConnection(self) -> None:
        self._on_the_way.clear()
        self._clock.callLater(0, self._end, ConnectionAborted(), ConnectionLost())

    def loseWriteConnection(self) -> None:
        """Twisted's client takes the end of what it reads for the end of all, as do most."""
        self.loseConnection()

    def getPeer(self) -> IPv4Address:
        return self._there

    def getHost(self) -> IPv4Address:
        return self._here

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    def getTcpKeepAlive(self) -> bool:
        return False

    def _soon(self) -> None:
        if not self._is_due and not self.is_closed:
            self._is_due = True
            self._clock.callLater(0, self._flow)

    def _flow(self) -> None:
        self._is_due = False
        if self.is_dead:
            return
        while self._on_the_way and self.other._is_reading and not self.is_closed:
            segment = bytes(self._on_the_way[:SEGMENT_BYTES])
            del self._on_the_way[:SEGMENT_BYTES]
            self.other.protocol.dataReceived(segment)
        if self._on_the_way or self.is_closed:
            return
        if self._producer is not None:
            if self._is_held_back:
                self._is_held_back = not self._is_streaming
                self._producer.resumeProducing()
        elif self.disconnecting:
            self._end(ConnectionDone(), ConnectionDone())

    def _end(self, here: Exception, there: Exception) -> None:
        for end, reason in ((self, here), (self.other, there)):
            if not end.is_closed:
                end.is_closed = True
                producer, end._producer = end._producer, None
                if producer is not None:
                    producer.stopProducing()
                end.protocol.connectionLost(Failure(reason))


def pipe(clock: Clock, near: IProtocol, far: IProtocol, *, near_host: str, far_host: str) -> tuple[End, End]:
    """Connect two protocols: `near`, which called, and `far`, which was called."""
    here, there = IPv4Address("TCP", near_host, 40000), IPv4Address("TCP", far_host, 8141)
    ends = End(clock, here, there), End(clock, there, here)
    for end, other, protocol in ((ends[0], ends[1], near), (ends[1], ends[0], far)):
        end.other, end.protocol = other, protocol
    far.makeConnection(ends[1])
    near.makeConnection(ends[0])
    return ends
