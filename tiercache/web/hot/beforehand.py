"""Makes ready what was asked for and was not: when nobody asks any more, and before somebody does again.

What an install brings in changes the pages of its projects, so that its answers are not those that the next one is
given, whether the application gave them or they were at hand.  Whoever comes next finds them made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tiercache.web.answer import Variant
from tiercache.web.hot.ready import LONGEST_TARGET

QUIET_S = 0.5
"""For so long nothing was asked for that was not ready."""

REMEMBERED_S = 60.0
"""For so long it is seen to: files that come after a page change that page once more."""

MOST_REMEMBERED = 1024
"""So much of it, the last."""

Wanted = tuple[bytes, Variant]


@define(kw_only=True, eq=False)
class Beforehand:
    """`make_ready` makes an answer ready if that takes no time, and tells whether it is; one is looked at in a turn of
    the reactor.  What is not to be had so is not looked at again before somebody asks for it."""

    _clock: IReactorTime
    _make_ready: Callable[[bytes, Variant], bool]
    _wanted: dict[Wanted, float] = field(factory=dict, init=False)  # and when; the oldest is the first
    _last_at: float = field(default=0.0, init=False)
    _alarm: IDelayedCall | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._wanted)

    def note(self, target: bytes, variant: Variant) -> None:
        """Somebody has asked for this, and it was not ready."""
        if len(target) > LONGEST_TARGET:
            return
        self._last_at = self._clock.seconds()
        self._wanted.pop((target, variant), None)
        self._wanted[target, variant] = self._last_at
        if len(self._wanted) > MOST_REMEMBERED:
            del self._wanted[next(iter(self._wanted))]
        if self._alarm is None:
            self._wait(QUIET_S)

    def _wait(self, seconds: float) -> None:
        self._alarm = self._clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        noisy_s = self._last_at + QUIET_S - self._clock.seconds()
        if noisy_s > 0:
            self._wait(noisy_s)
            return
        oldest = self._clock.seconds() - REMEMBERED_S
        self._wanted = {wanted: noted_at for wanted, noted_at in self._wanted.items() if noted_at >= oldest}
        self._go_on(self._last_at, iter(tuple(self._wanted)))

    def _go_on(self, last_at: float, these: Iterator[Wanted]) -> None:
        if self._last_at != last_at:
            self._begin()
            return
        wanted = next(these, None)
        self._alarm = None if wanted is None else self._clock.callLater(0, self._go_on, last_at, these)
        if wanted is not None and not self._make_ready(*wanted):
            self._wanted.pop(wanted, None)
