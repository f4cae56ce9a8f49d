"""A turn's share: for how long, in one turn of the reactor, requests are begun that the application has to answer, and
what tiers answer is gone on with.

Each takes it milliseconds.  Fifty that come together have their turns, in the order in which they came, and what is
ready is answered in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

MOST_S = 0.002
"""Who comes when so much of a turn has been spent waits for the next."""

CLOSE_S = 2 * MOST_S
"""Who comes so soon behind another may have come in the same turn."""


@define(kw_only=True, eq=False)
class Share:
    """What is left of the share is known by the clock; on one that stands still nobody ever waits."""

    _clock: IReactorTime
    _waiting: dict[object, Callable[[], object]] = field(factory=dict, init=False)  # who came first is the first
    _spent_s: float = field(default=0.0, init=False)
    _began_at: float | None = field(default=None, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _passed_at: float = field(default=-math.inf, init=False)

    @property
    def is_used_up(self) -> bool:
        """Whether somebody has to `wait`.  Within what is being done now, that is only a matter of time."""
        if self._began_at is None:
            return bool(self._waiting) or self._spent_s >= MOST_S
        return self._spent_s + self._clock.seconds() - self._began_at >= MOST_S

    def spend(self, act: Callable[[], object]) -> None:
        """Do this now; it counts."""
        if self._began_at is not None:  # as does what it is part of
            act()
            return
        self._began_at = self._clock.seconds()
        try:
            act()
        finally:
            self._spent_s += max(0.0, self._clock.seconds() - self._began_at)
            self._began_at = None
            if self._spent_s >= MOST_S:
                self._begin_anew_soon()

    def wait(self, who: object, act: Callable[[], object]) -> None:
        """Do this when it is their turn, in a later turn of the reactor."""
        self._waiting[who] = act
        self._begin_anew_soon()

    async def next(self) -> None:
        """Returns when it is the caller's turn: at once, unless others came just before.

        What those who did not wait did then is not known; the time since they came counts, if that is not long ago.
        """
        if self._began_at is None:
            now = self._clock.seconds()
            since_s, self._passed_at = now - self._passed_at, now
            self._spent_s += since_s if 0.0 < since_s < CLOSE_S else 0.0
            if self._spent_s >= MOST_S:
                self._begin_anew_soon()
        if not self.is_used_up:
            return
        mine: Deferred[None] = Deferred()
        self.wait(mine, partial(mine.callback, None))
        try:
            await mine
        finally:
            self.leave(mine)

    def leave(self, who: object) -> None:
        """They do not wait any more."""
        self._waiting.pop(who, None)

    def _begin_anew_soon(self) -> None:
        if self._next is None:
            self._next = self._clock.callLater(0, self._begin_anew)

    def _begin_anew(self) -> None:
        self._next, self._spent_s = None, 0.0
        try:
            while self._waiting and self._spent_s < MOST_S:
                self.spend(self._waiting.pop(next(iter(self._waiting))))
        finally:
            if self._waiting:
                self._begin_anew_soon()
