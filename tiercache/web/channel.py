"""One connection: Twisted's HTTP channel, with the limits that it lacks, and requests whose bodies are bounded.

Twisted counts idle time only, so a head that drips in never ends; it buffers any request body before a route sees
it; and it waits for ever for the last bytes of a response that is followed by a close.  Here the route of an upload
runs as soon as its head is there, and takes the body in as it comes (`inflow`).
"""

# ruff: noqa: N802, N815  # most names here are Twisted's, which calls them
# twisted.web has few types, and nearly all calls here go to it:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.http_headers import Headers
from twisted.web.iweb import IRequest
from twisted.web.server import Request

from tiercache.web.inflow import IInflow, Inflow
from tiercache.web.limits import Limits
from tiercache.web.upload_paths import is_upload

if TYPE_CHECKING:
    from tiercache.web.hot.outlet import IOutlet

log = Logger()


class IConnections(Protocol):
    """Who knows which connections are open."""

    def opened(self, channel: NodeChannel) -> None:
        """A connection is open."""
        ...

    def closed(self, channel: NodeChannel) -> None:
        """A connection is gone."""
        ...


def tcp(transport: ITransport | None) -> ITCPTransport:
    """What each connection here has, TLS or not."""
    return cast("ITCPTransport", transport)


def _source(transport: ITransport | None) -> IPushProducer:
    """The same as what bytes come from."""
    return cast("IPushProducer", transport)


class NodeRequest(Request):
    """A request whose body is bounded while it arrives, whatever length it states or does not state."""

    channel: NodeChannel

    _inflow: Inflow | None = None
    _at_drain: Callable[[], object] | None = None

    def when_draining(self, act: Callable[[], object]) -> None:
        """For an answer that would go on for as long as its client stays: `act` is to end it when the node stops."""
        if self.channel.is_closing:
            act()
        else:
            self._at_drain = act

    def drain(self) -> None:
        """End an answer that would never end by itself."""
        act, self._at_drain = self._at_drain, None
        if act is not None:
            act()

    def process(self) -> None:
        """Route `*` as any other path: Twisted's own answer to it tells its version."""
        if self.path == b"*":
            self.path = b"/" if self.method == b"OPTIONS" else b"/*"  # RFC 9110 section 9.3.7
        super().process()

    @property
    def is_arriving(self) -> bool:
        """Whether it is being answered while there is more of it to come."""
        return self._inflow is not None and not self._inflow.is_ended

    @property
    def left_bytes(self) -> int | None:
        """How much of its body is still to come, None where nobody knows."""
        inflow = self._inflow
        if inflow is None or inflow.stated_bytes is None:
            return None
        return inflow.stated_bytes - inflow.received_bytes

    def begin(self, inflow: Inflow, command: bytes, path: bytes, version: bytes) -> None:
        """Route it, now that its head is here: the body is read through `inflow`."""
        self._inflow = inflow
        self.setComponent(IInflow, inflow)
        super().requestReceived(command, path, version)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it is here."""
        if self._inflow is not None:
            self._inflow.end()
        else:
            super().requestReceived(command, path, version)

    def write(self, data: bytes) -> None:
        """Answer; what is still to come of the request is in the way of another one on this connection."""
        if not self.startedWriting and self.is_arriving:
            self.setHeader(b"Connection", b"close")
        super().write(data)

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        if self._inflow is not None:
            self._inflow.close()
        super().connectionLost(reason)

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a part of the body, or refuse the request."""
        if self._inflow is not None:
            self._inflow.received(data)
            return
        if self.content is None:
            return
        if self.content.tell() + len(data) > self.channel.limits.body_bytes:
            self.channel.refuse(413, b"Content Too Large")
        else:
            super().handleContentChunk(data)


class NodeChannel(http.HTTPChannel):
    """One connection.  Deadlines are for whole heads and whole bodies, and for what is left to send at a close."""

    site: IConnections
    limits: Limits
    callLater: Callable[..., IDelayedCall]

    _is_refused = False
    _is_waiting = True  # for the first byte of a head
    _is_raw = False  # whether what came last was more than lines
    _is_closing = False
    _has_answered_early = False
    _left_bytes: int | None = None  # of a body that nobody wants any more; None: nobody knows
    _deadline: IDelayedCall | None = None
    _linger: IDelayedCall | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a request has begun to arrive, and its answer has not ended."""
        return not self._is_waiting

    @property
    def is_idle(self) -> bool:
        """Whether the next byte would be the first of a request, and that is to be answered."""
        return self._is_waiting and not self._is_refused and not self._is_closing and self._linger is None

    @property
    def outlet(self) -> IOutlet | None:
        """Where bytes leave past the transport; None where there is no such place."""
        return None

    def emptied(self) -> Deferred[None]:
        """Fires once the transport holds nothing; not to be asked for a connection that has no `outlet`.

        The transport tells nobody meanwhile that it holds enough.
        """
        raise NotImplementedError

    @property
    def is_closing(self) -> bool:
        """Whether the connection is to be closed as soon as the answer that is under way has ended."""
        return self._is_closing

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self.site.opened(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if self._is_refused:
            self._drop(len(data))
            return
        self._begin_head()
        self._is_raw = False
        super().dataReceived(data)
        if not self._is_raw and not data.endswith(b"\n"):
            self._begin_head()  # half a line is left, behind a request without a body that is answered by now

    def lineReceived(self, line: bytes) -> None:
        """A line of a head."""
        self._begin_head()
        super().lineReceived(line)

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """The head of an answer, in one piece: a transport looks at each that it is given."""
        fields = [b"%b: %b\r\n" % (name, value) for name, values in headers.getAllRawHeaders() for value in values]
        tcp(self.transport).write(b"%b %b %b\r\n%b\r\n" % (version, code, reason, b"".join(fields)))

    def allHeadersReceived(self) -> None:
        """The head is here: is the body that it states one to wait for, or to be taken in as it comes?"""
        if self.length != 0 and is_upload(self._command, self._path):
            self._stream()
            return
        if self.length is not None and self.length > self.limits.body_bytes:
            self.refuse(413, b"Content Too Large")
            return
        self._set_deadline(self.limits.body_timeout_s)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """The request is here: it is answered, however long that takes."""
        if self._is_refused:
            return
        self._set_deadline(None)
        super().allContentReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """A part of a body, or of the next request; of no interest once this one is refused."""
        self._is_raw = True
        if self._is_refused:
            self._drop(len(data))
        else:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the head that is longer than any head may be."""
        self.refuse(431, b"Request Header Fields Too Large")

    def requestDone(self, request: IRequest) -> None:
        """The answer is written, if not all of it sent."""
        self._is_waiting = True
        if self._is_closing:
            self.persistent = False
        if cast("NodeRequest", request).is_arriving:
            self._answered_early(cast("NodeRequest", request))
        else:
            super().requestDone(request)

    def loseConnection(self) -> None:
        """Close when all is sent, or when the peer has not taken it in time."""
        if self._linger is None:
            self._linger = self.callLater(self.limits.write_timeout_s, self._give_up)
        if self._has_answered_early:
            tcp(self.transport).loseConnection()
        else:
            super().loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._set_deadline(None)
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        super().connectionLost(reason)
        self.site.closed(self)

    def refuse(self, status: int, reason: bytes) -> None:
        """Answer a request that is not to be read to its end, and close."""
        self._is_refused = True
        self._set_deadline(None)
        log.info(
            "{client} refused: {status} {reason}", client=str(self.getPeer()), status=status, reason=reason.decode()
        )
        head = b"HTTP/1.1 %d %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (status, reason)
        tcp(self.transport).write(head)
        self.loseConnection()

    def close_when_idle(self) -> None:
        """Close now if nothing is being answered, else after the answer; one that goes on for ever ends now."""
        self._is_closing = True
        if not self.is_busy:
            self.loseConnection()
        for request in list(self.requests):
            request.drain()

    # -- bodies that are taken in as they come ----------------------------------------------------------------

    def _stream(self) -> None:
        request: NodeRequest = self.requests[-1]
        expected = request.requestHeaders.getRawHeaders(b"Expect", [b""])[0].lower()
        is_expecting = expected == b"100-continue" and self._version == b"HTTP/1.1"
        request.requestHeaders.removeHeader(b"Expect")  # Twisted would say at once that the body is welcome
        self._set_deadline(None)
        self.setTimeout(None)  # the inflow has its own
        super().allHeadersReceived()
        inflow = Inflow(
            stated_bytes=self.length,
            limit_bytes=self.limits.upload_bytes,
            timeout_s=self.limits.body_timeout_s,
            call_later=self.callLater,
            pause=_source(self.transport).pauseProducing,
            resume=_source(self.transport).resumeProducing,
            begin=self._welcome_body if is_expecting else _nothing,
        )
        request.begin(inflow, self._command, self._path, self._version)

    def _welcome_body(self) -> None:
        tcp(self.transport).write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answered_early(self, request: NodeRequest) -> None:
        """Let the client read the answer to a request that it still sends: what it sends is dropped meanwhile.

        Closing over unread bytes would reset the connection, and take the answer with it.
        """
        self._is_refused = self._has_answered_early = True
        self.requests.remove(request)
        self._left_bytes = request.left_bytes
        transport = tcp(self.transport)
        cast("IConsumer", transport).unregisterProducer()
        _source(transport).resumeProducing()
        if not ISSLTransport.providedBy(transport):  # which has no half-close
            transport.loseWriteConnection()
        if self._linger is None:
            self._linger = self.callLater(self.limits.drop_timeout_s, self._give_up)
        self._drop(0)

    def _drop(self, size_bytes: int) -> None:
        """Bytes of a body that nobody wants; behind the last of them there is nothing to wait for."""
        if self._left_bytes is not None:
            self._left_bytes -= size_bytes
            if self._left_bytes <= 0:
                self._left_bytes = None
                self.loseConnection()

    # -- deadlines --------------------------------------------------------------------------------------------

    def _begin_head(self) -> None:
        if self._is_waiting and not self._is_refused and self._linger is None:
            self._is_waiting = False
            self._set_deadline(self.limits.head_timeout_s)

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.callLater(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._linger is None:
            self.refuse(408, b"Request Timeout")

    def _give_up(self) -> None:
        tcp(self.transport).abortConnection()


def _nothing() -> None:
    """Do that."""
