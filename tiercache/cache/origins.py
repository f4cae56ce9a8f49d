"""Where the news that a node knows began: by it news is passed on once, however many ways it comes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from attrs import define, field

from tiercache.policy.news import Position

KEPT_ORIGINS = 10_000
"""How many origins are kept one by one; of those before, the greatest serial of each epoch."""


@define(kw_only=True)
class Origins:
    """The origins (positions in the journals where changes stood first) that were passed on by this node.

    News of one journal comes in its order by whatever way, so one with a smaller serial than what has been forgotten
    already was passed on, or stood in a gap of which everybody was told.
    """

    _most: int = KEPT_ORIGINS
    _kept: OrderedDict[Position, None] = field(factory=OrderedDict, init=False)
    _forgotten: OrderedDict[str, int] = field(factory=OrderedDict, init=False)

    def __contains__(self, origin: Position) -> bool:
        return origin in self._kept or origin.serial <= self._forgotten.get(origin.epoch, -1)

    def note(self, origins: Iterable[Position]) -> None:
        """These are passed on."""
        for origin in origins:
            self._kept[origin] = None
            self._kept.move_to_end(origin)
        while len(self._kept) > self._most:
            oldest, _ = self._kept.popitem(last=False)
            self._forgotten[oldest.epoch] = max(oldest.serial, self._forgotten.get(oldest.epoch, -1))
            self._forgotten.move_to_end(oldest.epoch)
        while len(self._forgotten) > self._most:
            self._forgotten.popitem(last=False)

    def take_back(self, origins: Iterable[Position]) -> None:
        """These were not passed on after all."""
        for origin in origins:
            self._kept.pop(origin, None)

    def forget(self, epoch: str) -> None:
        """The journal of this epoch was set back: its serials mean something else from now on."""
        self._forgotten.pop(epoch, None)
        for origin in [origin for origin in self._kept if origin.epoch == epoch]:
            del self._kept[origin]
