"""A journal in memory: what `MemoryCatalogue` keeps of news."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from attrs import define, field

from tiercache.interfaces import NewChange
from tiercache.policy.news import Change, Position


@define(kw_only=True, eq=False)
class MemoryJournal:
    """The newest `most_kept` changes of one epoch; `serial` is the last one's, 0 before any."""

    epoch: str
    most_kept: int
    serial: int = field(default=0, init=False)
    _kept: deque[Change] = field(factory=deque, init=False)

    @property
    def position(self) -> Position:
        """Where the journal ends."""
        return Position(epoch=self.epoch, serial=self.serial)

    def changes(self, since: int, most: int) -> tuple[Change, ...] | None:
        """As `ICatalogue.changes`."""
        if since >= self.serial:
            return ()
        first = self.serial - len(self._kept) + 1
        if since + 1 < first:
            return None
        return tuple(islice(self._kept, since + 1 - first, since + 1 - first + most))

    def more_rows(self, number: int) -> int:
        """How many more changes are kept once `number` have been appended."""
        return min(len(self._kept) + number, self.most_kept) - len(self._kept)

    def append(self, changes: Sequence[NewChange], at: float) -> tuple[Change, ...]:
        """As `ICatalogue.append_changes`."""
        appended = tuple(
            Change(
                serial=serial,
                project=change.project,
                what=change.what,
                at=at,
                origin=change.origin or str(Position(epoch=self.epoch, serial=serial)),
            )
            for serial, change in enumerate(changes, self.serial + 1)
        )
        self.serial += len(appended)
        self._kept.extend(appended)
        while len(self._kept) > self.most_kept:
            self._kept.popleft()
        return appended
