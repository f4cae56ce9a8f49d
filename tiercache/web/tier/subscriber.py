"""One client that follows the change feed: an answer that goes on, at the client's own pace."""

# ruff: noqa: N802  # the names of IPushProducer

from __future__ import annotations

from typing import cast

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

from tiercache.web.body import Outflow, abort
from tiercache.web.channel import NodeRequest
from tiercache.web.tier.feed import Feed, Place


@implementer(IPushProducer)
@define(kw_only=True, eq=False)
class Subscriber:
    """Writes what the feed has for it as long as the connection takes it; it keeps nothing of it.

    It ends when the client leaves or takes nothing for `write_timeout_s`, and when the node stops.
    """

    place: Place
    _feed: Feed
    _clock: IReactorTime
    _write_timeout_s: float
    _request: Request = field(init=False)
    _outflow: Outflow = field(init=False)
    _ended: Deferred[None] = field(factory=Deferred, init=False)

    async def run(self, request: Request) -> None:
        """See `IStream`."""
        self._request = request
        self._outflow = Outflow(request=request, clock=self._clock, write_timeout_s=self._write_timeout_s)
        request.registerProducer(self, True)
        self._feed.subscribe(self)
        try:
            cast("NodeRequest", request).when_draining(self.end)
            self.advance()
            await self._ended
        finally:
            self._feed.unsubscribe(self)
            self._outflow.end()
            if not self._request.finished and getattr(request, "channel", None) is not None:
                request.unregisterProducer()

    def advance(self) -> None:
        """See `ISubscriber`."""
        while not self._outflow.is_full and not self._ended.called:
            piece = self._feed.after(self.place)
            if not piece:
                return
            self._request.write(piece)

    def end(self) -> None:
        """The node stops: end the answer, or cut it where the client does not even take what it was given."""
        if self._outflow.is_full:
            abort(self._request)
        elif not self._ended.called:
            self._ended.callback(None)

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self._outflow.pauseProducing()

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self._outflow.resumeProducing()
        self.advance()

    def stopProducing(self) -> None:
        """See `IPushProducer`."""
        self._outflow.stopProducing()
