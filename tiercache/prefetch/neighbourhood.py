"""The neighbourhood of the pages in one answer to a node: what they need, breadth first, as far as it is at hand here.

Who asked gets those pages without asking, as many as it said, so that a whole resolution costs few exchanges.  No tier
is asked on their account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, evolve

from tiercache.cache.pages import Pages
from tiercache.policy.entry import Ask
from tiercache.policy.needs import Need, needs_of
from tiercache.prefetch.next_sidecar import environments_of
from tiercache.simple.model import ProjectName

MOST_BYTES = 8 * 1024 * 1024
"""Of all lines of one answer that nobody asked for, before they are coded."""


@define(kw_only=True)
class Neighbourhood:
    """Of one answer.  `left`: how many pages more may go along; `met`: those that are in it already."""

    _pages: Pages
    _may_read: Callable[[ProjectName], bool]
    _left: int
    _met: set[ProjectName]
    _left_bytes: int = MOST_BYTES

    async def beyond(self, metadata: bytes | None, ask: Ask) -> tuple[tuple[ProjectName, Ask], ...]:
        """What a release with this core metadata needs that goes along now, and how each is to be asked for."""
        if metadata is None or self._left <= 0 or ask.is_for_the_top:
            return ()
        hints = ask.hints
        environments = environments_of(hints.python, hints.platform, hints.universal)
        return tuple(await self._taken(needs_of(metadata, environments, hints.extras), ask))

    def has_room_for(self, size_bytes: int) -> bool:
        """Whether a line of this size still goes along; it counts if it does."""
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    async def _taken(self, needs: Iterable[Need], ask: Ask) -> list[tuple[ProjectName, Ask]]:
        taken: list[tuple[ProjectName, Ask]] = []
        for need in needs:
            project = need.project
            if self._left <= 0 or project in self._met or not self._may_read(project):
                continue
            if await self._pages.is_at_hand(project, ask):
                self._met.add(project)
                self._left -= 1
                hints = evolve(ask.hints, specifier=need.specifier, extras=tuple(sorted(need.extras)))
                taken.append((project, evolve(ask, hints=hints)))
        return taken
