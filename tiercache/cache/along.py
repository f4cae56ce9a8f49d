"""Pages that a tier gives along with one that was asked for.

Each is asked for in its turn, so that all holds for it that holds for what a client asks for: who may answer, what is
reserved, what news came meanwhile.  The ask meets the page on its way here and goes nowhere (`upstream.batches`); and
who asks for it meanwhile shares that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from attrs import define, evolve, field
from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from tiercache.cache.chain import Chain
from tiercache.cache.entries import Entries
from tiercache.cache.hosted import Hosted
from tiercache.errors import TiercacheError
from tiercache.policy.decide import Forward, Revalidate, decide
from tiercache.policy.entry import Ask
from tiercache.policy.freshness import FreshnessRules
from tiercache.simple.model import ProjectName
from tiercache.stats import Stats

log = Logger()


@define(kw_only=True)
class Along:
    """Takes those that an ask would have gone to that tier for; `settle` asks."""

    _entries: Entries
    _hosted: Hosted
    _chain: Chain
    _rules: FreshnessRules
    _now: Callable[[], float]
    _stats: Stats
    _settle: Callable[[ProjectName, Ask], Awaitable[object]]
    _under_way: int = field(default=0, init=False)

    @property
    def under_way(self) -> int:
        """How many are on their way that no client waited for when they began to be."""
        return self._under_way

    def take(self, projects: Iterable[ProjectName], tier: str, ask: Ask) -> None:
        """Begin to ask for what this tier gives along with the answer to an ask."""
        onward = Ask(hops=ask.hops, hints=evolve(ask.hints, specifier="", extras=()))
        for project in projects:
            taken = ensureDeferred(self._taken(project, tier, onward))
            taken.addErrback(lambda failure: log.failure("a page that came along was not taken", failure))

    async def _taken(self, project: ProjectName, tier: str, ask: Ask) -> None:
        if not await self._is_wanted(project, tier, ask):
            return
        self._stats.came_along += 1
        self._under_way += 1
        try:
            await self._settle(project, ask)
        except TiercacheError as error:
            log.debug("what came along of {project} is of no use: {error}", project=project, error=error)
        finally:
            self._under_way -= 1

    async def _is_wanted(self, project: ProjectName, tier: str, ask: Ask) -> bool:
        selection = self._chain.selection(project)
        if selection.merge or selection.tiers[:1] != (tier,) or self._hosted.entry(project) is not None:
            return False
        decision = decide(await self._entries.entry(project), ask, self._rules, self._now())
        return isinstance(decision, Forward | Revalidate)
