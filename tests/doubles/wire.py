"""A client that is nothing but bytes, on a connection that is nothing but memory."""

# ruff: noqa: N802, N815  # the names of Twisted's transports

from __future__ import annotations

import io
from collections.abc import Iterable
from http.client import HTTPResponse, IncompleteRead

from attrs import define, field, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProducer, IProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.web.resource import IResource

from tiercache.web.limits import Limits
from tiercache.web.server import NodeSite

HOST = "node.example:8141"


def _but_its_date(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "date"}


@frozen
class Reply:
    """One response as a client reads it; `is_complete` False if the connection ended before the body did.

    Two that differ in nothing but their Date are equal: it is the real time's, which may tick between them.
    """

    status: int
    headers: dict[str, str] = field(eq=_but_its_date)
    body: bytes
    is_complete: bool = True


class Transport(StringTransportWithDisconnection):
    """A transport as a socket's is: while its client takes nothing it holds what it is given, and once that is more
    than `bufferSize` it pauses its producer; what it holds is lost when it is aborted."""

    bufferSize = 64 * 1024
    is_taken_from = True
    is_half_closed = False
    is_aborted = False
    held = b""

    def write(self, data: bytes) -> None:
        if self.is_aborted or not self.connected:
            return
        if self.is_taken_from:
            super().write(data)
            return
        self.held += data
        if len(self.held) > self.bufferSize and self.producer is not None:
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Ask a pull producer at once, and again when what was written before is sent, as sockets do."""
        super().registerProducer(producer, streaming)
        if not streaming:
            producer.resumeProducing()
            if self.is_taken_from and self.producer is producer:
                producer.resumeProducing()

    def take(self) -> None:
        """The client takes all that is held."""
        self.is_taken_from = True
        held, self.held = self.held, b""
        self.write(held)
        if self.producer is not None:
            self.producer.resumeProducing()

    def loseConnection(self) -> None:
        self.disconnecting = True
        if self.held:
            return  # closed when it is all sent
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        self.is_half_closed = True

    def abortConnection(self) -> None:
        self.is_aborted = True
        self.held = b""
        self.loseConnection()

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass


@define
class Connection:
    """One connection to a site: `send` bytes, and look at what has come back."""

    protocol: IProtocol
    transport: Transport

    def send(self, data: bytes) -> None:
        """Let the node receive these bytes, unless it has closed the connection."""
        if not self.transport.disconnecting:
            self.protocol.dataReceived(data)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """Send a whole request."""
        fields = {"Host": HOST, **({"Content-Length": str(len(body))} if body else {}), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    def leave(self) -> None:
        """The client closes its end."""
        self.transport.held = b""
        if self.transport.connected:
            self.transport.loseConnection()

    def stall(self) -> None:
        """The client takes nothing any more."""
        self.transport.is_taken_from = False

    def take(self) -> None:
        """The client takes all that waits for it, and what comes now."""
        self.transport.take()

    def sip(self) -> None:
        """The client takes all that waits for it, and then nothing again."""
        held, self.transport.held = self.transport.held, b""
        self.transport.io.write(held)
        self.transport.producer.resumeProducing()

    @property
    def held_bytes(self) -> int:
        """What the node holds for the client in its transport."""
        return len(self.transport.held)

    @property
    def received(self) -> bytes:
        """All that the client has received."""
        return self.transport.value()

    @property
    def is_open(self) -> bool:
        """Whether the node still holds the connection."""
        return bool(self.transport.connected)

    def reply(self, method: str = "GET") -> Reply:
        """The first response received, taken off the connection."""
        raw = self.received
        reader = _Reader(raw)
        response = HTTPResponse(reader, method=method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        try:
            body, is_complete = response.read(), True
        except IncompleteRead as error:
            body, is_complete = error.partial, False
        self.transport.clear()
        self.transport.write(reader.rest())
        return Reply(response.status, headers, body, is_complete)


class _Reader:
    """What http.client takes for a socket."""

    def __init__(self, raw: bytes) -> None:
        self._file = _Kept(raw)

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._file

    def rest(self) -> bytes:
        return self._file.read()


class _Kept(io.BytesIO):
    def close(self) -> None:
        """Stay readable, for the next response on the connection."""


@define
class Wire:
    """A site in memory, with its clock; `peer` is the address that new connections come from."""

    clock: Clock
    site: NodeSite
    connections: list[Connection] = field(factory=list)
    peer: str = "192.0.2.7"

    @classmethod
    def to(cls, root: IResource, limits: Limits | None = None, clock: Clock | None = None) -> Wire:
        """A site that serves this root."""
        clock = clock or Clock()
        return cls(clock, NodeSite(root, clock, limits or Limits()))

    def connect(self) -> Connection | None:
        """A new connection; None if it was closed at once."""
        address = IPv4Address("TCP", self.peer, 40000 + len(self.connections))
        protocol = self.site.buildProtocol(address)
        if protocol is None:
            return None
        transport = Transport(hostAddress=IPv4Address("TCP", "127.0.0.1", 8141), peerAddress=address)
        transport.protocol = protocol
        protocol.makeConnection(transport)
        connection = Connection(protocol, transport)
        self.connections.append(connection)
        return connection

    def get(self, path: str, headers: dict[str, str] | None = None, *, method: str = "GET", body: bytes = b"") -> Reply:
        """One request on a connection of its own, which must be answered at once and in full."""
        connection = self.connect()
        assert connection is not None
        connection.ask(method, path, headers, body)
        reply = connection.reply(method)
        assert connection.received == b"", "more than one response"
        connection.leave()
        return reply
