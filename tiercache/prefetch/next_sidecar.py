"""The sidecar that a resolver reads next when it has a page: which it is, and that it is here before the page goes out.

For nodes below, which so get the two in one exchange.  Only what the page says there is is fetched, by the node nearest
to the origin, and not waited for where that takes long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from tiercache.cache.chain import Chain
from tiercache.cache.kept import Kept
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.cache.pages import ShownPage
from tiercache.cache.sidecars import Sidecars
from tiercache.config import PrefetchConfig
from tiercache.errors import TiercacheError, WantedUnusable
from tiercache.interfaces import METADATA, ICatalogue, Pool
from tiercache.policy.entry import Ask
from tiercache.policy.environments import Environment
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.next_file import next_file
from tiercache.policy.read_ahead import Budget
from tiercache.prefetch.client_environment import LINUX, MACOS
from tiercache.prefetch.environments import WINDOWS, environment_of
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import identity_of
from tiercache.wire.prefetch import Target

log = Logger()

LONGEST_WAIT_S = Budget().slow_s
"""How long a page may be held back for its sidecar: as long as a tier that is at ease may take for an exchange.  A page
that goes without costs who asked two exchanges more, and all that it needs does too; on a machine with much to do, that
makes what is slow slower."""

OFF_S = 10.0
"""For how long none is, after one that took longer."""

KEPT_CHOICES = 4096

USUAL = Environment(python=(3, 12), platform=LINUX)
"""Who does not say what is installed for most likely installs for this."""


@frozen
class _Choice:
    file: File | None


def at_ease(chain: Chain, config: PrefetchConfig) -> Callable[[ProjectName], bool]:
    """What `NextSidecars` has to know of the tiers; where the node's owner wants no guesses, none is ever at ease."""

    def is_at_ease(project: ProjectName) -> bool:
        is_of_node = any(chain.is_node(tier) for tier in chain.selection(project).tiers[:1])
        return config.read_ahead and not is_of_node and chain.is_at_ease(project, Budget().slow_s)

    return is_at_ease


@lru_cache(maxsize=256)
def environments_of(python: str, platform: str, universal: bool) -> tuple[Environment, ...]:
    """Where a requirement may count, first that which files are chosen for."""
    own = USUAL
    if python and platform:
        try:
            own = environment_of(Target(python=python, platform=platform))
        except WantedUnusable:
            own = evolve(USUAL, python=tuple(int(part) for part in python.split(".")))
    if not universal:
        return (own,)
    return tuple(dict.fromkeys((own, *(evolve(own, platform=other) for other in (LINUX, MACOS, WINDOWS)))))


@define(kw_only=True)
class NextSidecars:
    """`is_at_ease`: whether the tier that has a project may be asked for what nobody waits for; never for a node, which
    sends along what it has."""

    _catalogue: ICatalogue
    _sidecars: Sidecars
    is_at_ease: Callable[[ProjectName], bool]
    _clock: IReactorTime
    _pool: Pool
    _slow_at: float = field(default=-math.inf, init=False)
    _chosen: Kept[tuple[str, ...], _Choice] = field(
        factory=lambda: Kept(limit=KEPT_CHOICES, weigh=lambda choice: 1), init=False
    )

    async def brought(self, shown: ShownPage, ask: Ask) -> File | None:
        """The file whose sidecar is read next, None for none; if its sidecar can soon be here, it is when this returns.

        Raises nothing: what cannot be had is asked for by who needs it.
        """
        file = await self._choice(shown, ask.hints)
        if file is None or self.of(file) is not None or not self._is_fetched(shown, file, ask):
            return file
        fetched = Deferred.fromCoroutine(self._fetched(file, evolve(ask, hints=NO_HINTS)))
        alarm = self._clock.callLater(LONGEST_WAIT_S, fetched.cancel)
        try:
            await fetched
        except CancelledError:
            if alarm.active():  # who asked has left
                raise
            self._slow_at = self._clock.seconds()
        finally:
            if alarm.active():
                alarm.cancel()
        return file

    def of(self, file: File) -> bytes | None:
        """The sidecar of a file, as far as it is here."""
        kept = self._catalogue.attachment(identity_of(file), METADATA)
        return None if kept is None or kept.sha256 != _told(file) else kept.data

    async def _choice(self, shown: ShownPage, hints: Hints) -> File | None:
        key = (shown.project, shown.version, hints.python, hints.platform, hints.specifier)
        choice = self._chosen.get(key)
        if choice is None:
            files = shown.page.files
            own = environments_of(hints.python, hints.platform, False)[0]
            choose = partial(next_file, shown.project, files, (hints.specifier,), own)
            choice = _Choice(await self._pool(choose) if len(files) > LARGE_PAGE_FILES else choose())
            self._chosen.put(key, choice)
        return choice.file

    def _is_fetched(self, shown: ShownPage, file: File, ask: Ask) -> bool:
        is_to_be_had = _told(file) is not None and not ask.only_if_cached
        if not is_to_be_had or shown.outcome.tier is None or not self.is_at_ease(shown.project):
            return False
        return not 0 <= self._clock.seconds() - self._slow_at < OFF_S

    async def _fetched(self, file: File, ask: Ask) -> None:
        try:
            await self._sidecars.sidecar(identity_of(file), file.filename, ask)
        except TiercacheError as error:
            log.debug("the sidecar of {filename} does not go along: {error}", filename=file.filename, error=error)


def _told(file: File) -> str | None:
    """The digest that the page gives of the sidecar."""
    return file.core_metadata.get("sha256") if isinstance(file.core_metadata, Mapping) else None
