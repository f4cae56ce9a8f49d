"""The listening side: Twisted's site, which knows its connections, how many may be open, and how to end them."""

# ruff: noqa: N802, N815  # most names here are Twisted's, which calls them
# twisted.web has few types, and nearly all calls here go to it:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.resource import IResource
from twisted.web.server import Site

from tiercache.cache.share import Share
from tiercache.interfaces import Pool
from tiercache.web.channel import NodeChannel, NodeRequest, tcp
from tiercache.web.front import Front
from tiercache.web.hot.channel import FrontChannel
from tiercache.web.hot.path import HotPath
from tiercache.web.hot.readers import Readers
from tiercache.web.hot.sweep import Sweep
from tiercache.web.limits import Limits

REFUSAL = b"This node has as many clients as it takes.\n"
REFUSAL_S = 2.0  # for a refused client to read that


@define(eq=False)
class Refusal(Protocol):
    """Tells a client that there are too many of them, lets it read that, and closes."""

    _site: NodeSite
    _deadline: IDelayedCall | None = field(default=None, init=False)

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self._deadline = self._site.reactor.callLater(REFUSAL_S, tcp(self.transport).abortConnection)
        tcp(self.transport).write(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(REFUSAL), REFUSAL)
        )
        if ISSLTransport.providedBy(self.transport):
            tcp(self.transport).loseConnection()  # there is no half-close
            return
        # What the client has sent is read and dropped meanwhile: closing over unread bytes would reset the
        # connection, and take the answer with it.
        tcp(self.transport).loseWriteConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._site.refused -= 1


class NodeSite(Site):
    """The factory of a node's connections; it knows which are open, and how many may be.

    Twisted's own access log is off: `tiercache.web.access_log` writes it.  `elsewhere` gives how many connections are
    open in other processes that count for the same limit; `count` is told how many are here.
    """

    protocol = FrontChannel  # type: ignore[assignment]  # Twisted states its own class, and takes any
    requestFactory = NodeRequest
    displayTracebacks = False
    noisy = False  # where a node listens, its ports say

    def __init__(self, root: IResource, reactor: IReactorTime, limits: Limits) -> None:
        super().__init__(root, reactor=reactor, timeout=limits.idle_timeout_s, parsePOSTFormSubmission=False)
        self.limits = limits
        self.hot: HotPath | None = None
        self.readers = Readers.of(reactor)
        self.share = Share(clock=reactor)
        self.idle = Sweep(clock=reactor, period_s=limits.idle_timeout_s, act=FrontChannel.timeoutConnection)
        self.stalled = Sweep(clock=reactor, period_s=limits.write_timeout_s, act=FrontChannel.has_stalled)
        self.serve(root)
        self.refused = 0
        self.count: Callable[[int], object] = _told_to_nobody
        self.elsewhere: Callable[[], int] = _nowhere
        self._open: set[NodeChannel] = set()
        self._drained: Deferred[None] | None = None

    def serve(self, root: IResource) -> None:
        """Serve this root from now on, with what of its answers is kept ready."""
        self.resource = root
        self.hot = root.hot if isinstance(root, Front) else None

    async def get_ready(self, pool: Pool) -> None:
        """See `Front.get_ready`."""
        if isinstance(self.resource, Front):
            await self.resource.get_ready(pool)

    @property
    def connections(self) -> int:
        """How many connections are open, those being refused not counted."""
        return len(self._open)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A channel; above the limit a refusal; with many refusals under way nothing, which closes at once."""
        if len(self._open) + self.elsewhere() >= self.limits.connections:
            if self.refused >= self.limits.refusals:
                return None
            self.refused += 1
            return Refusal(self)
        return self.channel(addr)

    def channel(self, addr: IAddress | None) -> Any:
        """A channel, however many there are."""
        channel: Any = super().buildProtocol(addr)
        channel.limits = self.limits
        channel.MAX_LENGTH = channel.totalHeadersSize = self.limits.head_bytes
        channel.maxHeaders = self.limits.head_fields
        return channel

    def startFactory(self) -> None:
        """Begin, without Twisted's access log."""

    def stopFactory(self) -> None:
        """End, with every line of the log written."""
        self._flush()

    def _flush(self) -> None:
        if self.hot is not None:
            self.hot.flush()

    def getContentFile(self, length: int | None) -> BinaryIO:
        """Where a request's body goes: to memory, since `NodeRequest` bounds it."""
        return BytesIO()

    def log(self, request: http.Request) -> None:
        """Write nothing: see `tiercache.web.access_log`."""

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 alone: no other channel keeps these limits."""
        return [b"http/1.1"]

    def opened(self, channel: NodeChannel) -> None:
        """A connection is open."""
        self._open.add(channel)
        self.count(len(self._open))

    def closed(self, channel: NodeChannel) -> None:
        """A connection is gone."""
        self._open.discard(channel)
        self.count(len(self._open))
        if not self._open:
            self.idle.rest()
            self.stalled.rest()
        if not self._open and self._drained is not None:
            drained, self._drained = self._drained, None
            drained.callback(None)

    async def drain(self, deadline_s: float) -> int:
        """Let each answer that is under way end, and close; what is left after `deadline_s` seconds is cut.

        Returns how many were cut.  To be called when nothing listens any more.
        """
        for channel in list(self._open):
            channel.close_when_idle()
        if not self._open:
            self._flush()
            return 0
        drained: Deferred[None] = Deferred()
        self._drained = drained
        cut: list[NodeChannel] = []

        def cut_the_rest() -> None:
            cut.extend(self._open)
            for channel in cut:
                tcp(channel.transport).abortConnection()

        late = self.reactor.callLater(deadline_s, cut_the_rest)
        try:
            await drained
        finally:
            if late.active():
                late.cancel()
            self._flush()
        return len(cut)


def _nowhere() -> int:
    return 0


def _told_to_nobody(connections: int) -> None:
    """Who else would want to know."""
