"""The line between the node and a worker: frames in both directions, and connections beside them, as descriptors.

A socket between two processes of one user, which no other can reach.  What is no message ends it.
"""

# ruff: noqa: N802  # most names here are Twisted's, which calls them
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.interfaces import IFileDescriptorReceiver, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from tiercache.workers.messages import LONGEST_FRAME, FromNode, FromWorker, MessageMalformed, Pass, Took, encoded

M = TypeVar("M", FromWorker, FromNode)
Heard = TypeVar("Heard", FromWorker, FromNode, contravariant=True)

CONTROL, BOARD, FIRST_SOCKET = 3, 4, 5
"""The descriptors that a worker begins with: its end of the line, the board, and the sockets where it listens."""

log = Logger()


class IListener(Protocol[Heard]):
    """Who is at this end of a line."""

    def heard(self, message: Heard) -> None:
        """The other end has said something that is about no connection."""
        ...

    def came(self, connection: int, data: bytes) -> None:
        """The other end has passed a connection on: its descriptor belongs to this one now."""
        ...

    def gone(self) -> None:
        """There is no other end any more."""
        ...


@implementer(IFileDescriptorReceiver, IPushProducer)
class Line(Int32StringReceiver, Generic[M]):
    """One end of it; `decoded` makes messages of frames."""

    MAX_LENGTH = LONGEST_FRAME
    is_full = False
    """Whether the other end is behind with reading."""

    def __init__(self, decoded: Callable[[bytes], M]) -> None:
        self.listener: IListener[M] | None = None
        self.is_open = False
        self._decoded: Callable[[bytes], M] = decoded
        self._came: deque[int] = deque()
        self._under_way: deque[int] = deque()  # until they were taken: an end in between would end them

    # -- saying ---------------------------------------------------------------------------------------------------

    def say(self, message: FromWorker | FromNode) -> None:
        """Say something; of no effect when the other end is gone."""
        if self.is_open:
            self.sendString(encoded(message))

    def pass_on(self, connection: int, data: bytes) -> None:
        """Give a connection to the other end, by a descriptor that belongs to this line from now on."""
        if not self.is_open:
            os.close(connection)
            return
        self._under_way.append(connection)
        transport: Any = self.transport
        transport.sendFileDescriptor(connection)
        self.say(Pass(data))

    # -- hearing --------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self.is_open = True
        transport: Any = self.transport
        transport.registerProducer(self, True)

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """See `IFileDescriptorReceiver`: what it is for stands in a frame that comes behind it."""
        os.set_inheritable(descriptor, False)
        self._came.append(descriptor)

    def stringReceived(self, string: bytes) -> None:
        """A frame is here."""
        try:
            message = self._decoded(string)
            match message:
                case Took():
                    os.close(self._under_way.popleft())
                case Pass():
                    connection = self._came.popleft()
                    self.say(Took())
                    if self.listener is None:
                        os.close(connection)
                    else:
                        self.listener.came(connection, message.data)
                case _ if self.listener is not None:
                    self.listener.heard(message)
        except (MessageMalformed, IndexError) as error:
            log.error("what came on the line of a worker is no message: {error}", error=error)
            self.drop()

    def lengthLimitExceeded(self, length: int) -> None:
        """See `Int32StringReceiver`."""
        log.error("what came on the line of a worker is no message: it has {length} bytes", length=length)
        self.drop()

    def close(self) -> None:
        """Say nothing more: the other end hears all that was said, and ends the line."""
        transport: Any = self.transport
        transport.loseWriteConnection()

    def drop(self) -> None:
        """End it at once."""
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.is_open = False
        for descriptors in (self._came, self._under_way):
            while descriptors:
                os.close(descriptors.popleft())
        if self.listener is not None:
            self.listener.gone()

    def pauseProducing(self) -> None:
        """The transport holds enough."""
        self.is_full = True

    def resumeProducing(self) -> None:
        """The transport has passed on all that it held."""
        self.is_full = False

    def stopProducing(self) -> None:
        """The transport is gone."""


def ends() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new line, as sockets."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in pair:
        end.setblocking(False)
    return pair
