"""Sidecars: the core metadata beside a file (PEP 658), and its provenance (PEP 740).

What the tier has is passed through, verified where it gave a digest.  For a wheel whose tier has none, one is made
from the wheel, on first demand only, by the node nearest to the origin.  The wheel has the last word: when it is
stored, its own METADATA replaces what differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping

from attrs import define, field, frozen
from twisted.logger import Logger

from tiercache.cache.chain import Chain
from tiercache.cache.collapse import Collapse
from tiercache.cache.entries import Entries
from tiercache.cache.files import Files
from tiercache.cache.listings import Listing, Listings
from tiercache.cache.shown import names_of
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.unawaited import let_go_on
from tiercache.cache.wheel import BytesMissing, SparseFile, metadata_in
from tiercache.cache.worst import worse
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    LoopFound,
    NoTierAnswered,
    NotStored,
    RangesUnsupported,
    SidecarUnavailable,
    StoreFailed,
    TiercacheError,
    TierUnreachable,
)
from tiercache.interfaces import METADATA, PROVENANCE, Attachment, FileRecord, ICatalogue, IFiles, IUpstream, Pool
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.simple.digests import hasher
from tiercache.simple.model import STRONGEST_FIRST, File, FileIdentity, ProjectName
from tiercache.stats import Stats

log = Logger()

TAIL_BYTES = 32 * 1024
"""The first read from a wheel: its end, where the directory is, and often METADATA itself."""

STRETCH_BYTES = 16 * 1024
"""No later read from a wheel is shorter."""

READS = 6
"""A wheel that needs more reads than this is fetched as a whole."""

READ_BYTES = 8 * 1024 * 1024
"""So is one whose directory is so long that it would take more bytes than this."""


@frozen(kw_only=True)
class ShownAttachment:
    """A sidecar or a provenance, ready to be sent to who may read `project`."""

    data: bytes
    sha256: str
    outcome: Outcome
    project: ProjectName | None = None


@define(kw_only=True)
class Sidecars:
    """The sidecars of a node."""

    _catalogue: ICatalogue
    _files: Files
    _stored_files: IFiles
    _listings: Listings
    _entries: Entries
    _chain: Chain
    _switch: OfflineSwitch
    _pool: Pool
    _stats: Stats
    _fetches: Collapse[tuple[FileIdentity, str, int], Attachment] = field(factory=Collapse, init=False)

    async def sidecar(self, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        """The core metadata of a file.

        Raises FileAbsent, SidecarUnavailable, NotStored, NoTierAnswered.
        """
        record = await self._files.stored(identity, filename)
        kept = await self._kept_of(identity, filename, record, METADATA)
        if kept is not None:
            return _shown(kept, filename, Outcome(hit=True))
        if record is not None and _is_wheel(filename):
            try:
                made = await self._once(identity, METADATA, ask, lambda: self._from_stored(record))
            except FileAbsent:
                log.info("{filename} went while it was read", filename=filename)
            else:
                return _shown(made, filename, Outcome(hit=True, detail="made"))
        return await self._forwarded(identity, filename, METADATA, ask, self._fetch_sidecar)

    async def provenance(self, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        """The provenance of a file, as its tier has it.

        Raises FileAbsent, NotStored, NoTierAnswered.
        """
        record = await self._files.stored(identity, filename)
        kept = await self._kept_of(identity, filename, record, PROVENANCE)
        if kept is not None:
            return _shown(kept, filename, Outcome(hit=True))
        return await self._forwarded(identity, filename, PROVENANCE, ask, self._fetch_provenance)

    async def check_stored(self, record: FileRecord) -> None:
        """A wheel is in the store now: what it says of itself replaces a sidecar that says otherwise."""
        if _is_wheel(record.listing.filename):
            try:
                made = await self._from_stored(record)
            except FileAbsent:
                return  # gone again, or damaged: it is fetched anew when it is asked for
            if made.data is None:
                log.info("{filename} has no core metadata to show", filename=record.listing.filename)

    # -- what is kept -----------------------------------------------------------------------------------------

    async def _kept_of(
        self, identity: FileIdentity, filename: str, record: FileRecord | None, kind: str
    ) -> Attachment | None:
        """What is kept of a file that is stored, or is listed by a tier that may answer for its project now."""
        if record is None and await self._listings.known(identity, filename) is None:
            return None
        return self._kept(identity, record, kind)

    def _kept(self, identity: FileIdentity, record: FileRecord | None, kind: str) -> Attachment | None:
        for name in names_of(identity, record):
            attachment = self._catalogue.attachment(name, kind)
            if attachment is not None:
                self._stats.hits += 1
                return attachment
        return None

    def _keep(self, attachment: Attachment) -> Attachment:
        def not_kept(error: StoreFailed) -> None:
            log.warn("a sidecar of {project} is not kept: {error}", project=attachment.project, error=error)

        let_go_on(self._catalogue.store_attachment(attachment), not_kept)
        self._entries.changed(attachment.project)
        return attachment

    async def _once(
        self, identity: FileIdentity, kind: str, ask: Ask, work: Callable[[], Awaitable[Attachment]]
    ) -> Attachment:
        """One fetch for a sidecar, however many ask; equally far from their clients, as in `Pages`."""
        fetch, collapsed = self._fetches.join((identity, kind, len(ask.hops.ids)), work)
        self._stats.collapsed += collapsed
        return await fetch.result()

    # -- from a tier ------------------------------------------------------------------------------------------

    async def _forwarded(
        self,
        identity: FileIdentity,
        filename: str,
        kind: str,
        ask: Ask,
        fetch: Callable[[Listing, Ask], Awaitable[Attachment]],
    ) -> ShownAttachment:
        if ask.local or ask.only_if_cached or self._switch.is_offline:
            self._stats.refused += 1
            raise NotStored(subject=f"The {kind} of {filename}")
        listing = await self._listings.find(identity, filename, ask)
        kept = self._kept(listing.identity, None, kind)
        if kept is not None:
            return _shown(kept, filename, Outcome(hit=True))
        self._stats.forwarded += 1
        fetched = await self._once(listing.identity, kind, ask, lambda: fetch(listing, ask))
        return _shown(fetched, filename, Outcome(fwd="miss", stored=True, tier=listing.tier))

    async def _fetch_sidecar(self, listing: Listing, ask: Ask) -> Attachment:
        try:
            return await self._first_answer(
                listing, ask, lambda upstream, file: self._from_tier(listing, upstream, file)
            )
        except RangesUnsupported:
            return await self._from_whole(listing, ask)

    async def _fetch_provenance(self, listing: Listing, ask: Ask) -> Attachment:
        if listing.file.provenance is None:
            raise FileAbsent(filename=listing.file.filename)

        async def fetch(upstream: IUpstream, file: File) -> Attachment:
            if file.provenance is None:
                raise FileAbsent(filename=file.filename)
            return self._keep(_attachment(listing, PROVENANCE, await upstream.provenance(file), made=False))

        return await self._first_answer(listing, ask, fetch)

    async def _first_answer(
        self, listing: Listing, ask: Ask, ask_one: Callable[[IUpstream, File], Awaitable[Attachment]]
    ) -> Attachment:
        """What the first source gives that has it; a source that is unreachable counts for more than one without."""
        filename = listing.file.filename
        worst: TiercacheError = FileAbsent(filename=filename)
        try:
            async for upstream, file in self._chain.sources(listing.project, listing.file, listing.tier, ask.hops):
                try:
                    return await ask_one(upstream, file)
                except (TierUnreachable, FileAbsent) as error:
                    self._chain.file_heard(upstream.tier.name, file, error)
                    worst = worse(worst, error)
        except TierUnreachable as unasked:
            worst = worse(worst, unasked)
        if not isinstance(worst, TierUnreachable):
            raise worst
        raise NoTierAnswered(subject=filename, reason=worst.reason, retry_after_s=worst.retry_after_s) from worst

    async def _from_tier(self, listing: Listing, upstream: IUpstream, file: File) -> Attachment:
        """The tier's own sidecar, if it has one and it is what the page says; else one made from its wheel.

        A tier that is a node is asked whatever its page says, and its no is taken: the node nearest to the origin makes
        the sidecar, once, and where that came to nothing no other tries again.
        """
        is_wheel = _is_wheel(file.filename)
        asks_node = is_wheel and self._chain.is_node(upstream.tier.name)
        if asks_node and file.core_metadata is False:
            return self._keep(_attachment(listing, METADATA, None, made=True))
        failure: TierUnreachable | None = None
        if file.core_metadata or asks_node:
            try:
                data = await upstream.sidecar(file)
                _verify(file, data)
            except TierUnreachable as error:
                if not is_wheel or not error.has_answered or isinstance(error, LoopFound):
                    raise
                failure = error  # the wheel may be had where its sidecar is not
            except (FileAbsent, DigestMismatch) as error:
                if asks_node and isinstance(error, FileAbsent) and not isinstance(file.core_metadata, Mapping):
                    return self._keep(_attachment(listing, METADATA, None, made=True))
                log.warn(
                    "tier {tier} lists a sidecar of {filename} that it does not have: {error}",
                    tier=upstream.tier.name,
                    filename=file.filename,
                    error=error,
                )
            else:
                self._stats.sidecars_passed += 1
                return self._keep(_attachment(listing, METADATA, data, made=False))
        if not is_wheel:
            raise SidecarUnavailable(filename=file.filename, reason="its tier has none, and it is no wheel")
        try:
            return await self._made(listing, lambda: self._by_ranges(listing.project, upstream, file))
        except (TierUnreachable, FileAbsent) as error:
            raise failure or error from None

    async def _by_ranges(self, project: ProjectName, upstream: IUpstream, file: File) -> bytes:
        """METADATA from the wheel's end and whatever else it takes; RangesUnsupported if that is too much."""
        tail = await upstream.file_range(file, -TAIL_BYTES, TAIL_BYTES)
        if file.size not in {None, tail.size_bytes}:
            raise TierUnreachable(tier=upstream.tier.name, reason="the file has another length than its page says")
        archive = SparseFile(size_bytes=tail.size_bytes)
        archive.add(tail.start, tail.data)
        read_bytes = len(tail.data)
        for _ in range(READS):
            try:
                return await self._pool(metadata_in, archive, file.filename, project)
            except BytesMissing as missing:
                wanted = max(STRETCH_BYTES, missing.size_bytes)
                read_bytes += wanted
                if read_bytes > READ_BYTES:
                    break
                stretch = await upstream.file_range(file, missing.start, wanted)
                if stretch.size_bytes != tail.size_bytes:
                    raise TierUnreachable(
                        tier=upstream.tier.name, reason="the file changed while it was read"
                    ) from None
                archive.add(stretch.start, stretch.data)
        raise RangesUnsupported(tier=upstream.tier.name, filename=file.filename)

    # -- from the whole wheel ---------------------------------------------------------------------------------

    async def _from_whole(self, listing: Listing, ask: Ask) -> Attachment:
        """Bring the wheel in, and read it there."""
        filename = listing.file.filename
        opened = await self._files.open(listing.identity, filename, ask)
        body = opened.body(0, None)
        try:
            while await body.read():
                pass
        finally:
            body.close()
        record = await self._files.settled(listing.identity, filename)
        if record is not None:
            return await self._from_stored(record)
        kept = self._kept(listing.identity, None, METADATA)  # the wheel was evicted already, and read before
        if kept is None:
            raise SidecarUnavailable(filename=filename, reason="the wheel was not kept")
        return kept

    async def _from_stored(self, record: FileRecord) -> Attachment:
        """What a stored wheel says of itself; kept if it is not what is kept already."""
        listing = Listing(project=record.project, tier=record.tier, file=record.listing)

        async def read() -> bytes:
            return await self._pool(self._read_stored, record)

        made = await self._made(listing, read)
        await self._forget_others(record, made)
        return made

    async def _forget_others(self, record: FileRecord, made: Attachment) -> None:
        """What was kept when the wheel was asked for by another of its names may say something else."""
        try:
            for name in record.identities:
                if name != made.identity and self._catalogue.attachment(name, METADATA) is not None:
                    await self._catalogue.forget_attachment(name, METADATA)
        except StoreFailed as error:
            log.warn("an older sidecar of {project} is not forgotten: {error}", project=record.project, error=error)

    def _read_stored(self, record: FileRecord) -> bytes:
        if self._stored_files.size(record.sha256) != record.size_bytes:
            # What is left of a file that lost bytes says nothing of the file.
            raise FileAbsent(filename=record.listing.filename)
        with self._stored_files.open(record.sha256) as archive:
            return metadata_in(archive, record.listing.filename, record.project)

    async def _made(self, listing: Listing, read: Callable[[], Awaitable[bytes]]) -> Attachment:
        """A sidecar made from the wheel that `read` reads, or the knowledge that it has none."""
        kept = self._catalogue.attachment(listing.identity, METADATA)
        try:
            data = await read()
        except SidecarUnavailable as error:
            self._stats.sidecars_failed += 1
            log.warn("{error}", error=error)
            return self._keep(_attachment(listing, METADATA, None, made=True))
        if kept is not None and kept.data == data:
            return kept
        if kept is not None and kept.data is not None:
            log.warn("the sidecar of {filename} was not what the wheel says", filename=listing.file.filename)
        self._stats.sidecars_made += 1
        return self._keep(_attachment(listing, METADATA, data, made=True))


def _is_wheel(filename: str) -> bool:
    return filename.endswith(".whl")


def _attachment(listing: Listing, kind: str, data: bytes | None, *, made: bool) -> Attachment:
    return Attachment(
        identity=listing.identity,
        project=listing.project,
        kind=kind,
        sha256=hashlib.sha256(data).hexdigest() if data is not None else "",
        data=data,
        made=made,
    )


def _shown(attachment: Attachment, filename: str, outcome: Outcome) -> ShownAttachment:
    if attachment.data is None:
        raise SidecarUnavailable(filename=filename, reason="there is none in it")
    return ShownAttachment(data=attachment.data, sha256=attachment.sha256, outcome=outcome, project=attachment.project)


def _verify(file: File, data: bytes) -> None:
    """Raises DigestMismatch if the page gives a digest of the sidecar, and it is another."""
    if not isinstance(file.core_metadata, Mapping):
        return
    for algorithm, expected in file.core_metadata.items():
        if algorithm in STRONGEST_FIRST:
            digest = hasher(algorithm)
            digest.update(data)
            if digest.hexdigest() != expected:
                raise DigestMismatch(
                    filename=f"{file.filename}.metadata",
                    algorithm=algorithm,
                    expected=expected,
                    actual=digest.hexdigest(),
                )
