"""Small pieces of work that nobody waits for, one in each turn of the reactor.

Fifty of them begun at once are a turn of fifty milliseconds, in which no client is answered.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


@define(kw_only=True, eq=False)
class Turns:
    """Lets one go on that waits, then whatever else there is to be done, then the next."""

    _clock: IReactorTime
    _waiting: deque[Deferred[None]] = field(factory=deque, init=False)

    async def next(self) -> None:
        """Returns in a later turn, behind all who asked before."""
        mine: Deferred[None] = Deferred()
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            self._clock.callLater(0, self._go_on)
        await mine

    def _go_on(self) -> None:
        first = self._waiting.popleft()
        if self._waiting:
            self._clock.callLater(0, self._go_on)
        if not first.called:  # else it was cancelled meanwhile
            first.callback(None)
