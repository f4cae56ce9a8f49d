"""Files: from the store when they are there, else through a fill that any number of clients share.

A stored file whose length is not what the catalogue says has lost bytes: it is put aside and fetched anew.  Here is
decided which fill a client joins, and a filled file becomes a record; the fill itself is `fill`'s affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import BinaryIO

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tiercache.cache.body import IBody, OpenFile, StoredBody, fill_body, head_only
from tiercache.cache.chain import Chain
from tiercache.cache.collapse import Collapse
from tiercache.cache.entries import Entries
from tiercache.cache.fill import Fill, Filled, Pace, at_any_pace
from tiercache.cache.fill_reader import FillReader
from tiercache.cache.judging import Judging
from tiercache.cache.lengths import size_by_asking, size_by_filling
from tiercache.cache.listings import Listing, Listings
from tiercache.cache.owners import owners_of
from tiercache.cache.showing import Showing
from tiercache.cache.shown import names_of, of_reserved
from tiercache.cache.signal import Signal
from tiercache.cache.spool import Spool
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.usage import Usage
from tiercache.cache.withdrawn import Withdrawn
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    FileRefused,
    LengthMismatch,
    NoTierAnswered,
    NotStored,
    StoreFailed,
    TiercacheError,
    TierUnreachable,
)
from tiercache.interfaces import FileRecord, ICatalogue, IFiles, Pool
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.policy.selection import HERE
from tiercache.simple.model import STRONGEST_FIRST, FileIdentity
from tiercache.simple.names import candidate_projects
from tiercache.stats import Stats

LOST = "lost"
"""Why a file that is hosted here is not to be had: the store has lost its bytes."""

log = Logger()


@define(kw_only=True)
class Files:
    """The files of a node.  `make_room` frees bytes in the store, and says if it freed any; `pace` as in `Fill`."""

    _catalogue: ICatalogue
    _files: IFiles
    _showing: Showing
    _judging: Judging
    _withdrawn: Withdrawn
    _listings: Listings
    _entries: Entries
    _chain: Chain
    _switch: OfflineSwitch
    _usage: Usage
    _make_room: Callable[[int], Awaitable[bool]]
    _clock: IReactorTime
    _now: Callable[[], float]
    _pool: Pool
    _stats: Stats
    _pace: Pace = at_any_pace
    _fills: dict[FileIdentity, Fill] = field(factory=dict, init=False)
    _filling: set[Deferred[None]] = field(factory=set, init=False)
    _fill_ended: Signal = field(factory=Signal, init=False)
    _repairs: Collapse[str, None] = field(factory=Collapse, init=False)
    _on_stored: list[Callable[[FileRecord], Awaitable[None]]] = field(factory=list, init=False)

    def on_stored(self, act: Callable[[FileRecord], Awaitable[None]]) -> None:
        """Let `act` know of every file that is stored from now on."""
        self._on_stored.append(act)

    async def open(self, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        """A file to be sent, from the store, or behind a fill that begins now or has begun.

        `identity` None: whatever bytes the project's page gives this filename.  Returns when the first bytes are
        there.  Raises FileAbsent, FileRefused, NotStored, NoTierAnswered; DigestMismatch and LengthMismatch if the
        tiers gave wrong bytes only.
        """
        record = await self._found(identity, filename, ask)
        if record is not None:
            await self._withdrawn.check(record, ask)
            await self._judging.check(identity, filename, record)
        opened = self._opened(record, identity, filename)
        if opened is None:
            listing = await self._listed(identity, filename, ask)
            # The same bytes may have been stored for another project or filename, or while the page was asked for.
            record = await self._whole(listing.identity)
            await self._judging.check(identity, filename, record, listing)
            opened = self._opened(record, identity, filename)
            if opened is None:
                return await self._open_cold(listing, identity or listing.identity, ask)
        self._stats.hits += 1
        return opened

    async def head(self, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        """The same without the bytes, and without beginning a fill unless there is no other way to learn the length."""
        record = await self._found(identity, filename, ask)
        listing = None
        if record is None:
            listing = await self._listed(identity, filename, ask)
            record = await self._whole(listing.identity)
        await self._withdrawn.check(record, ask)
        await self._judging.check(identity, filename, record, listing)
        if record is not None or listing is None:
            assert record is not None  # noqa: S101  # one of the two was found
            of_record = identity or FileIdentity("sha256", record.sha256)
            return head_only(of_record, filename, record.size_bytes, Outcome(hit=True), record.project)
        self._refuse_to_ask(listing, ask)
        running = self._fills.get(listing.identity)
        size_bytes = listing.file.size
        if size_bytes is None and running is not None:
            size_bytes = running.size_bytes
        if size_bytes is None:
            size_bytes = await size_by_asking(self._chain, listing, ask)
        if size_bytes is None:
            opened = await self._open_cold(listing, listing.identity, ask)
            try:
                size_bytes = await size_by_filling(opened)
            finally:
                opened.close()
        outcome = Outcome(fwd="miss", tier=listing.tier)
        return head_only(identity or listing.identity, filename, size_bytes, outcome, listing.project)

    async def stored(self, identity: FileIdentity, filename: str) -> FileRecord | None:
        """The record of a file that is in the store with every byte; one that lost some is put aside."""
        record = await self._whole(identity)
        if record is None or record.listing.filename != filename or not self._showing.counts(record):
            return None
        return record

    async def open_stored(self, sha256: str) -> tuple[FileRecord, OpenFile] | None:
        """The file with this SHA-256 to be sent, whatever it is called, if it is in the store with every byte.

        One that is not given out is not here.
        """
        record = await self._whole(FileIdentity("sha256", sha256))
        is_here = record is not None and (record.tier != HERE or self._showing.counts(record))
        try:
            if record is not None and is_here:
                await self._withdrawn.check(record, Ask(only_if_cached=True))
                await self._judging.check(FileIdentity("sha256", sha256), record.listing.filename, record)
        except (FileAbsent, FileRefused):
            is_here = False
        opened = self._opened(record, None, record.listing.filename) if record is not None and is_here else None
        if record is None or opened is None:
            self._stats.refused += 1
            return None
        self._stats.hits += 1
        return record, opened

    def awaited(self) -> set[FileIdentity]:
        """The files under way that somebody waits for."""
        return {identity for identity, fill in self._fills.items() if fill.is_awaited}

    async def settled(self, identity: FileIdentity, filename: str) -> FileRecord | None:
        """The record of a file once the fill that brings it in, if there is one, has ended."""
        while identity in self._fills:
            await self._fill_ended.wait()
        return await self.stored(identity, filename)

    async def stop(self) -> None:
        """End the fills that are under way, unfinished."""
        for filling in list(self._filling):
            filling.cancel()
        while self._filling:
            await self._fill_ended.wait()

    # -- stored -----------------------------------------------------------------------------------------------

    async def _whole(self, identity: FileIdentity) -> FileRecord | None:
        record = self._catalogue.file(identity)
        if record is None or self._files.size(record.sha256) == record.size_bytes:
            return record
        # Once, however many ask: what is fetched anew meanwhile is not put aside with it.
        await self._repairs.join(record.sha256, lambda: self._put_aside(record))[0].result()
        return None

    async def _put_aside(self, record: FileRecord) -> None:
        log.warn("{filename} has lost bytes in the store, and is put aside", filename=record.listing.filename)
        self._stats.quarantined += self._files.size(record.sha256) is not None
        try:
            await self._pool(self._files.quarantine, record.sha256)
            await self._catalogue.forget_file(record.sha256)
        except StoreFailed as error:  # it is fetched anew all the same
            log.warn("{filename} is not put aside: {error}", filename=record.listing.filename, error=error)
        self._entries.changed(record.project)

    async def _found(self, identity: FileIdentity | None, filename: str, ask: Ask) -> FileRecord | None:
        """The stored file that is asked for.  By its name alone: the one that its page lists, or without a page any.

        What its page lists no more is found where no tier may be asked.
        """
        if identity is not None:
            return await self.stored(identity, filename)
        listing = await self._listings.known(None, filename)
        if listing is not None:
            record = await self._whole(listing.identity)
            if record is not None or not self._is_local(ask):
                return record
        named = [
            record
            for project in candidate_projects(filename)
            for record in self._catalogue.files_of(project)
            if record.listing.filename == filename and self._showing.counts(record)
        ]
        newest = max(named, key=lambda record: record.stored_at, default=None)
        return await self._whole(FileIdentity("sha256", newest.sha256)) if newest is not None else None

    def _opened(self, record: FileRecord | None, identity: FileIdentity | None, filename: str) -> OpenFile | None:
        if record is None:
            return None
        try:
            handle = self._files.open(record.sha256)
        except FileAbsent:  # evicted just now
            return None
        return OpenFile(
            identity=identity or FileIdentity("sha256", record.sha256),
            filename=filename,
            size_bytes=record.size_bytes,
            outcome=Outcome(hit=True),
            project=record.project,
            new_body=partial(self._stored_body, handle, record),
            close=handle.close,
        )

    def _stored_body(self, handle: BinaryIO, record: FileRecord, start: int, stop: int | None) -> IBody:
        return StoredBody(
            handle=handle,
            filename=record.listing.filename,
            position=start,
            stop=record.size_bytes if stop is None else min(stop, record.size_bytes),
            pool=self._pool,
            usage=self._usage,
            sha256=record.sha256,
        )

    # -- cold -------------------------------------------------------------------------------------------------

    async def _listed(self, identity: FileIdentity | None, filename: str, ask: Ask) -> Listing:
        if not self._is_local(ask):
            return await self._listings.find(identity, filename, ask)
        listing = await self._listings.known(identity, filename)
        if listing is None:
            raise NotStored(subject=filename)
        return listing

    def _refuse_to_ask(self, listing: Listing, ask: Ask) -> None:
        """Raises NotStored where no tier may be asked; NoTierAnswered of a hosted file, which no tier has."""
        if self._is_local(ask):
            raise NotStored(subject=listing.file.filename)
        if listing.tier == HERE and not self._chain.selection(listing.project).tiers:
            raise NoTierAnswered(subject=listing.file.filename, reason=LOST)

    def _is_local(self, ask: Ask) -> bool:
        return ask.local or ask.only_if_cached or self._switch.is_offline

    async def _open_cold(self, listing: Listing, identity: FileIdentity, ask: Ask) -> OpenFile:
        try:
            fill, reader, collapsed = await self._begun(listing, ask)
        except TierUnreachable as error:
            raise NoTierAnswered(
                subject=listing.file.filename, reason=error.reason, retry_after_s=error.retry_after_s
            ) from error
        return OpenFile(
            identity=identity,
            filename=listing.file.filename,
            size_bytes=reader.promise(),
            outcome=Outcome(fwd="miss", stored=True, collapsed=collapsed, tier=listing.tier, above=fill.cache_status),
            project=fill.project,
            new_body=partial(fill_body, reader),
            close=reader.close,
        )

    async def _begun(self, listing: Listing, ask: Ask) -> tuple[Fill, FillReader, bool]:
        """A fill whose first bytes are there, a reader that holds them, and whether the fill was there before.

        Who joins a fill that has thrown wrong bytes away may get the right ones of another tier.  If there are none,
        what was wrong came before this client did, which then has a fill of its own: the tier may be well again.
        """
        while True:
            self._refuse_to_ask(listing, ask)
            fill, collapsed = self._join(listing, ask)
            self._stats.collapsed += collapsed
            is_late = collapsed and fill.epoch > 0
            reader = fill.reader(0, None)  # holds the beginning until the client says what it wants
            if not collapsed:
                self._begin(listing, fill, ask)
            try:
                await fill.started()
            except (DigestMismatch, LengthMismatch):
                reader.close()
                if not is_late:
                    raise
            except BaseException:
                reader.close()
                raise
            else:
                return fill, reader, collapsed

    def _join(self, listing: Listing, ask: Ask) -> tuple[Fill, bool]:
        """The fill of this file that is under way, or a new one yet to begin; and whether it was there before."""
        running = self._fills.get(listing.identity)
        distance = len(ask.hops.ids)
        if running is not None and running.may_be_joined(distance):
            if not ask.unhurried:
                running.hurry()
            return running, True
        fill = Fill(
            filename=listing.file.filename,
            project=listing.project,
            listed_bytes=listing.file.size,
            digests=listing.file.hashes,
            pool=self._pool,
            new_spool=lambda: Spool(files=self._files, pool=self._pool, make_room=self._make_room),
            heard=self._chain.file_heard,
            pause=lambda pause_s: deferLater(self._clock, pause_s),
            judge=self._judging.before_the_last_byte(listing),
            pace=self._pace if ask.unhurried else None,
            distance=distance,
        )
        self._fills[listing.identity] = fill  # who comes next joins the one that can serve from the beginning
        return fill, False

    def _begin(self, listing: Listing, fill: Fill, ask: Ask) -> None:
        self._stats.fills_begun += 1
        filling = ensureDeferred(self._bring_in(listing, fill, ask))
        if not filling.called:
            self._filling.add(filling)
            filling.addBoth(lambda _: self._filling.discard(filling))
            filling.addBoth(lambda _: self._fill_ended.fire())

    async def _bring_in(self, listing: Listing, fill: Fill, ask: Ask) -> None:
        fill.hold()
        try:
            filled = await fill.run(
                lambda: self._chain.fill_sources(listing.project, listing.file, listing.tier, ask.hops)
            )
            self._stats.fills_completed += 1
            if filled.stored:
                await self._record(listing, filled)
        except TiercacheError as error:
            self._stats.fills_failed += 1
            log.warn("{filename} could not be had: {error}", filename=fill.filename, error=error)
        except CancelledError:
            log.info("{filename} was not brought in: the node stops", filename=fill.filename)
        except Exception:  # noqa: BLE001  # nobody waits for this: what was not foreseen is logged here or nowhere
            self._stats.fills_failed += 1
            log.failure("the fill of {filename} failed", filename=fill.filename)
        finally:
            fill.release()
            if self._fills.get(listing.identity) is fill:
                del self._fills[listing.identity]

    async def _record(self, listing: Listing, filled: Filled) -> None:
        """Make a file that has its final name known; one that cannot be made known is removed again."""
        hashes = {**listing.file.hashes, "sha256": filled.sha256}
        names = {FileIdentity(name, value) for name, value in hashes.items() if name in STRONGEST_FIRST}  # verified
        record = FileRecord(
            sha256=filled.sha256,
            size_bytes=filled.size_bytes,
            project=listing.project,
            tier=listing.tier,
            listing=of_reserved(listing.file) if listing.is_reserved else listing.file,
            identities=tuple(sorted({*names, listing.identity}, key=lambda name: name.segment)),
            stored_at=self._now(),
            used_at=self._now(),
        )
        before = owners_of(names_of(FileIdentity("sha256", record.sha256), record), self._catalogue)
        try:
            await self._catalogue.store_file(record)
        except StoreFailed as error:
            log.warn("{filename} is not kept: {error}", filename=listing.file.filename, error=error)
            if self._catalogue.file(FileIdentity("sha256", filled.sha256)) is None:  # else it was stored before
                await self._pool(self._files.remove, filled.sha256)
            return
        self._entries.changed(listing.project, *before)
        for act in self._on_stored:
            try:
                await act(record)
            except (FileAbsent, StoreFailed) as error:  # it may be evicted by now
                log.warn("{filename} is stored, but: {error}", filename=record.listing.filename, error=error)
