"""Keeping what some documents need ready: prefetched when the node starts, from time to time, and on news.

Each document is a job of its own, as two of them need not go together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from tiercache.access.principals import Principal
from tiercache.cache.journal import Journal, Subscription
from tiercache.errors import JobAbsent, ReaderBehind, TiercacheError
from tiercache.interfaces.documents import IDocuments
from tiercache.prefetch.inputs.text import document
from tiercache.prefetch.jobs import Jobs
from tiercache.wire.prefetch import Wanted

FIRST_AFTER_S = 5.0
"""After its start a node has more urgent things to do."""

SETTLE_S = 30.0
"""News often comes in bursts: a release is several files, and not all of them come at once."""

THE_NODE = Principal(is_operator=True)
"""For whom it is: whoever wrote the configuration."""

log = Logger()


@define(kw_only=True, eq=False)
class KeepWarm:
    """Keeps the documents at `places` warm, looking at each anew every `every_s` seconds."""

    _places: tuple[str, ...]
    _every_s: float
    _documents: IDocuments
    _jobs: Jobs
    _journal: Journal
    _clock: IReactorTime
    _last: dict[str, str] = field(factory=dict, init=False)  # by place its newest job
    _due: set[str] = field(factory=set, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _settled: IDelayedCall | None = field(default=None, init=False)
    _listening: Deferred[None] | None = field(default=None, init=False)
    _rounds: set[Deferred[None]] = field(factory=set, init=False)

    def start(self) -> None:
        """Begin soon."""
        if self._places:
            self._next = self._clock.callLater(FIRST_AFTER_S, self._all)
            self._listening = self._in_background(self._listen)

    async def stop(self) -> None:
        """Begin nothing more; what was begun is `Jobs`' affair."""
        for call in (self._next, self._settled):
            if call is not None and call.active():
                call.cancel()
        for going_on in (self._listening, *self._rounds):
            if going_on is not None:
                going_on.cancel()

    # -- when -------------------------------------------------------------------------------------------------

    def _all(self) -> None:
        self._next = self._clock.callLater(self._every_s, self._all)
        self._warm(self._places)

    async def _listen(self) -> None:
        """Hear of every change that this node hears of, and find out whom it concerns."""
        while True:
            subscription: Subscription = self._journal.subscribe(None)
            try:
                while True:
                    event = await subscription.read()
                    if event.is_reset:
                        self._soon(self._places)
                    elif event.change is not None:
                        self._soon(self._needing(event.change.project))
            except ReaderBehind:
                self._soon(self._places)
            finally:
                subscription.close()

    def _needing(self, project: str) -> list[str]:
        """The places whose newest closure has files of a project."""
        found = []
        for place, job in self._last.items():
            try:
                if self._jobs.needs(job, project):
                    found.append(place)
            except JobAbsent:
                found.append(place)  # what it needs is not remembered any more
        return found

    def _soon(self, places: list[str] | tuple[str, ...]) -> None:
        """Begin with these once there has been no news for a while of what they need."""
        if not places:
            return
        self._due.update(places)
        if self._settled is not None and self._settled.active():
            self._settled.reset(SETTLE_S)
        else:
            self._settled = self._clock.callLater(SETTLE_S, self._take_due)

    def _take_due(self) -> None:
        due, self._due = self._due, set()
        self._warm(sorted(due))

    # -- what -------------------------------------------------------------------------------------------------

    def _warm(self, places: list[str] | tuple[str, ...]) -> None:
        async def one_by_one() -> None:
            for place in places:
                await self._warm_one(place)

        self._in_background(one_by_one)

    async def _warm_one(self, place: str) -> None:
        """Prefetch for one document.  One that cannot be read now is tried again next time; what it needed stays."""
        try:
            content = await self._documents.content(place)
            wanted = Wanted(documents=(document(name_of(place), content),))
            self._last[place] = (await self._jobs.submit(wanted, THE_NODE)).id
        except TiercacheError as error:
            log.warn("what is to be kept warm is not: {error}", error=error)

    def _in_background(self, work: Callable[[], Awaitable[None]]) -> Deferred[None]:
        async def run() -> None:
            await work()

        going_on = ensureDeferred(run())
        self._rounds.add(going_on)
        going_on.addErrback(lambda failure: failure.trap(CancelledError) and None)
        going_on.addErrback(lambda failure: log.failure("keeping warm broke off", failure))
        going_on.addBoth(lambda _: self._rounds.discard(going_on))
        return going_on


def name_of(place: str) -> str:
    """What the document at a path or URL is called."""
    path = urlsplit(place).path if "://" in place else place
    return unquote(path).rstrip("/").rpartition("/")[2] or "requirements.txt"
