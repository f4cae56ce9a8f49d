"""Carrying a job out: from what was handed in to a closure, to files in the store, to the report.

What is asked of documents and of the resolver is `inputs`' and `closing`'s affair, how a file comes that of
`bringing_in`.  Each step is kept, so that a node which starts anew goes on from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tiercache.access.principals import Principal
from tiercache.cache.listings import Listing
from tiercache.errors import TiercacheError
from tiercache.errors.prefetch import ResolverFailed, Unresolvable, WantedUnusable
from tiercache.prefetch.bringing_in import BringingIn, ask_of, may_come_soon
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.handing_on import HandingOn
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.job import HERE, Job
from tiercache.prefetch.locating import Locating
from tiercache.prefetch.side_by_side import side_by_side
from tiercache.prefetch.turns import Turns
from tiercache.wire.prefetch import MOST_FILES, Report, Wanted, WantedFile

AGAIN_AFTER_S = (5.0, 10.0, 15.0, 30.0, 60.0)
"""How long a job waits before it asks again for what no tier gave: a tier that is restarted is back by then.  While it
is down that costs nothing, as its breaker is open."""

LOCATED_AT_ONCE = 50
"""Files that are looked up at a time: their pages come many at a time from a tier that is a node."""

BUILD_ROUNDS = 5
"""What builds an sdist may be an sdist itself."""

log = Logger()


Keep = Callable[[], Awaitable[None]]
"""Lets what a job has come to outlive a restart."""


class Closes(Protocol):
    """From requirements and locks to files."""

    async def closure(self, wanted: Wanted, inputs: Inputs, for_whom: Principal) -> Closure:
        """Every file that the environments need.  Raises Unresolvable, ResolverFailed."""
        ...

    async def closure_here(self, wanted: Wanted, inputs: Inputs, for_whom: Principal) -> Closure:
        """The same by what is stored.  Raises ResolverFailed."""
        ...

    async def build_closure(self, wanted: Wanted, closure: Closure, for_whom: Principal) -> Closure:
        """The same closure, with the files that build those of its sdists which are stored by now."""
        ...


class Reports(Protocol):
    """How well this node is prepared."""

    async def report(self, wanted: Wanted, inputs: Inputs, closure: Closure, for_whom: Principal) -> Report:
        """Whether each environment can be installed from the store alone.  Raises ResolverFailed."""
        ...


@define(kw_only=True, eq=False)
class CarryingOut:
    """Carries jobs out.  `read` makes inputs of what was handed in; blocking, for the pool of `Jobs`."""

    _read: Callable[[Wanted], Awaitable[Inputs]]
    _closing: Closes
    _readiness: Reports
    _locating: Locating
    _handing_on: HandingOn
    _bringing_in: BringingIn
    _clock: IReactorTime
    _now: Callable[[], float]
    _turns: Turns = field(init=False)

    @_turns.default
    def _one_at_a_time(self) -> Turns:
        return Turns(clock=self._clock)

    async def run(self, job: Job, keep: Keep) -> None:
        """Carry a job out, from where it is to its end; `keep` lets what it has come to outlive a restart.

        Cancelling it leaves the job as it is.
        """
        try:
            await self._to_the_end(job, keep)
        except CancelledError:
            raise
        except TiercacheError as error:
            job.end("failed", self._now(), str(error))
        except Exception:  # noqa: BLE001  # the others go on
            log.failure("the prefetch {id} failed", id=job.id)
            job.end("failed", self._now(), "It failed in a way that was not foreseen.")

    async def ready(self, wanted: Wanted, for_whom: Principal) -> Report:
        """What a job would end in that fetches no file.  Raises as `Closes` and `Reports` do, and WantedUnusable.

        With no tier in reach it is told by what is stored, and so is why requirements cannot be met.
        """
        inputs = await self._read(wanted)
        try:
            closure = await self._closed(wanted, inputs, for_whom)
        except (Unresolvable, ResolverFailed):
            closure = await self._closed(wanted, inputs, for_whom, here=True)
        return await self._readiness.report(wanted, inputs, closure, for_whom)

    async def _to_the_end(self, job: Job, keep: Keep) -> None:
        job.become("resolving")
        inputs = await self._read(job.wanted)
        job.unparseable = inputs.unparseable
        if job.closure is None:
            job.closure = await self._closed(job.wanted, inputs, job.for_whom)
            job.add_files(job.closure.files)
            await keep()
        job.become("fetching")
        waiting = [file.filename for file in job.closure.files]
        listings: dict[str, Listing] = {}
        for _ in range(BUILD_ROUNDS):
            await self._fetched(job, waiting, keep, listings)
            waiting = await self._what_builds(job)
            if not waiting:
                break
            await keep()
        await self._bringing_in.look_at(job, inputs.requirements)
        await self._bringing_in.check(job, listings)
        job.become("verifying")
        job.report = await self._readiness.report(job.wanted, inputs, job.closure, job.for_whom)
        job.end("done", self._now())

    async def _closed(self, wanted: Wanted, inputs: Inputs, for_whom: Principal, *, here: bool = False) -> Closure:
        """What is to be brought in, with what was resolved before by who asks; `here`: by what is stored alone."""
        closure = Closure(files=(), targets=())
        if inputs.requirements or inputs.locked or (wanted.build_requirements and inputs.build_requirements):
            find = self._closing.closure_here if here else self._closing.closure
            closure = await find(wanted, inputs, for_whom)
        names = {file.filename for file in closure.files}
        more = tuple(file for file in wanted.files if file.filename not in names)
        closure = evolve(closure, files=(*closure.files, *more))
        if len(closure.files) > MOST_FILES:
            raise WantedUnusable(
                reason=f"it takes {len(closure.files)} files, and no more than {MOST_FILES} are allowed"
            )
        return closure

    async def _what_builds(self, job: Job) -> list[str]:
        """The files that turn out to be needed to build the sdists that are here now."""
        if not job.wanted.build_requirements or job.closure is None:
            return []
        known = {file.filename for file in job.closure.files}
        job.closure = await self._closing.build_closure(job.wanted, job.closure, job.for_whom)
        new = [file for file in job.closure.files if file.filename not in known]
        job.add_files(new)
        return [file.filename for file in new]

    async def _fetched(self, job: Job, filenames: Iterable[str], keep: Keep, listings: dict[str, Listing]) -> None:
        """Bring files in; those that no tier gives once more whenever it may be back, for a while.

        How they are listed is put into `listings`.
        """
        later = await self._round(job, set(filenames), keep, listings)
        for pause_s in AGAIN_AFTER_S:
            if not later:
                return
            await deferLater(self._clock, pause_s)
            later = await self._round(job, later, keep, listings)
        for filename in later:
            job.note(filename, outcome="failed")

    async def _round(self, job: Job, filenames: set[str], keep: Keep, listings: dict[str, Listing]) -> set[str]:
        """Look files up, hand them on, bring them in; returns those that may be had later."""
        files = [file for file in (job.closure.files if job.closure is not None else ()) if file.filename in filenames]
        later: set[str] = set()

        async def locate(file: WantedFile) -> None:
            await self._turns.next()
            try:
                listings[file.filename] = await self._locating.listing(file, job.for_whom, ask_of(job))
            except TiercacheError as error:
                if job.files[file.filename].outcome in HERE:  # it was, before the node stopped
                    job.note(file.filename, outcome="waiting")
                is_for_later = may_come_soon(error)
                job.note(file.filename, outcome="waiting" if is_for_later else "failed", reason=str(error))
                if is_for_later:
                    later.add(file.filename)

        await side_by_side(files, locate, LOCATED_AT_ONCE)
        in_order = {file.filename: listings[file.filename] for file in files if file.filename in listings}
        await self._handing_on.hand_on(job, in_order)
        await keep()
        return later | await self._bringing_in.bring_in(job, in_order)
