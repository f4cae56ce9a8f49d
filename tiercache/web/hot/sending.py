"""Sends a stretch of a file past Python: whenever the socket has room the kernel is told of the next of it."""

# ruff: noqa: N802  # the names of IPullProducer

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IPullProducer
from twisted.logger import Logger
from zope.interface import implementer

from tiercache.web.body import TURN_BYTES
from tiercache.web.hot.descriptors import Held
from tiercache.web.hot.outlet import IOutlet

log = Logger()

LAST_BYTES = 64 * 1024
"""So much at the end leaves by `sendfile` in any case."""


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
        """As `IOutlet.send`; what is mapped, from there, but for the last of it.

        Where a file was cut short the rest of that page of memory reads as zeros, and what is behind it cannot be read.
        `sendfile` knows where a file ends: what it has given the last of is whole.
        """
        mapped = self.held.mapped
        until = min(at + size_bytes, self.stop - LAST_BYTES)
        if mapped is not None and until > at:
            taken = self._outlet.write(mapped.view[at:until])
            if taken:
                return taken
        return self._outlet.send(self.held.number, at, size_bytes)

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._end(is_whole=False)

    def _end(self, *, is_whole: bool) -> None:
        if not self.is_over:
            self.is_over = True
            self._ended(is_whole)


def sent_at_once(outlet: IOutlet, held: Held, start: int, stop: int) -> int:
    """How much of [start, stop) is taken now, if that may be all of it; what goes wrong a `FileSending` finds again."""
    if stop - start > TURN_BYTES:
        return 0
    try:
        return outlet.send(held.number, start, stop - start) or 0
    except OSError:
        return 0
