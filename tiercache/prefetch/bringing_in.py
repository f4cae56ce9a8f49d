"""Bringing files in: as a client would ask for them, with the last turn of all who ask.

What is one file's trouble is no other's: it is noted, and the rest goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from attrs import define, field
from twisted.internet.defer import CancelledError, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tiercache.cache.core_metadata import is_wheel
from tiercache.cache.files import Files
from tiercache.cache.listings import Listing
from tiercache.cache.pages import Pages
from tiercache.cache.sidecars import Sidecars
from tiercache.errors import NoTierAnswered, StoreFull, TiercacheError, TierUnreachable
from tiercache.policy.entry import Ask
from tiercache.policy.hops import LOOP
from tiercache.prefetch.choosing import environment_in
from tiercache.prefetch.job import HERE, Job
from tiercache.prefetch.newer import looked_at, pinned
from tiercache.prefetch.side_by_side import side_by_side
from tiercache.prefetch.slices import Slices
from tiercache.prefetch.turns import Turns
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.names import candidate_projects, identity_of, normalise
from tiercache.wire.prefetch import FileOutcome

LOOK_AGAIN_S = 0.1
"""How often it is looked whether clients still wait for something cold."""

GIVES_WAY_S = 10.0
"""For so long a file that could be begun gives way: on a node that is never at rest jobs come to an end, too."""

EVICTED = "It was evicted again: the store has no room for all of this."

NOT_SOON = frozenset({LOOP, "offline"})
"""Reasons for which a tier gives nothing that no time takes away."""

log = Logger()


def ask_of(job: Job) -> Ask:
    """How a job asks for anything."""
    return Ask(hops=job.hops, unhurried=True)


def may_come_soon(error: TiercacheError) -> bool:
    """Whether what failed so may be had once a tier is back."""
    match error:
        case NoTierAnswered(reason=reason) | TierUnreachable(reason=reason):
            return reason not in NOT_SOON
        case _:
            return False


@define(kw_only=True, eq=False)
class BringingIn:
    """Brings in the files of all jobs, `most` at a time."""

    _files: Files
    _pages: Pages
    _sidecars: Sidecars
    _clock: IReactorTime
    _now: Callable[[], float]
    _most: int
    _turns: Turns = field(init=False)
    _places: DeferredSemaphore = field(init=False)
    _ours: Counter[FileIdentity] = field(factory=Counter, init=False)

    @_turns.default
    def _one_at_a_time(self) -> Turns:
        return Turns(clock=self._clock)

    @_places.default
    def _as_many_as_may_be(self) -> DeferredSemaphore:
        return DeferredSemaphore(tokens=self._most)

    async def bring_in(self, job: Job, listings: Mapping[str, Listing]) -> set[str]:
        """Bring in the files of a job that are listed so, by filename.

        What became of each is noted in the job.  Returns those that may be had once a tier is back.
        """
        later: set[str] = set()

        async def one(filename: str) -> None:
            await self._places.acquire()
            try:
                await self._turns.next()
                if not await self._one(job, filename, listings[filename]):
                    later.add(filename)
            finally:
                self._places.release()

        ours = [listing.identity for listing in listings.values()]
        self._ours.update(ours)
        try:
            await side_by_side(listings, one, self._most)
        finally:
            self._ours.subtract(ours)
            self._ours += Counter()  # which leaves out what none of the jobs wants
        return later

    async def look_at(self, job: Job, requirements: Iterable[str]) -> None:
        """Have the metadata here that an installer looks at for these requirements without taking its release."""
        if not job.wanted.sidecars or job.closure is None or not requirements:
            return
        taken: dict[ProjectName, list[str]] = {}
        for file in job.closure.files:
            project = normalise(file.project)
            is_of_it = project in candidate_projects(file.filename)  # who hands files in names their projects, too
            if is_of_it and job.files[file.filename].outcome in HERE:  # and so its page may be known to who asks
                taken.setdefault(project, []).append(file.version)
        environments = [environment_in(one.target) for one in job.closure.targets]
        for project in pinned(requirements):
            taken.pop(project, None)

        async def one(project: ProjectName) -> None:
            await self._turns.next()
            try:
                page = (await self._pages.shown(project, ask_of(job))).page
            except TiercacheError as error:
                log.debug("nothing newer of {project} is looked at: {error}", project=project, error=error)
                return
            for file in looked_at(project, page.files, taken[project], environments):
                await self._sidecar(file, ask_of(job))

        await side_by_side(taken, one, self._most)

    async def check(self, job: Job, listings: Mapping[str, Listing]) -> None:
        """Note which of the files that came are gone again: the store has no room for all of them."""
        slices = Slices(clock=self._clock)
        for filename, file in list(job.files.items()):
            await slices.next()
            if file.outcome not in HERE or filename not in listings:
                continue
            if await self._files.stored(listings[filename].identity, filename) is None:
                job.note(filename, outcome="failed", reason=EVICTED)

    async def _one(self, job: Job, filename: str, listing: Listing) -> bool:
        """Bring in one file; False where it may be had later."""
        try:
            record = await self._files.stored(listing.identity, filename)
            if record is None:
                await self._give_way()
                await self._fetch(job, filename, listing)
            elif job.files[filename].outcome not in HERE:
                # What came before the node stopped was brought in by this job.
                outcome: FileOutcome = "fetched" if job.is_resumed else "stored"
                job.note(filename, outcome=outcome, size=record.size_bytes, reason=None)
        except CancelledError:
            raise
        except TiercacheError as error:
            is_for_later = may_come_soon(error)
            job.note(filename, outcome="waiting" if is_for_later else "failed", reason=str(error))
            return not is_for_later
        except Exception:  # noqa: BLE001  # one file's trouble is not that of the others
            log.failure("{filename} could not be prefetched", filename=filename)
            job.note(filename, outcome="failed", reason="It failed in a way that was not foreseen.")
            return True
        if job.wanted.sidecars:
            await self._sidecar(listing.file, ask_of(job))
        return True

    async def _fetch(self, job: Job, filename: str, listing: Listing) -> None:
        job.note(filename, outcome="running", reason=None)
        opened = await self._files.open(listing.identity, filename, ask_of(job))
        body = opened.body(0, None)
        try:
            while data := await body.read():
                job.came(filename, len(data), self._now())
        finally:
            body.close()
        record = await self._files.settled(listing.identity, filename)
        if record is None:
            raise StoreFull(reason=f"{filename} was not kept")
        job.note(filename, outcome="fetched", size=record.size_bytes, reason=None)

    async def _sidecar(self, file: File, ask: Ask) -> None:
        """Its core metadata, where there is any; a wheel that was just stored has it already."""
        if not is_wheel(file.filename) and not file.core_metadata:
            return
        try:
            await self._sidecars.sidecar(identity_of(file), file.filename, ask)
        except TiercacheError as error:
            log.debug("{filename} has no sidecar: {error}", filename=file.filename, error=error)

    async def _give_way(self) -> None:
        """Begin nothing while clients wait for what no job wants."""
        until = self._clock.seconds() + GIVES_WAY_S
        while self._clients_wait() and self._clock.seconds() < until:
            await deferLater(self._clock, LOOK_AGAIN_S)

    def _clients_wait(self) -> bool:
        return self._pages.is_awaited or any(identity not in self._ours for identity in self._files.awaited())
