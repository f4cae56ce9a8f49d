"""The jobs of a node: prefetches that were asked for, under way or ended.

Here they are taken, listed, watched, cancelled, and gone on with after a restart; how one is carried out is in
`carrying_out`.
"""

from __future__ import annotations

from attrs import define

from tiercache.access.principals import Principal
from tiercache.cache.signal import Signal
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.wire.prefetch import JobState, Report, Wanted


@define(kw_only=True, eq=False)
class Jobs:
    """All jobs that are remembered: those that are not over, and the last ones that are."""

    async def submit(self, wanted: Wanted, for_whom: Principal, hops: Hops = NONE_YET) -> JobState:
        """Take a job, which outlives a restart once this returns; where an equal one is not over it is that one.

        `for_whom`: what they may not read, or not prefetch, is not brought in.  `hops`: where the request has been.
        Raises WantedUnusable, StoreFull.
        """
        raise NotImplementedError

    async def ready(self, wanted: Wanted, for_whom: Principal) -> Report:
        """What the job would end in if it fetched nothing: pages are asked for, files are not.

        Raises WantedUnusable, and Unresolvable or ResolverFailed where it comes to no closure.
        """
        raise NotImplementedError

    def state(self, job: str) -> JobState:
        """A job as it is now, with its files, and its report where it is done.  Raises JobAbsent."""
        raise NotImplementedError

    def all(self) -> tuple[JobState, ...]:
        """Every job, the newest first, without files and reports."""
        raise NotImplementedError

    def requester(self, job: str) -> Principal:
        """Whose job it is.  Raises JobAbsent."""
        raise NotImplementedError

    async def cancel(self, job: str) -> JobState:
        """End a job where it is, and say how it is then; harmless where it is over.  Raises JobAbsent."""
        raise NotImplementedError

    def changed(self, job: str) -> Signal:
        """Fires when the job is not any more as it was: at once when it ends, else at most four times a second.

        Who reads its state after `wait()` was called misses nothing.  Raises JobAbsent.
        """
        raise NotImplementedError

    async def ended(self, job: str) -> JobState:
        """The job once it is over.  Raises JobAbsent; the node's stop is no end, and then this does not return."""
        raise NotImplementedError

    def start(self) -> None:
        """Go on with what was not over when the node stopped."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Leave everything as it is, to go on with it at the next start."""
        raise NotImplementedError
