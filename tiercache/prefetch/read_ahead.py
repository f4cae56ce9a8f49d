"""Read-ahead: what clients that resolve are guessed to ask for next is on its way before they do.

What to guess is `policy.read_ahead`'s word.  A guess is an ask like a client's, so that all rules hold for it; it is
made only while clients do not need the link, and of a tier that is at ease.  Who asks meanwhile for what is under way
shares it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import assert_never

from attrs import define, evolve, field
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.body import OpenFile
from tiercache.cache.chain import Chain
from tiercache.cache.files import Files
from tiercache.cache.listings import Listings
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.cache.pages import Pages, ShownPage
from tiercache.cache.sidecars import ShownAttachment, Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.config import PrefetchConfig
from tiercache.errors import NoTierAnswered, NotStored, TiercacheError
from tiercache.interfaces import Pool
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.policy.needs import needs_of
from tiercache.policy.next_file import next_files
from tiercache.policy.read_ahead import Budget, FileGuess, Guess, PageGuess, SidecarGuess, Trail
from tiercache.prefetch.cached import Cached
from tiercache.prefetch.client_environment import environment_told
from tiercache.prefetch.walk import Client, Walk
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.simple.names import candidate_projects, identity_of, version_in
from tiercache.stats import Stats

LARGE_METADATA_BYTES = 64 * 1024
"""Larger core metadata is read off the reactor thread, as large pages are."""

BEGUN_IN_A_TURN = 1
"""So many guesses, then clients have their turn: to begin one takes a millisecond or two."""

log = Logger()


@define(kw_only=True, eq=False)
class ReadAhead:
    """In front of pages, sidecars and files: gives what is asked for, and sees to what is asked for next."""

    _pages: Pages
    _sidecars: Sidecars
    _files: Files
    _listings: Listings
    _chain: Chain
    _switch: OfflineSwitch
    _clock: IReactorTime
    _pool: Pool
    _stats: Stats
    _budget: Budget
    _walks: dict[Client, Walk] = field(factory=dict, init=False)
    _silent_until: dict[str, float] = field(factory=dict, init=False)
    _under_way: int = field(default=0, init=False)
    _files_under_way: int = field(default=0, init=False)
    _is_going_on: bool = field(default=False, init=False)
    _is_stopped: bool = field(default=False, init=False)

    # -- what clients ask for ---------------------------------------------------------------------------------

    async def page(self, client: Client, project: ProjectName, ask: Ask) -> ShownPage:
        """As `Pages.shown`."""
        walk = self._walk(client, ask)
        if walk is None:
            return await self._pages.shown(project, ask)
        self._note(walk.trail.page_asked(project))
        shown = await self._pages.shown(project, evolve(ask, hints=walk.hints(project)))
        if _leads_on(shown.outcome) and not walk.trail.has_begun(PageGuess(project=project)):
            self._follow(lambda: self._follow_page(walk, shown))
        self._go_on_later()
        return shown

    async def sidecar(self, client: Client, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        """As `Sidecars.sidecar`."""
        walk = self._walk(client, ask)
        project = next(iter(candidate_projects(filename)), None)
        if walk is None or project is None:
            return await self._sidecars.sidecar(identity, filename, ask)
        self._note(walk.trail.sidecar_asked(project, identity, filename))
        shown = await self._sidecars.sidecar(identity, filename, ask)
        guess = SidecarGuess(project=project, identity=identity, filename=filename)
        if _leads_on(shown.outcome) and not walk.trail.has_begun(guess):
            self._follow(lambda: self._follow_sidecar(walk, guess, shown))
        self._go_on_later()
        return shown

    async def file(self, client: Client, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        """As `Files.open`, for who wants the whole of it."""
        self.file_given(client, identity, filename, ask)
        return await self._files.open(identity, filename, ask)

    # -- what clients are given that was at hand --------------------------------------------------------------

    def page_given(self, client: Client, project: ProjectName, ask: Ask) -> None:
        """The client asked for a page, and has what `page` would have answered."""
        walk = self._walk(client, ask)
        if walk is not None:
            self._note(walk.trail.page_asked(project))
            self._go_on_later()

    def sidecar_given(self, client: Client, identity: FileIdentity, filename: str, ask: Ask) -> None:
        """The same of core metadata."""
        walk = self._walk(client, ask)
        project = next(iter(candidate_projects(filename)), None)
        if walk is not None and project is not None:
            self._note(walk.trail.sidecar_asked(project, identity, filename))
            self._go_on_later()

    def file_given(self, client: Client, identity: FileIdentity | None, filename: str, ask: Ask) -> None:
        """The same of the whole of a file."""
        walk = self._walk(client, ask)
        project = next(iter(candidate_projects(filename)), None)
        if walk is not None and project is not None and identity is not None:
            self._note(walk.trail.file_asked(project, identity, filename))
            self._go_on_later()

    def stop(self) -> None:
        """No more guesses."""
        self._is_stopped = True
        self._walks.clear()
        if self._stats.guessed:
            told = "of {guessed} requests to tiers that were guessed, clients asked for {used}"
            log.info(told, guessed=self._stats.guessed, used=self._stats.guesses_used)

    # -- walks ------------------------------------------------------------------------------------------------

    def _walk(self, client: Client, ask: Ask) -> Walk | None:
        """The walk that this ask is part of; None where nothing is to be guessed from it.

        Nodes guess for themselves; and who insists on asking the tiers takes nothing that came before.
        """
        is_followed = not (ask.local or ask.only_if_cached or ask.is_for_the_top or ask.hops.ids)
        if not is_followed or self._is_stopped or self._switch.is_offline:
            return None
        now = self._clock.seconds()
        walk = self._walks.pop(client, None)
        self._forget_old(now)
        if walk is None or walk.is_over(now):
            environment = environment_told(client.user_agent)
            if environment is None:
                return None
            trail = Trail(budget=self._budget, installs=environment.installs)
            walk = Walk(client=client, environment=environment, trail=trail, began_at=now, last_at=now)
        walk.client, walk.last_at = client, now
        self._walks[client] = walk
        return walk

    def _forget_old(self, now: float) -> None:
        """Those who did nothing for longest stand first; what was guessed for who has left is no longer waited for."""
        for client, walk in list(self._walks.items()):
            if len(self._walks) < self._budget.clients and not walk.is_over(now):
                return
            del self._walks[client]

    def _note(self, is_of_use: bool) -> None:
        self._stats.guesses_used += is_of_use

    def _follow(self, follow: Callable[[], Awaitable[None]]) -> None:
        """See to what follows from an answer, after those who wait for it have it."""

        async def run() -> None:
            await follow()
            self._go_on_later()

        self._clock.callLater(0, lambda: ensureDeferred(run()).addErrback(self._broke))

    def _broke(self, failure: Failure) -> None:
        log.failure("a guess failed", failure)

    # -- what follows -----------------------------------------------------------------------------------------

    async def _follow_page(self, walk: Walk, shown: ShownPage) -> None:
        project, files = shown.project, (await shown.together(self._pool)).files
        walk.pages_last = shown.outcome.ttl_s is None or shown.outcome.ttl_s > 0
        specifiers = walk.trail.specifiers(project)
        choose = partial(next_files, project, files, specifiers, walk.environment.own)
        chosen = await self._pool(choose) if len(files) > LARGE_PAGE_FILES else choose()
        following = [
            SidecarGuess(
                project=project, identity=identity_of(file), filename=file.filename, is_passing=file is not chosen[-1]
            )
            for file in chosen
            if file.core_metadata
        ]
        if following and not following[-1].is_passing:
            walk.trail.page_known(project, following, version_in(following[-1].filename, project) or "")

    async def _follow_sidecar(self, walk: Walk, guess: SidecarGuess, shown: ShownAttachment) -> None:
        if guess.is_passing or not walk.pages_last:
            return
        read = partial(needs_of, shown.data, walk.environment.counted, walk.trail.extras(guess.project))
        needs = await self._pool(read) if len(shown.data) > LARGE_METADATA_BYTES else read()
        walk.trail.sidecar_known(need for need in needs if walk.client.may_read(need.project))

    # -- guesses ----------------------------------------------------------------------------------------------

    def _go_on_later(self) -> None:
        if not self._is_going_on:
            self._is_going_on = True
            self._clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        """Begin what may begin now."""
        self._is_going_on = False
        for _ in range(BEGUN_IN_A_TURN):
            if self._is_stopped or self._under_way >= self._budget.under_way:
                return
            if self._clients_waiting() >= self._budget.clients_first:
                for walk in self._walks.values():
                    walk.trail.drop()
                return
            taken = self._taken()
            if taken is None:
                return
            ensureDeferred(self._carry_out(*taken)).addErrback(self._broke)
        self._go_on_later()

    def _clients_waiting(self) -> int:
        """How many of the asks that wait for tiers are no guesses."""
        asks = self._pages.under_way + self._sidecars.under_way - (self._under_way - self._files_under_way)
        return max(0, asks) + len(self._files.awaited())

    def _taken(self) -> tuple[Walk, Guess] | None:
        """The next guess, of who did something last."""
        if sum(walk.trail.unasked for walk in self._walks.values()) >= self._budget.unasked_in_all:
            return None
        for walk in reversed(self._walks.values()):
            guess = walk.trail.take(files=self._files_under_way < self._budget.files_under_way)
            if guess is not None:
                return walk, guess
        return None

    async def _carry_out(self, walk: Walk, guess: Guess) -> None:
        has_cost = False
        is_file = isinstance(guess, FileGuess)
        self._under_way += 1
        self._files_under_way += is_file
        try:
            has_cost = await self._carried_out(walk, guess)
        except NotStored:
            pass
        except TiercacheError as error:
            has_cost = True
            if isinstance(error, NoTierAnswered):
                self._be_silent(guess.project, error.retry_after_s)
            log.debug("a guess came to nothing: {error}", error=error)
        finally:
            self._under_way -= 1
            self._files_under_way -= is_file
            self._stats.guessed += has_cost
            self._note(walk.trail.ended(guess, has_cost=has_cost))
            self._go_on_later()

    async def _carried_out(self, walk: Walk, guess: Guess) -> bool:
        """Whether a tier was asked on its account."""
        ask = self._ask(walk, guess.project)
        match guess:
            case PageGuess(project=project):
                page = await self._pages.shown(project, ask)
                self._follow(lambda: self._follow_page(walk, page))
                return _has_cost(page.outcome)
            case SidecarGuess(identity=identity, filename=filename):
                sidecar = await self._sidecars.sidecar(identity, filename, ask)
                self._follow(lambda: self._follow_sidecar(walk, guess, sidecar))
                return _has_cost(sidecar.outcome)
            case FileGuess(identity=identity, filename=filename):
                listing = await self._listings.known(identity, filename)
                if listing is None or not walk.trail.has_room(guess, listing.file.size):
                    return False
                opened = await self._files.open(identity, filename, ask)
                opened.close()
                await self._files.settled(listing.identity, filename)
                return _has_cost(opened.outcome)
            case _:
                assert_never(guess)

    def _ask(self, walk: Walk, project: ProjectName) -> Ask:
        """An ask of its own; where the tier is not to be asked now, what is stored has to do."""
        hints = walk.hints(project)
        is_silent = any(
            self._clock.seconds() < self._silent_until.get(tier, 0.0) for tier in self._asked_tiers(project)
        )
        if is_silent or not self._chain.is_at_ease(project, self._budget.slow_s):
            return Ask(only_if_cached=True, unhurried=True, hints=hints)
        return Ask(unhurried=True, hints=hints)

    def _asked_tiers(self, project: ProjectName) -> Iterable[str]:
        return self._chain.selection(project).tiers

    def _be_silent(self, project: ProjectName, retry_after_s: float | None) -> None:
        until = self._clock.seconds() + max(self._budget.silent_s, retry_after_s or 0.0)
        for tier in self._asked_tiers(project):
            self._silent_until[tier] = until


def _leads_on(outcome: Outcome) -> bool:
    """Not what was here already: it has led further before, or the client asks for what is not here."""
    return outcome.fwd is not None


def _has_cost(outcome: Outcome) -> bool:
    return outcome.fwd is not None and not outcome.collapsed


def read_ahead_of(
    config: PrefetchConfig, cached: Cached, *, switch: OfflineSwitch, clock: IReactorTime, pool: Pool, stats: Stats
) -> ReadAhead | None:
    """What reads ahead on this node; None where its owner wants no guesses."""
    if not config.read_ahead:
        return None
    return ReadAhead(
        pages=cached.pages,
        sidecars=cached.sidecars,
        files=cached.files,
        listings=cached.listings,
        chain=cached.chain,
        switch=switch,
        clock=clock,
        pool=pool,
        stats=stats,
        budget=Budget(file_bytes=config.read_ahead_files_bytes),
    )
