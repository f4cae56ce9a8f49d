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

from tiercache.cache.admission import Admission
from tiercache.cache.chain import Chain
from tiercache.cache.collapse import Collapse
from tiercache.cache.core_metadata import is_wheel, metadata_of
from tiercache.cache.entries import Entries
from tiercache.cache.files import Files
from tiercache.cache.judging import Judging
from tiercache.cache.listings import Listing, Listings
from tiercache.cache.owners import owners_of
from tiercache.cache.ranged_wheel import metadata_by_ranges
from tiercache.cache.shown import names_of
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.unawaited import let_go_on
from tiercache.cache.withdrawn import Withdrawn
from tiercache.cache.worst import worse
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    FileRefused,
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
from tiercache.policy.direct_urls import direct_url_requirements
from tiercache.policy.entry import Ask
from tiercache.simple.digests import hasher
from tiercache.simple.model import STRONGEST_FIRST, File, FileIdentity, ProjectName
from tiercache.stats import Stats

LARGE_BYTES = 64 * 1024
"""Longer core metadata is looked through off the reactor thread."""

log = Logger()


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
    _admission: Admission
    _judging: Judging
    _withdrawn: Withdrawn
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

        Raises FileAbsent, FileRefused, SidecarUnavailable, NotStored, NoTierAnswered.
        """
        record = await self._files.stored(identity, filename)
        await self._withdrawn.check(record, ask)
        kept = await self._kept_of(identity, filename, record, METADATA)
        if kept is not None:
            return await self._admitted(kept, identity, filename, record, Outcome(hit=True))
        await self._judging.check(identity, filename, record)
        if record is not None and is_wheel(filename):
            try:
                made = await self._once(identity, METADATA, ask, lambda: self._from_stored(record))
            except FileAbsent:
                log.info("{filename} went while it was read", filename=filename)
            else:
                return await self._admitted(made, identity, filename, record, Outcome(hit=True, detail="made"))
        return await self._forwarded(identity, filename, METADATA, ask, self._fetch_sidecar)

    @property
    def under_way(self) -> int:
        """How many are being fetched or made."""
        return len(self._fetches)

    async def provenance(self, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        """The provenance of a file, as its tier has it.

        Raises FileAbsent, NotStored, NoTierAnswered.
        """
        record = await self._files.stored(identity, filename)
        await self._withdrawn.check(record, ask)
        kept = await self._kept_of(identity, filename, record, PROVENANCE)
        if kept is not None:
            return _shown(kept, filename, Outcome(hit=True))
        return await self._forwarded(identity, filename, PROVENANCE, ask, self._fetch_provenance)

    async def judged(self, identity: FileIdentity | None, filename: str, ask: Ask) -> None:
        """Of a wheel that is not stored, find out what it requires before any of its bytes are given out of their turn.

        Raises FileRefused; nothing where it cannot be found out.
        """
        if identity is not None and await self._files.stored(identity, filename) is not None:
            return
        try:
            listing = await self._listings.find(identity, filename, ask)
            if self._judging.is_of_concern(listing) and await self._files.stored(listing.identity, filename) is None:
                await self.sidecar(listing.identity, filename, ask)
        except (FileAbsent, SidecarUnavailable, NotStored, NoTierAnswered) as error:
            log.debug("it is not known what {filename} requires: {error}", filename=filename, error=error)

    async def check_stored(self, record: FileRecord) -> None:
        """A file is in the store now: what a wheel says of itself replaces a sidecar that says otherwise."""
        await self._judging.note_sdist(record)
        if is_wheel(record.listing.filename):
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

    async def _keep(self, attachment: Attachment) -> Attachment:
        def not_kept(error: StoreFailed) -> None:
            log.warn("a sidecar of {project} is not kept: {error}", project=attachment.project, error=error)

        if attachment.kind == METADATA:
            found = await self._direct_urls(attachment)
            self._admission.note_requirements(attachment.project, [attachment.identity], found)
        before = owners_of([attachment.identity], self._catalogue)
        let_go_on(self._catalogue.store_attachment(attachment), not_kept)
        self._entries.changed(attachment.project, *before)
        return attachment

    async def _admitted(
        self,
        attachment: Attachment,
        identity: FileIdentity,
        filename: str,
        record: FileRecord | None,
        outcome: Outcome,
        listing: Listing | None = None,
    ) -> ShownAttachment:
        """What is kept, for who asks.  Raises FileRefused, and SidecarUnavailable."""
        if attachment.kind == METADATA and attachment.data is not None:
            requirements = await self._direct_urls(attachment)
            if requirements:
                # The store may have had no room for it when the sidecar came, or may have lost it since.
                self._admission.note_requirements(attachment.project, [attachment.identity], requirements)
                await self._judging.check(identity, filename, record, listing, requirements)
        return _shown(attachment, filename, outcome)

    async def _direct_urls(self, attachment: Attachment) -> tuple[str, ...]:
        data = attachment.data or b""
        is_long = len(data) > LARGE_BYTES
        return await self._pool(direct_url_requirements, data) if is_long else direct_url_requirements(data)

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
            return await self._admitted(kept, identity, filename, None, Outcome(hit=True), listing)
        self._stats.forwarded += 1
        fetched = await self._once(listing.identity, kind, ask, lambda: fetch(listing, ask))
        outcome = Outcome(fwd="miss", stored=True, tier=listing.tier)
        return await self._admitted(fetched, identity, filename, None, outcome, listing)

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
            return await self._keep(_attachment(listing, PROVENANCE, await upstream.provenance(file), made=False))

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
                except (TierUnreachable, FileAbsent, FileRefused) as error:
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
        has_metadata = is_wheel(file.filename)
        asks_node = has_metadata and self._chain.is_node(upstream.tier.name)
        if asks_node and file.core_metadata is False:
            return await self._keep(_attachment(listing, METADATA, None, made=True))
        failure: TierUnreachable | None = None
        if file.core_metadata or asks_node:
            try:
                data = await upstream.sidecar(file)
                _verify(file, data)
            except TierUnreachable as error:
                if not has_metadata or not error.has_answered or isinstance(error, LoopFound):
                    raise
                failure = error  # the wheel may be had where its sidecar is not
            except (FileAbsent, DigestMismatch) as error:
                if asks_node and isinstance(error, FileAbsent) and not isinstance(file.core_metadata, Mapping):
                    return await self._keep(_attachment(listing, METADATA, None, made=True))
                log.warn(
                    "tier {tier} lists a sidecar of {filename} that it does not have: {error}",
                    tier=upstream.tier.name,
                    filename=file.filename,
                    error=error,
                )
            else:
                self._stats.sidecars_passed += 1
                return await self._keep(_attachment(listing, METADATA, data, made=False))
        if not has_metadata:
            raise SidecarUnavailable(filename=file.filename, reason="its tier has none, and it is no wheel")
        try:
            return await self._made(listing, lambda: metadata_by_ranges(upstream, file, listing.project, self._pool))
        except (TierUnreachable, FileAbsent) as error:
            raise failure or error from None

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
            judged = self._judging.take_metadata(record)
            return judged if judged is not None else await self._pool(metadata_of, self._stored_files, record)

        made = await self._made(listing, read)
        self._admission.note(record.project, (listing.identity, *record.identities), made.data)
        await self._forget_others(record, made)
        return made

    async def _forget_others(self, record: FileRecord, made: Attachment) -> None:
        """What was kept when the wheel was asked for by another of its names may say something else."""
        try:
            for name in record.identities:
                if name != made.identity and self._catalogue.attachment(name, METADATA) is not None:
                    before = owners_of([name], self._catalogue)
                    await self._catalogue.forget_attachment(name, METADATA)
                    self._entries.changed(record.project, *before)
        except StoreFailed as error:
            log.warn("an older sidecar of {project} is not forgotten: {error}", project=record.project, error=error)

    async def _made(self, listing: Listing, read: Callable[[], Awaitable[bytes]]) -> Attachment:
        """A sidecar made from the wheel that `read` reads, or the knowledge that it has none."""
        kept = self._catalogue.attachment(listing.identity, METADATA)
        try:
            data = await read()
        except SidecarUnavailable as error:
            self._stats.sidecars_failed += 1
            log.warn("{error}", error=error)
            return await self._keep(_attachment(listing, METADATA, None, made=True))
        if kept is not None and kept.data == data:
            return kept
        if kept is not None and kept.data is not None:
            log.warn("the sidecar of {filename} was not what the wheel says", filename=listing.file.filename)
        self._stats.sidecars_made += 1
        return await self._keep(_attachment(listing, METADATA, data, made=True))


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
