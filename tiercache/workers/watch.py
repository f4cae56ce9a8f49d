"""Whether a worker hangs: it says that it is alive every other second, and who is silent for long is of no use."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

ALIVE_EVERY_S = 2.0

MOST_SILENT = 5
"""So many looks in a row at a worker that has said nothing, and it hangs."""

MOST_SILENT_AT_FIRST = 30
"""The same while it has not begun: a machine that is busy loads it slowly."""


@define(kw_only=True, eq=False)
class Watch:
    """Calls `hangs`, once, when a worker has been silent for long.

    Looks are counted, and not seconds: a node that was held up itself has heard nobody meanwhile, and takes one look.
    """

    _clock: IReactorTime
    _hangs: Callable[[], None]
    _look_at: IDelayedCall | None = field(default=None, init=False)
    _silent: int = field(default=0, init=False)
    _has_begun: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Look from now on."""
        self._look_at = self._clock.callLater(ALIVE_EVERY_S, self._look)

    def heard(self) -> None:
        """It has said something."""
        self._silent = 0
        self._has_begun = True

    def end(self) -> None:
        """Look no more; harmless if nobody looks."""
        if self._look_at is not None and self._look_at.active():
            self._look_at.cancel()
        self._look_at = None

    def _look(self) -> None:
        self._silent += 1
        if self._silent > (MOST_SILENT if self._has_begun else MOST_SILENT_AT_FIRST):
            self._look_at = None
            self._hangs()
        else:
            self.begin()
