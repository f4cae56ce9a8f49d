"""What is kept of jobs: before they are begun, in the order in which it happens, and no more than there is room for."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from tests.doubles.now import begun, result_of
from tests.prefetch.prefetching import OWN, REQUIREMENTS, PrefetchingNode
from tests.prefetch.test_jobs import restarted, waiting
from tiercache.errors import StoreFull
from tiercache.errors.prefetch import WantedUnusable
from tiercache.interfaces import IKeptJobs, KeptJob
from tiercache.prefetch import jobs as jobs_module
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES, Document, Wanted


@implementer(IKeptJobs)
@define
class SlowKept:
    """Keeps jobs when the test lets it, or has no room for them."""

    kept: IKeptJobs
    waiting: list[Deferred[None]] = field(factory=list)

    def all(self) -> Iterable[KeptJob]:
        return self.kept.all()

    async def store(self, job: KeptJob) -> None:
        self.waiting.append(Deferred())
        await self.waiting[-1]
        await self.kept.store(job)

    async def forget(self, job: str) -> None:
        await self.kept.forget(job)

    def go_on(self) -> None:
        """Let each write end, and those that follow."""
        while self.waiting:
            self.waiting.pop(0).callback(None)


def slow_store() -> tuple[PrefetchingNode, SlowKept]:
    """A node that keeps jobs slowly, and has none yet."""
    here, _gate = waiting()
    here.jobs._kept = kept = SlowKept(here.jobs._kept)
    return here, kept


def test_a_job_is_begun_when_it_is_kept_and_not_because_another_is() -> None:
    here, kept = slow_store()
    first, second = (begun(here.jobs.submit(evolve(REQUIREMENTS, groups=(name,)), OWN)) for name in ("a", "b"))
    kept.waiting.pop(0).callback(None)
    here.node.clock.advance(0)
    assert [state.phase for state in here.jobs.all()] == ["waiting", "resolving"]
    kept.waiting.pop(0).errback(StoreFull(reason="no room"))
    assert first.called
    with pytest.raises(StoreFull):
        result_of(second)
    assert [state.phase for state in here.jobs.all()] == ["resolving"]


def test_who_asks_for_the_same_is_told_of_it_when_it_is_kept() -> None:
    here, kept = slow_store()
    first, second = (begun(here.jobs.submit(REQUIREMENTS, OWN)) for _ in range(2))
    kept.waiting.pop(0).errback(StoreFull(reason="no room"))
    with pytest.raises(StoreFull):
        result_of(first)
    assert not second.called
    kept.go_on()
    assert here.jobs.state(result_of(second).id).phase == "resolving"


def test_a_job_whose_requester_leaves_before_it_is_kept_is_begun_all_the_same() -> None:
    here, _kept = slow_store()
    asking = begun(here.jobs.submit(REQUIREMENTS, OWN))
    asking.addErrback(lambda failure: failure.trap(CancelledError) and None)
    asking.cancel()
    (state,) = here.jobs.all()
    assert state.phase == "resolving"
    assert result_of(here.jobs.submit(REQUIREMENTS, OWN)).id == state.id


def test_a_job_that_is_cancelled_while_it_is_kept_stays_so_after_a_restart() -> None:
    here, kept = slow_store()
    begun(here.jobs.submit(REQUIREMENTS, OWN))
    (state,) = here.jobs.all()
    cancelling = begun(here.jobs.cancel(state.id))
    kept.waiting.reverse()  # as the pool may take what was begun later first
    kept.go_on()
    assert cancelling.called
    here.closing.gate = None
    assert restarted(here).jobs.state(state.id).phase == "cancelled"


def test_long_documents_are_held_up_to_a_bound_and_no_longer_than_they_are_of_use() -> None:
    here, gate = waiting()
    most = Document(name="requirements.txt", text="x" * MOST_DOCUMENT_BYTES)
    bound = jobs_module.MOST_BYTES_NOT_OVER // MOST_DOCUMENT_BYTES
    jobs = [here.submit(Wanted(documents=(most,), groups=(str(number),))) for number in range(bound)]
    with pytest.raises(WantedUnusable, match="long documents"):
        here.submit(REQUIREMENTS)
    result_of(here.jobs.cancel(jobs[0]))
    assert here.jobs.state(jobs[0]).what == "requirements.txt"
    assert here.jobs._jobs[jobs[0]].job.wanted.documents == (evolve(most, text=""),)
    here.submit(REQUIREMENTS)
    gate.cancel()
