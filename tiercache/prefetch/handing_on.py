"""Handing a job's files on to the tiers above that are nodes, so that all of them fill side by side.

Each file goes to the tier that has it for this node, and only there; what a tier says to it is noted, and it is no
failure of the job: its files come through that tier all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from attrs import define, evolve

from tiercache.cache.chain import Chain
from tiercache.cache.link import SIBLING
from tiercache.cache.listings import Listing
from tiercache.errors import LoopFound, NotANode, TierUnreachable
from tiercache.interfaces import INeighbour, IUpstream
from tiercache.prefetch.job import Job
from tiercache.prefetch.side_by_side import side_by_side
from tiercache.wire.prefetch import Wanted, WantedFile

MOST_AT_ONCE = 4
"""Tiers that are given something at a time."""


@define(kw_only=True, eq=False)
class HandingOn:
    """Gives files to tiers."""

    _chain: Chain

    async def hand_on(self, job: Job, listings: Mapping[str, Listing]) -> None:
        """Give each tier that is a node those of these files that it lists; once in a job, unless it did not answer."""
        files = {file.filename: file for file in (job.closure.files if job.closure is not None else ())}
        given: dict[str, list[WantedFile]] = {}
        for filename, listing in listings.items():
            # Names that are nobody's there any more were told from there: the rules or the reserved names have changed.
            is_told = filename in files and self._chain.may_answer(listing.project, listing.tier)
            if is_told and self._takes(job, listing.tier):
                given.setdefault(listing.tier, []).append(_as_listed(files[filename], listing))

        async def one(tier: str) -> None:
            said, is_final = await self._said(job, tier, given[tier])
            job.noted_handed_on(tier, said, is_final=is_final)

        await side_by_side(given, one, MOST_AT_ONCE)

    def _takes(self, job: Job, tier: str) -> bool:
        """Whether a tier is to be asked: a node above, which has not answered yet."""
        neighbour = self._chain.neighbours().get(tier)
        if neighbour is None or tier in job.have_answered:
            return False
        return cast("IUpstream", neighbour).tier.kind not in (SIBLING, "origin")

    async def _said(self, job: Job, tier: str, files: Iterable[WantedFile]) -> tuple[str, bool]:
        """What becomes of it, in words; and whether that is the tier's answer."""
        if any(link.name == tier and link.state == "down" for link in self._chain.links()):
            return "it is down", False
        upstream = cast("IUpstream", self._chain.neighbours()[tier]).behind(job.hops)
        wanted = Wanted(files=tuple(files), sidecars=job.wanted.sidecars)
        try:
            taken = await cast("INeighbour", upstream).prefetch(wanted)
        except LoopFound:
            return "it has the job already", True
        except NotANode as error:
            return f"it takes no prefetches: {error.reason}", True
        except TierUnreachable as error:
            return error.reason, error.has_answered
        return f"taken: {taken.id}", True


def _as_listed(file: WantedFile, listing: Listing) -> WantedFile:
    """What the tier is told of a file: what it lists of it itself, so that it is the same bytes there."""
    hashes = {**file.hashes, **listing.file.hashes}
    size = listing.file.size if listing.file.size is not None else file.size
    return evolve(file, project=listing.project, hashes=hashes, size=size, targets=(), is_build=False)
