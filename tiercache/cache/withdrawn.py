"""Withdrawn: what a node above has deleted or quarantined is given out by no URL here either.

That holds for hosted projects, whose owner means it (a leaked secret, a broken promise), and while `freshness.removed`
hides what is gone.  What came from an index stays to be had by its digest, which lock files name.  `/local/` and a node
that is offline go on: what they serve is repeatable.
"""

from __future__ import annotations

from attrs import define, evolve

from tiercache.cache.entries import Entries
from tiercache.cache.pages import Pages
from tiercache.cache.showing import Showing
from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import FileAbsent
from tiercache.interfaces import FileRecord
from tiercache.policy.entry import Ask


@define(kw_only=True)
class Withdrawn:
    """Refuses stored files by what the page of their project says now."""

    _entries: Entries
    _pages: Pages
    _showing: Showing
    _switch: OfflineSwitch

    def has_doubts(self, record: FileRecord) -> bool:
        """Whether a stored file is withdrawn, or may be: its page is outdated, or has to be read first."""
        if self._switch.is_offline or not self._showing.may_hide(record):
            return False
        entry = self._entries.at_hand(record.project)
        return entry is None or entry.head.outdated or self._showing.hides(record, entry)

    async def check(self, record: FileRecord | None, ask: Ask) -> None:
        """Raises FileAbsent of a stored file that its home has withdrawn; a page that news has outdated is asked for.

        It is waited for as long as whoever asks for the page would wait, and what is known counts if nobody answers.
        """
        if record is None or ask.local or self._switch.is_offline or not self._showing.may_hide(record):
            return
        entry = await self._entries.entry(record.project)
        if entry is not None and entry.head.outdated and not ask.only_if_cached:
            settled = await self._pages.settled(record.project, evolve(ask, no_cache=False))
            entry = settled.entry or entry
        if entry is not None and self._showing.hides(record, entry):
            raise FileAbsent(filename=record.listing.filename)
