"""One alarm for any number of connections that all have the same time to do something."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

M = TypeVar("M")


@define(kw_only=True, eq=False)
class Sweep(Generic[M]):
    """Calls `act` with each member that has not been touched for `period_s` seconds, which is none any more then.

    Members stand in the order of their deadlines, so that to touch one costs next to nothing; when the last one is
    forgotten the alarm still rings, for nobody, since to cancel and set it each time costs more.
    """

    _clock: IReactorTime
    _period_s: float
    _act: Callable[[M], None]
    _touched_at: OrderedDict[M, float] = field(factory=OrderedDict, init=False)
    _alarm: IDelayedCall | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._touched_at)

    def touch(self, member: M) -> None:
        """From now on it has the whole period again."""
        self._touched_at[member] = self._clock.seconds()
        self._touched_at.move_to_end(member)
        if self._alarm is None:
            self._alarm = self._clock.callLater(self._period_s, self._sweep)

    def forget(self, member: M) -> None:
        """It has no deadline any more; harmless if it has none."""
        self._touched_at.pop(member, None)

    def rest(self) -> None:
        """Take the alarm away that would ring for nobody."""
        if not self._touched_at and self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
            self._alarm = None

    def _sweep(self) -> None:
        now = self._clock.seconds()
        while self._touched_at:
            member, touched_at = next(iter(self._touched_at.items()))
            if touched_at + self._period_s > now:
                break
            del self._touched_at[member]
            self._act(member)
        self._alarm = None
        if self._touched_at:
            oldest = next(iter(self._touched_at.values()))
            self._alarm = self._clock.callLater(oldest + self._period_s - now, self._sweep)
