"""The deadlines of a connection: how long nothing may happen on it, and its client take nothing of what it is sent."""

# ruff: noqa: N802, N815  # Twisted's names, which calls them
# twisted.web has few types, and nearly all calls here go to it:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any, Protocol

from twisted.logger import Logger

from tiercache.web.channel import IConnections, NodeChannel, tcp
from tiercache.web.hot.sweep import Sweep

log = Logger()


class ITimedSite(IConnections, Protocol):
    """The site of such a connection.

    `idle` has the connections on which nothing happens, `stalled` those whose clients are to take something.
    """

    idle: Sweep[Any]
    stalled: Sweep[Any]


class TimedChannel(NodeChannel):
    """One connection, for whose deadlines its site has one alarm each."""

    site: ITimedSite
    timeOut: Any  # Twisted counts whole seconds

    _idle_s: float | None = None  # the time to be idle that is suspended

    def has_stalled(self) -> None:
        """The client has taken nothing for as long as it may."""
        log.info("{client} took nothing of what it asked for and is dropped", client=str(self.getPeer()))
        tcp(self.transport).abortConnection()

    def setTimeout(self, period: float | None) -> float | None:
        """See `TimeoutMixin`; there is one alarm for all connections, whose period is the same."""
        previous: float | None = self.timeOut
        self.timeOut = period
        if period is None:
            self.site.idle.forget(self)
        else:
            self.site.idle.touch(self)
        return previous

    def resetTimeout(self) -> None:
        """See `TimeoutMixin`."""
        if self.timeOut is not None:
            self.site.idle.touch(self)

    def _suspend_idle_timeout(self) -> None:
        if self.timeOut is not None:
            self._idle_s = self.setTimeout(None)

    def _restore_idle_timeout(self) -> None:
        if self._idle_s is not None:
            self.setTimeout(self._idle_s)
            self._idle_s = None
