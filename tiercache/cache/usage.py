"""Which stored files are in use, and when they and the pages were last used: what eviction needs to know."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from tiercache.cache.signal import Signal
from tiercache.simple.model import ProjectName


@define(kw_only=True)
class Usage:
    """Noted in memory as clients come and go; the janitor writes the times down now and then."""

    _now: Callable[[], float]
    _in_use: dict[str, int] = field(factory=dict, init=False)
    _used_at: dict[str, float] = field(factory=dict, init=False)
    _pages_used_at: dict[ProjectName, float] = field(factory=dict, init=False)
    _leaving: set[str] = field(factory=set, init=False)
    _left: Signal = field(factory=Signal, init=False)

    def begin(self, sha256: str) -> None:
        """Somebody reads this file from now on."""
        self._in_use[sha256] = self._in_use.get(sha256, 0) + 1
        self._used_at[sha256] = self._now()

    def end(self, sha256: str) -> None:
        """One reader fewer."""
        left = self._in_use.pop(sha256, 0) - 1
        if left > 0:
            self._in_use[sha256] = left

    def is_in_use(self, sha256: str) -> bool:
        """Whether anybody reads it now."""
        return sha256 in self._in_use

    def leave(self, sha256: str) -> bool:
        """Whether a file may be removed: nobody reads it, nobody else removes it.

        If so, until `has_left` somebody is about to remove it.
        """
        if self.is_in_use(sha256) or sha256 in self._leaving:
            return False
        self._leaving.add(sha256)
        return True

    def has_left(self, sha256: str) -> None:
        """What `leave` allowed is done, or given up."""
        self._leaving.discard(sha256)
        self._left.fire()

    async def stays(self, sha256: str) -> None:
        """Wait until nobody is about to remove a file.

        Between `begin` and `end` nobody will be, so that what is in the store after this stays there until `end`.
        """
        while sha256 in self._leaving:
            await self._left.wait()

    def note_page(self, project: ProjectName) -> None:
        """Somebody has asked for the page of this project."""
        self._pages_used_at[project] = self._now()

    def take_page_times(self) -> dict[ProjectName, float]:
        """When pages were last used, since the last call."""
        times, self._pages_used_at = self._pages_used_at, {}
        return times

    def take_times(self) -> dict[str, float]:
        """When files were last used, by SHA-256, since the last call."""
        times, self._used_at = self._used_at, {}
        return times
