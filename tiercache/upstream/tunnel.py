"""A way through an HTTP proxy for what is not plain http: CONNECT (RFC 9110 §9.3.6).

Twisted has no endpoint for it.  TLS is laid over this one by who uses it.
"""

from __future__ import annotations

import re

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tiercache.upstream.failure import ProxyRefused

LONGEST_HEAD_BYTES = 2**16
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


@implementer(IStreamClientEndpoint)
@define(kw_only=True)
class TunnelEndpoint:
    """Connects to `authority` (`name:port`) through the proxy behind `proxy`."""

    proxy: IStreamClientEndpoint
    authority: str
    authorization: str | None = field(default=None, repr=False)

    def connect(self, protocol_factory: IProtocolFactory) -> Deferred[IProtocol]:
        lines = [f"CONNECT {self.authority} HTTP/1.1", f"Host: {self.authority}"]
        if self.authorization is not None:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        request = "\r\n".join([*lines, "", ""]).encode("ascii")
        return Deferred.fromCoroutine(self._opened(protocol_factory, request))

    async def _opened(self, protocol_factory: IProtocolFactory, request: bytes) -> IProtocol:
        tunnel = _Tunnel(protocol_factory, request)
        await self.proxy.connect(Factory.forProtocol(lambda: tunnel))
        return await tunnel.opened


class _Tunnel(Protocol):
    """Asks for the tunnel, and once it is open passes everything on to the protocol that it was opened for."""

    def __init__(self, inner_factory: IProtocolFactory, request: bytes) -> None:
        self.opened: Deferred[IProtocol] = Deferred(self._give_up)
        self._inner_factory = inner_factory
        self._request = request
        self._inner: IProtocol | None = None
        self._head = b""
        self._failed = False
        self._wire: ITCPTransport  # from `connectionMade` on, which is the first call

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        self._wire = ITCPTransport(self.transport)
        self._wire.write(self._request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        if self._failed:
            return
        self._head += data
        end = _END_OF_HEAD.search(self._head)
        if end is not None:
            self._answered(self._head[: end.end()], self._head[end.end() :])
        elif len(self._head) > LONGEST_HEAD_BYTES:
            self._fail("sends a head without an end")

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        if self._inner is not None:
            self._inner.connectionLost(reason)
        else:
            self._fail("hung up")

    def _answered(self, head: bytes, rest: bytes) -> None:
        status = _STATUS.match(head)
        if status is None:
            self._fail("sends what is no HTTP")
        elif not status[1].startswith(b"2"):
            self._fail(f"answered {status[1].decode('ascii')}")
        else:
            inner = self._inner_factory.buildProtocol(self._wire.getPeer())
            if inner is None:  # a factory may decline (IProtocolFactory)
                self._fail("was not needed any more")
                return
            self._inner = inner
            inner.makeConnection(self._wire)
            self.opened.callback(inner)
            if rest:
                inner.dataReceived(rest)

    def _fail(self, answer: str) -> None:
        if not self._failed:
            self._give_up(self.opened)
            self.opened.errback(ProxyRefused(answer))

    def _give_up(self, _opened: Deferred[IProtocol]) -> None:
        self._failed = True  # first, since what follows may be told of at once
        self._head = b""
        self._wire.abortConnection()
