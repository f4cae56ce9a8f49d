"""The front of each connection: whole requests for what is ready are answered at once, all else goes on to the stock
channel, with its bytes, as if nobody had looked at them."""

# ruff: noqa: N802  # most names here are Twisted's, which calls them
# twisted.web has few types, and nearly all calls here go to it:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Protocol

from tiercache.web.channel import IConnections, NodeChannel, tcp
from tiercache.web.hot.path import HotAnswer, HotPath


class IFrontSite(IConnections, Protocol):
    """The site of such a connection; `hot` None: nothing is ready there."""

    hot: HotPath | None


class FrontChannel(NodeChannel):
    """One connection, with the front before it."""

    site: IFrontSite

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if self.site.hot is not None and self.is_idle:
            data = self._answered(self.site.hot, data)
            if not data:
                self.resetTimeout()
                return
        super().dataReceived(data)

    def _answered(self, hot: HotPath, data: bytes) -> bytes:
        """Answer what is ready; what is left is not, or not known to be."""
        at = 0
        while at < len(data):
            answer = hot.answer(data, at)
            if answer is None:
                return data[at:]
            self._send(hot, answer)
            at = answer.end
        return b""

    def _send(self, hot: HotPath, answer: HotAnswer) -> None:
        prepared = answer.prepared
        tcp(self.transport).write(prepared.whole if answer.has_body else answer.head)
        prepared.standing.used()
        hot.note(answer, self.getPeer(), sent_bytes=prepared.body_bytes if answer.has_body else 0)
