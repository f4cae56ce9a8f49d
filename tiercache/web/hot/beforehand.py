"""Makes ready what was asked for and was not: when nobody asks any more, and before somebody does again.

What an install brings in changes the pages of its projects, so that its answers are not those that the next one is
given.  Whoever comes next finds them made.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tiercache.web.answer import Variant
from tiercache.web.hot.ready import LONGEST_TARGET

QUIET_S = 0.5
"""For so long nothing was asked for that was not ready."""

MOST_REMEMBERED = 1024
"""So much of it, the last."""


@define(kw_only=True, eq=False)
class Beforehand:
    """`make_ready` makes an answer ready if it can be made in no time; one is made in a turn of the reactor."""

    _clock: IReactorTime
    _make_ready: Callable[[bytes, Variant], object]
    _wanted: dict[tuple[bytes, Variant], None] = field(factory=dict, init=False)
    _last_at: float = field(default=0.0, init=False)
    _alarm: IDelayedCall | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._wanted)

    def note(self, target: bytes, variant: Variant) -> None:
        """Somebody has asked for this, and the application is asked now."""
        if len(target) > LONGEST_TARGET:
            return
        self._wanted.pop((target, variant), None)
        self._wanted[target, variant] = None
        if len(self._wanted) > MOST_REMEMBERED:
            del self._wanted[next(iter(self._wanted))]
        self._last_at = self._clock.seconds()
        if self._alarm is None:
            self._alarm = self._clock.callLater(QUIET_S, self._look)

    def _look(self) -> None:
        self._alarm = None
        if not self._wanted:
            return
        noisy_s = self._last_at + QUIET_S - self._clock.seconds()
        if noisy_s <= 0:
            (target, variant) = next(iter(self._wanted))
            del self._wanted[target, variant]
            self._alarm = self._clock.callLater(0, self._look)
            self._make_ready(target, variant)
        else:
            self._alarm = self._clock.callLater(noisy_s, self._look)
