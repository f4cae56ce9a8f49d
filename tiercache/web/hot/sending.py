"""Sends a stretch of a file: whenever the socket has room it has the next of it, by `sendfile` or from memory."""

# ruff: noqa: N802  # the names of IPullProducer

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IPullProducer
from twisted.logger import Logger
from zope.interface import implementer

from tiercache.web.body import TURN_BYTES
from tiercache.web.hot.descriptors import NOTHING, Held
from tiercache.web.hot.outlet import IOutlet

log = Logger()


@implementer(IPullProducer)
@define(kw_only=True, eq=False)
class FileSending:
    """The bytes [start, stop) of a file, of which `sent_bytes` have been taken.

    `progress`: some were taken; `ended`, once: whether all were.
    """

    _outlet: IOutlet
    held: Held
    start: int
    stop: int
    _progress: Callable[[], None]
    _ended: Callable[[bool], None]
    sent_bytes: int = 0
    is_registered: bool = field(default=False, init=False)
    is_over: bool = field(default=False, init=False)

    def resumeProducing(self) -> None:
        """The transport holds nothing; but for the first time, when it is registered and may hold the head."""
        if self.is_registered and not self.is_over:
            self.turn()
        self.is_registered = True

    def turn(self) -> None:
        """Hand on as much as there is a turn for, and the socket takes; the transport is to hold nothing."""
        try:
            at = self.start + self.sent_bytes
            taken = self._hand_on(at, min(TURN_BYTES, self.stop - at))
        except OSError as error:  # the client is gone
            log.debug("{error}", error=error)
            self._end(is_whole=False)
            return
        if taken == 0:
            log.warn("{file} has lost bytes while it was sent", file=self.held.file.sha256)
            self._end(is_whole=False)
            return
        self.sent_bytes += taken or 0
        if self.start + self.sent_bytes == self.stop:
            self._end(is_whole=True)
            return
        if taken:
            self._progress()
        self._outlet.wait()

    def _hand_on(self, at: int, size_bytes: int) -> int | None:
        """As `IOutlet.send`; from memory what is there."""
        stretch = self.held.stretch(at, self.stop)[:size_bytes]
        taken = self._outlet.write(stretch) if stretch else 0
        if taken == size_bytes or 0 < taken < len(stretch):
            return taken
        more = self._outlet.send(self.held.number, at + taken, size_bytes - taken)
        return taken + (more or 0) if taken else more

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._end(is_whole=False)

    def _end(self, *, is_whole: bool) -> None:
        if not self.is_over:
            self.is_over = True
            self._ended(is_whole)


def begun(outlet: IOutlet, head: bytes, held: Held, start: int, stop: int) -> int:
    """Hand on a head, and [start, stop) with it where that may be done in a turn.

    How much of both is taken, from the head on; what goes wrong with the file a `FileSending` finds again.
    """
    size_bytes = stop - start
    if size_bytes > TURN_BYTES:
        outlet.expect_much()
        return outlet.begin(head, NOTHING, is_more_to_come=True)
    stretch = held.stretch(start, stop)
    left_bytes = size_bytes - len(stretch)
    taken = outlet.begin(head, stretch, is_more_to_come=left_bytes > 0)
    if taken < len(head) + len(stretch) or not left_bytes:
        return taken
    try:
        return taken + (outlet.send(held.number, stop - left_bytes, left_bytes) or 0)
    except OSError:
        return taken
