"""Slices of time: what takes many small steps and waits for none of them lets clients have theirs in between."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

LONGEST_S = 0.002
"""For so long the steps of one go on, then it is the turn of whatever else there is to do."""


@define(kw_only=True, eq=False)
class Slices:
    """Those of one piece of work."""

    _clock: IReactorTime
    _began_at: float = field(init=False)

    @_began_at.default
    def _now(self) -> float:
        return self._clock.seconds()

    async def next(self) -> None:
        """To be called before each step."""
        if self._clock.seconds() - self._began_at >= LONGEST_S:
            await deferLater(self._clock, 0)
            self._began_at = self._clock.seconds()
