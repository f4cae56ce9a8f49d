"""The neighbourhood of the pages in one answer to a node: what they need, breadth first.

Who asked gets those pages without asking, as many as it said, so that a whole resolution costs few exchanges.  What is
at hand goes along; what is not only where its tier is an index that is at ease, so that the node nearest to the origin
reads ahead for all below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, evolve

from tiercache.cache.pages import Pages
from tiercache.policy.entry import Ask
from tiercache.policy.needs import Need, needs_of
from tiercache.prefetch.next_sidecar import environments_of
from tiercache.simple.model import ProjectName

MOST_BROUGHT = 96
"""Of those in one answer that a tier is asked for."""

MOST_UNDER_WAY = 24
"""None is, while so many pages are on their way that a client may be waiting for."""

MOST_BYTES = 8 * 1024 * 1024
"""Of all lines of one answer that nobody asked for, before they are coded."""


@define(kw_only=True)
class Neighbourhood:
    """Of one answer.  `left`: how many pages more may go along; `met`: those that are in it already.

    `is_at_ease` as in `NextSidecars`.
    """

    _pages: Pages
    _may_read: Callable[[ProjectName], bool]
    _left: int
    _met: set[ProjectName]
    _is_at_ease: Callable[[ProjectName], bool]
    _left_bytes: int = MOST_BYTES
    _left_to_bring: int = MOST_BROUGHT

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
            if await self._pages.is_at_hand(project, ask) or self._is_brought(project):
                self._met.add(project)
                self._left -= 1
                hints = evolve(ask.hints, specifier=need.specifier, extras=tuple(sorted(need.extras)))
                taken.append((project, evolve(ask, hints=hints)))
        return taken

    def _is_brought(self, project: ProjectName) -> bool:
        if self._left_to_bring <= 0 or self._pages.under_way >= MOST_UNDER_WAY or not self._is_at_ease(project):
            return False
        self._left_to_bring -= 1
        return True
