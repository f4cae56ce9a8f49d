"""The janitor: keeps the store within its budget, the catalogue within its bound, and notes what was last used when.

Which files go is `policy.eviction`'s word; what is hosted here is none of them, and no part of the budget.  Nothing
here looks inside a file; that is `tiercache fsck`'s work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from tiercache.cache.usage import Usage
from tiercache.errors import StoreFailed
from tiercache.interfaces import FileRecord, ICatalogue, IFiles, Pool
from tiercache.policy.eviction import Candidate, victims
from tiercache.policy.selection import HERE
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.stats import Stats

log = Logger()

HEADROOM = 0.05
"""The share of a budget or bound that is made free beyond it, so that it is not passed again at once."""

CATALOGUE_BYTES = 1 << 30
"""What a catalogue may take: the pages and sidecars of some tens of thousands of projects."""


@define(kw_only=True)
class Janitor:
    """`budget_bytes` None: no limit but the disk.  `changed` is told of projects whose files went.

    `expire` lets go of what was deleted too long ago.

    Past `catalogue_bytes`, the pages and sidecars of projects go that have not been used for longest and hold no stored
    file.
    """

    _catalogue: ICatalogue
    _files: IFiles
    _usage: Usage
    _budget_bytes: int | None
    _pool: Pool
    _stats: Stats
    _changed: Callable[[ProjectName], None]
    _expire: Callable[[], Awaitable[int]]
    _catalogue_bytes: int = CATALOGUE_BYTES
    _hopeless_bytes: int = field(default=0, init=False)
    _at_most_bytes: int | None = field(default=None, init=False)  # of cached files; less where some went since

    async def tidy(self) -> None:
        """Write down the times of use, let go of what was deleted, evict what is over the budget.

        Called now and then, and after each fill.
        """
        try:
            times = self._usage.take_times()
            if times:
                await self._catalogue.touch_files(times)
            if page_times := self._usage.take_page_times():
                await self._catalogue.touch_projects(page_times)
            self._at_most_bytes = None  # other processes may have stored some
            await self._expire()
            if self._budget_bytes is not None and self._cached_bytes > self._budget_bytes:
                await self._evict_to(self._budget_bytes, headroom=HEADROOM)
            if self._catalogue.size_bytes() > max(self._catalogue_bytes, self._hopeless_bytes):
                await self._forget_projects()
        except StoreFailed as error:
            log.warn("the janitor could not write down its work: {error}", error=error)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  # its rounds go on, and a file that was just stored is no worse for it
            log.failure("the janitor's round failed")

    async def tidy_after(self, record: FileRecord) -> None:
        """A file was stored.  Summing up is left for when what is known makes it likely that the budget is passed."""
        if self._budget_bytes is None:
            return
        if self._at_most_bytes is not None:
            self._at_most_bytes += record.size_bytes
        if self._at_most_bytes is None or self._at_most_bytes > self._budget_bytes:
            self._at_most_bytes = self._cached_bytes
            if self._at_most_bytes > self._budget_bytes:
                await self.tidy()

    async def make_room(self, size_bytes: int) -> bool:
        """The disk is full: evict at least so many bytes; whether any were.  Nothing goes for what would not fit."""
        goal_bytes = self._cached_bytes - size_bytes
        return goal_bytes >= 0 and await self._evict_to(goal_bytes, headroom=0.0) > 0

    async def _forget_projects(self) -> None:
        goal_bytes = int(self._catalogue_bytes * (1.0 - HEADROOM))
        forgotten = 0
        for project in self._catalogue.idle_projects():
            if self._catalogue.size_bytes() <= goal_bytes:
                break
            await self._catalogue.forget_project(project)
            self._changed(project)
            forgotten += 1
        size_bytes = self._catalogue.size_bytes()
        # What cannot go is not gone through again each minute.
        self._hopeless_bytes = int(size_bytes * (1.0 + HEADROOM)) if size_bytes > goal_bytes else 0
        log.info("the pages of {forgotten} projects were forgotten", forgotten=forgotten)

    @property
    def _cached_bytes(self) -> int:
        return self._catalogue.stored_bytes() - self._catalogue.hosted_bytes()

    async def _evict(self, sha256: str) -> None:
        """Unknown first, then gone: a crash between the two leaves a file that nothing shows.

        A disk that is full takes no note of anything: then the file goes first, and a record without its file is
        forgotten where it is met.
        """
        try:
            await self._catalogue.forget_file(sha256)
        except StoreFailed:
            await self._pool(self._files.remove, sha256)
            await self._catalogue.forget_file(sha256)
        else:
            await self._pool(self._files.remove, sha256)

    async def _evict_to(self, budget_bytes: int, *, headroom: float) -> int:
        """Returns how many bytes went."""
        candidates = [
            Candidate(
                sha256=record.sha256,
                size_bytes=record.size_bytes,
                used_at=record.used_at,
                pinned=record.pinned,
                in_use=self._usage.is_in_use(record.sha256),
            )
            for record in self._catalogue.all_files()
            if record.tier != HERE
        ]
        stored_bytes = sum(candidate.size_bytes for candidate in candidates)
        evicted_bytes = 0
        for sha256 in victims(candidates, stored_bytes=stored_bytes, budget_bytes=budget_bytes, headroom=headroom):
            record = self._catalogue.file(FileIdentity("sha256", sha256))
            if record is None or record.pinned or record.tier == HERE or not self._usage.leave(sha256):
                continue  # meanwhile: gone with another's eviction, pinned, published here, asked for
            try:
                await self._evict(sha256)
            finally:
                self._usage.has_left(sha256)
            self._changed(record.project)
            self._stats.evicted += 1
            self._stats.evicted_bytes += record.size_bytes
            evicted_bytes += record.size_bytes
        if evicted_bytes:
            log.info("evicted {evicted_bytes} bytes", evicted_bytes=evicted_bytes)
        return evicted_bytes
