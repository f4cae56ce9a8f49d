"""The jobs of a node: prefetches that were asked for, under way or ended.

Here they are taken, listed, watched, cancelled, and gone on with after a restart; how one is carried out is in
`carrying_out`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from tiercache.access.principals import Principal
from tiercache.access.tokens import IssuedToken
from tiercache.cache.signal import Signal
from tiercache.errors import StoreFailed
from tiercache.errors.prefetch import JobAbsent, WantedUnusable
from tiercache.interfaces import IKeptJobs, KeptJob, Pool
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.prefetch.carrying_out import CarryingOut
from tiercache.prefetch.job import Job
from tiercache.prefetch.kept import Unreadable, are_alike, encoded, job_of, kept_of
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES, JobState, Report, Wanted

RUNNING_AT_ONCE = 4
"""Jobs that are carried out at a time; the others wait."""

MOST_NOT_OVER = 100
"""Jobs that are under way or wait."""

MOST_BYTES_NOT_OVER = 4 * MOST_DOCUMENT_BYTES
"""Of their documents, which are held until they are over."""

MOST_REMEMBERED = 50
"""Jobs that are over."""

TOLD_EVERY_S = 0.25
"""Who watches a job is told of changes no more often."""

log = Logger()


@define(kw_only=True, eq=False)
class _Watched:
    """A job, and who watches it.

    `may_begin`: it outlives a restart.  What is kept of it is written in turn, by `writing`: the last word is kept.
    """

    job: Job
    may_begin: bool = False
    writing: DeferredLock = field(factory=DeferredLock)
    signal: Signal = field(factory=Signal)
    told_at: float = 0.0
    alarm: IDelayedCall | None = None
    running: Deferred[None] | None = None


@define(kw_only=True, eq=False)
class Jobs:
    """All jobs that are remembered: those that are not over, and the last ones that are.

    `token` finds an issued token that is still good, by its id; `groups_of` the groups that a user is in, None for who
    is no user any more; `new_id` gives names for jobs, made by chance.
    """

    _carrying_out: CarryingOut
    _kept: IKeptJobs
    _token: Callable[[str], IssuedToken | None]
    _groups_of: Callable[[str], frozenset[str] | None]
    _clock: IReactorTime
    _now: Callable[[], float]
    _pool: Pool
    _new_id: Callable[[], str]
    _jobs: dict[str, _Watched] = field(factory=dict, init=False)
    _is_started: bool = field(default=False, init=False)

    # -- what is asked of them --------------------------------------------------------------------------------

    async def submit(self, wanted: Wanted, for_whom: Principal, hops: Hops = NONE_YET) -> JobState:
        """Take a job, which outlives a restart once this returns; where an equal one is not over it is that one.

        `for_whom`: what they may not read, or not prefetch, is not brought in.  `hops`: where the request has been.
        Raises WantedUnusable, StoreFull.
        """
        check(wanted)
        watched = self._same(wanted, for_whom)
        if watched is None:
            self._refuse_too_many(wanted)
            new = Job(id=self._new_id(), wanted=wanted, for_whom=for_whom, hops=hops, created_at=self._now())
            watched = self._watch(new)
        if not watched.may_begin:
            await self._take(watched)
        return watched.job.state(self._now(), brief=True)

    async def ready(self, wanted: Wanted, for_whom: Principal) -> Report:
        """What the job would end in if it fetched nothing: pages are asked for, files are not.

        Raises WantedUnusable, and Unresolvable or ResolverFailed where it comes to no closure.
        """
        check(wanted)
        return await self._carrying_out.ready(wanted, for_whom)

    def state(self, job: str) -> JobState:
        """A job as it is now, with its files, and its report where it is done.  Raises JobAbsent."""
        return self._watched(job).job.state(self._now())

    def all(self) -> tuple[JobState, ...]:
        """Every job, the newest first, without files and reports."""
        return tuple(watched.job.state(self._now(), brief=True) for watched in reversed(self._jobs.values()))

    def needs(self, job: str, project: str) -> bool:
        """Whether files of a project are among those of a job.  Raises JobAbsent."""
        return any(file.project == project for file in self._watched(job).job.files.values())

    def requester(self, job: str) -> Principal:
        """Whose job it is.  Raises JobAbsent."""
        return self._watched(job).job.for_whom

    async def cancel(self, job: str) -> JobState:
        """End a job where it is, and say how it is then; harmless where it is over.  Raises JobAbsent."""
        watched = self._watched(job)
        if not watched.job.is_over:
            watched.job.end("cancelled", self._now())
            if watched.running is not None:
                watched.running.cancel()
            await self._keep(watched)
        return watched.job.state(self._now())

    def changed(self, job: str) -> Signal:
        """Fires when the job is not any more as it was: at once when it ends, else at most four times a second.

        Who reads its state after `wait()` was called misses nothing.  Raises JobAbsent.
        """
        return self._watched(job).signal

    async def ended(self, job: str) -> JobState:
        """The job once it is over.  Raises JobAbsent; the node's stop is no end, and then this does not return."""
        watched = self._watched(job)
        while not watched.job.is_over:
            await watched.signal.wait()
        return watched.job.state(self._now())

    # -- from start to stop -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on with what was not over when the node stopped."""
        self._is_started = True
        for stored in self._kept.all():
            try:
                self._watch(job_of(stored, self._token, self._groups_of)).may_begin = True
            except Unreadable as error:
                log.warn("the kept prefetch {id} cannot be read: {error}", id=stored.id, error=error)
        self._go_on()

    async def stop(self) -> None:
        """Leave everything as it is, to go on with it at the next start."""
        self._is_started = False
        for watched in list(self._jobs.values()):
            if watched.alarm is not None and watched.alarm.active():
                watched.alarm.cancel()
            if watched.running is not None:
                watched.running.cancel()
                await self._keep(watched)

    # -- within -----------------------------------------------------------------------------------------------

    def _watched(self, job: str) -> _Watched:
        if job not in self._jobs:
            raise JobAbsent(job=job)
        return self._jobs[job]

    def _same(self, wanted: Wanted, for_whom: Principal) -> _Watched | None:
        """The job that is not over and asks for the same, for the same."""
        alike = (one for one in self._not_over() if are_alike(one.job.for_whom, for_whom))
        return next((one for one in alike if one.job.wanted == wanted), None)

    def _not_over(self) -> list[_Watched]:
        return [watched for watched in self._jobs.values() if not watched.job.is_over]

    def _refuse_too_many(self, wanted: Wanted) -> None:
        """Raises WantedUnusable where one job more is more than this node takes."""
        others = [watched.job.wanted for watched in self._not_over()]
        if len(others) >= MOST_NOT_OVER:
            raise WantedUnusable(reason=f"{MOST_NOT_OVER} prefetches are under way or wait: try again later")
        if sum(map(_bytes_in, (wanted, *others))) > MOST_BYTES_NOT_OVER:
            raise WantedUnusable(reason="prefetches with long documents are under way or wait: try again later")

    def _watch(self, job: Job) -> _Watched:
        watched = self._jobs[job.id] = _Watched(job=job)
        job.changed = partial(self._tell, watched)
        return watched

    async def _take(self, watched: _Watched) -> None:
        """Let a new job outlive a restart, and begin with it.  Raises StoreFailed, and then there is none."""
        try:
            await self._store(watched)
            self._jobs.setdefault(watched.job.id, watched)  # whoever asked for the same may have met a full store
        except StoreFailed:
            self._jobs.pop(watched.job.id, None)
            raise
        finally:  # also if who asked has left: they may come back for it
            watched.may_begin = True
            self._go_on()
        await self._forget_old_ones()

    def _go_on(self) -> None:
        """Begin with as many of those that wait as may be, the oldest first."""
        if not self._is_started:
            return
        running = sum(watched.running is not None for watched in self._jobs.values())
        for watched in [one for one in self._not_over() if one.may_begin and one.running is None]:
            if running >= RUNNING_AT_ONCE:
                return
            running += 1
            self._begin(watched)

    def _begin(self, watched: _Watched) -> None:
        running = ensureDeferred(self._run(watched))
        if not running.called:
            watched.running = running

        def over(_: object) -> None:
            watched.running = None
            if self._is_started:
                self._clock.callLater(0, self._go_on)

        running.addErrback(lambda failure: failure.trap(CancelledError))
        running.addErrback(lambda failure: log.failure("a prefetch broke off", failure))
        running.addBoth(over)

    async def _run(self, watched: _Watched) -> None:
        keep = partial(self._keep, watched)
        await self._carrying_out.run(watched.job, keep)
        await keep()

    def _tell(self, watched: _Watched) -> None:
        """Something is not as it was."""
        now = self._clock.seconds()
        wait_s = 0.0 if watched.job.is_over else watched.told_at + TOLD_EVERY_S - now
        if watched.alarm is not None and watched.alarm.active():
            if wait_s > 0:
                return
            watched.alarm.cancel()
        if wait_s > 0 and self._is_started:
            watched.alarm = self._clock.callLater(wait_s, self._tell_now, watched)
        else:
            self._tell_now(watched)

    def _tell_now(self, watched: _Watched) -> None:
        watched.told_at = self._clock.seconds()
        watched.signal.fire()

    async def _store(self, watched: _Watched) -> None:
        job = watched.job
        await watched.writing.acquire()
        try:
            data = await self._pool(encoded, kept_of(job))
            await self._kept.store(KeptJob(id=job.id, created_at=job.created_at, data=data))
        finally:
            watched.writing.release()

    async def _keep(self, watched: _Watched) -> None:
        """Let what a job has come to outlive a restart; where it cannot, the job goes on all the same."""
        try:
            await self._store(watched)
        except StoreFailed as error:
            log.warn("what has become of the prefetch {id} is not kept: {error}", id=watched.job.id, error=error)

    async def _forget_old_ones(self) -> None:
        over = sorted((one.job for one in self._jobs.values() if one.job.is_over), key=lambda job: job.created_at)
        for job in over[: max(0, len(over) - MOST_REMEMBERED)]:
            self._jobs.pop(job.id, None)
            try:
                await self._kept.forget(job.id)
            except StoreFailed as error:
                log.warn("the prefetch {id} is not forgotten: {error}", id=job.id, error=error)


def check(wanted: Wanted) -> None:
    """Raises WantedUnusable where there is nothing to be done, or more than is taken."""
    if not wanted.documents and not wanted.files:
        raise WantedUnusable(reason="there are neither documents nor files")
    if _bytes_in(wanted) > MOST_DOCUMENT_BYTES:
        raise WantedUnusable(reason=f"its documents have more than {MOST_DOCUMENT_BYTES} bytes")


def _bytes_in(wanted: Wanted) -> int:
    return sum(len(document.text) for document in (*wanted.documents, *wanted.constraints))
