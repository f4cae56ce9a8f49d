"""A turn's share: for how long requests are begun, in one turn of the reactor, that the application has to answer.

Each takes it milliseconds.  Fifty that come together are begun turn by turn, in the order in which they came, and what
is ready is answered in between.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

MOST_S = 0.002
"""Who comes when so much of a turn has been spent waits for the next."""


@define(kw_only=True, eq=False)
class Share:
    """What is left of the share is known by the clock; on one that stands still nobody ever waits."""

    _clock: IReactorTime
    _waiting: dict[object, Callable[[], object]] = field(factory=dict, init=False)  # who came first is the first
    _spent_s: float = field(default=0.0, init=False)
    _began_at: float | None = field(default=None, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

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
