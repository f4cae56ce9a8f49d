# ruff: noqa: N802 -- Twisted's names
"""The body of a request of ours: short, and in memory already."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
@define(kw_only=True, eq=False)
class SentBytes:
    """Written at once; twisted's own producer of bytes goes through the global reactor."""

    content: bytes = field(repr=False)
    length: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.length = len(self.content)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer`."""
        consumer.write(self.content)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All is written already."""

    def resumeProducing(self) -> None:
        """All is written already."""

    def stopProducing(self) -> None:
        """All is written already."""
