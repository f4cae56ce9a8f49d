"""Whether a name is this node's to publish under: by the rules, by what tiers announced, and by what they have."""

from __future__ import annotations

from typing import assert_never

from attrs import define

from tiercache.cache.chain import Chain
from tiercache.cache.pages import Pages
from tiercache.cache.reserved import ReservedNames
from tiercache.errors import NameElsewhere, NoTierAnswered
from tiercache.policy.entry import Ask
from tiercache.policy.hosting import Ours, Theirs, Unknown, whose
from tiercache.policy.selection import ProjectRule
from tiercache.simple.model import ProjectName


@define(kw_only=True)
class Ownership:
    """Of the names of one node."""

    _rules: tuple[ProjectRule, ...]
    _chain: Chain
    _pages: Pages
    _reserved: ReservedNames

    async def claim(self, project: ProjectName) -> None:
        """Return if files may be published under this name here.

        A name of which nothing is known is asked for at the tiers: with a project of theirs hidden by mistake, every
        install would go wrong below.  Raises NameElsewhere; NoTierAnswered where they say nothing usable.
        """
        found = whose(project, self._rules, self._chain.asked_for_pages(), self._reserved.by(project))
        match found:
            case Ours():
                return
            case Theirs(tier=tier):
                raise NameElsewhere(project=project, tier=tier)
            case Unknown():
                await self._ask(project)
            case _:
                assert_never(found)

    async def _ask(self, project: ProjectName) -> None:
        settled = await self._pages.settled(project, Ask(no_cache=True))
        if self._reserved.by(project).hosted:
            return  # somebody else has published under it meanwhile
        if settled.entry is None:
            raise NoTierAnswered(
                subject=f"Whether {project} is another tier's project",
                reason=settled.outcome.detail or "no answer",
                retry_after_s=settled.retry_after_s,
            )
        if settled.entry.page is not None:
            raise NameElsewhere(project=project, tier=settled.entry.head.tier)
