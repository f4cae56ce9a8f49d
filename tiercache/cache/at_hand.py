"""What is at hand: what the node would answer now if that takes neither a tier, nor the disk's patience, nor a wait.

For who keeps answers ready and wants to know whether they are still the ones that `pages`, `files` and `sidecars` would
give.  None never means that something is not there: only that they have to be asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from attrs import define

from tiercache.cache.chain import Chain
from tiercache.cache.entries import Entries
from tiercache.cache.hosted import Hosted
from tiercache.cache.judging import Judging
from tiercache.cache.knowledge import Knowledge
from tiercache.cache.listings import Listings
from tiercache.cache.pages import ShownPage
from tiercache.cache.showing import Showing
from tiercache.cache.shown import names_of
from tiercache.cache.sidecars import LARGE_BYTES
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.usage import Usage
from tiercache.cache.withdrawn import Withdrawn
from tiercache.errors import TiercacheError
from tiercache.interfaces import METADATA, Attachment, FileRecord, ICatalogue, IFiles
from tiercache.policy.cache_status import Outcome
from tiercache.policy.decide import Reuse, decide
from tiercache.policy.direct_urls import direct_url_requirements
from tiercache.policy.entry import Ask, Entry
from tiercache.policy.freshness import FreshnessRules, current_age_s
from tiercache.policy.removed import is_quarantined
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.stats import Stats


@define(kw_only=True)
class AtHand:
    """Looks at what is in memory, and at single rows of the catalogue."""

    _catalogue: ICatalogue
    _files: IFiles
    _entries: Entries
    _hosted: Hosted
    _showing: Showing
    _judging: Judging
    _listings: Listings
    _withdrawn: Withdrawn
    _chain: Chain
    _switch: OfflineSwitch
    _rules: FreshnessRules
    _stats: Stats
    _usage: Usage
    _knowledge: Knowledge
    _now: Callable[[], float]

    def version(self, compartment: int) -> int:
        """As `Knowledge` has it: while it is the same, nothing at hand of its projects changes but by the time."""
        return self._knowledge.version(compartment)

    def stamp(self) -> int | None:
        """Another number than the last time where the store may not be as it was, whoever has changed it.

        None where that cannot be told.
        """
        try:
            stamp: int = self._catalogue.stamp()
        except TiercacheError:
            return None
        return stamp

    def now(self) -> float:
        """Seconds since 1970, as the node counts them."""
        return self._now()

    def reused(self) -> None:
        """Something that was at hand has been given to a client."""
        self._stats.hits += 1

    def page(self, project: ProjectName, *, local: bool) -> ShownPage | None:
        """The page as `Pages.shown` would give it to who allows everything; `local`: to who asks below `/local/`."""
        try:
            return self._locally(project) if local or self._switch.is_offline else self._everywhere(project)
        except TiercacheError:  # a page that is damaged, say
            return None

    def file(self, identity: FileIdentity, filename: str, *, local: bool) -> FileRecord | None:
        """The record of a stored file with every byte, which anybody is given who may read its project."""
        record: FileRecord | None = self._catalogue.file(identity)
        if record is None or record.listing.filename != filename:
            return None
        try:
            is_whole = self._files.size(record.sha256) == record.size_bytes
            is_clear = is_whole and self._showing.counts(record) and not self._judging.has_doubts(identity, record)
        except TiercacheError:
            return None
        return record if is_clear and (local or not self._withdrawn.has_doubts(record)) else None

    def sidecar(self, identity: FileIdentity, filename: str, *, local: bool) -> Attachment | None:
        """The core metadata that is kept of a file, stored or not, which anybody is given who may read its project."""
        if self._catalogue.file(identity) is None:
            return self._sidecar_alone(identity, filename)
        record = self.file(identity, filename, local=local)
        if record is None:
            return None
        kept = (self._catalogue.attachment(name, METADATA) for name in names_of(identity, record))
        return next((attachment for attachment in kept if attachment is not None), None)

    def _sidecar_alone(self, identity: FileIdentity, filename: str) -> Attachment | None:
        """That of a file that is not stored, but listed, and with nothing in it that the file may be refused for."""
        kept: Attachment | None = self._catalogue.attachment(identity, METADATA)
        if kept is None or kept.data is None or len(kept.data) > LARGE_BYTES:
            return None
        try:
            is_listed = self._listings.is_at_hand(identity, filename)
        except TiercacheError:
            return None
        # The verdict on it may have been lost, or never have been kept.
        is_clear = is_listed and not self._judging.has_doubts(identity, None) and not direct_url_requirements(kept.data)
        return kept if is_clear else None

    def open(self, sha256: str) -> BinaryIO:
        """A stored file, open at its beginning.  Raises FileAbsent, StoreFailed."""
        opened: BinaryIO = self._files.open(sha256)
        return opened

    def begin(self, sha256: str) -> None:
        """A stored file is being sent: it is used, and not to be evicted."""
        self._usage.begin(sha256)

    def end(self, sha256: str) -> None:
        """By one fewer."""
        self._usage.end(sha256)

    def _locally(self, project: ProjectName) -> ShownPage | None:
        entry = self._entries.at_hand(project)
        if entry is None and self._catalogue.entry(project) is not None:
            return None  # it has to be decoded first
        look = self._showing.locally(project, entry)
        if look is None:
            return None
        return ShownPage(
            project=project,
            outcome=Outcome(hit=True, detail="local"),
            age_s=0.0 if entry is None else current_age_s(entry.head, self._now()),
            version=f"local-{self._entries.revision(project)}",
            serial=None if entry is None else entry.head.serial,
            look=look,
            is_ageless=entry is None,
        )

    def _everywhere(self, project: ProjectName) -> ShownPage | None:
        hosted = self._hosted.entry(project)
        if hosted is not None:
            if self._chain.selection(project).tiers and not (hosted.page is not None and is_quarantined(hosted.page)):
                return None  # the tiers' part of it may be anything
            entry, outcome = hosted, Outcome(hit=True, ttl_s=self._rules.page_s)
        else:
            reused = self._reused(project)
            if reused is None:
                return None
            entry, outcome = reused.entry, Outcome(hit=True, ttl_s=reused.ttl_s, tier=reused.entry.head.tier)
        look = self._showing.everywhere(entry)
        if look is None:
            return None
        return ShownPage(
            project=project,
            outcome=outcome,
            age_s=current_age_s(entry.head, self._now()),
            version=f"everywhere-{self._entries.revision(project)}",
            serial=entry.head.serial,
            look=look,
            is_ageless=entry is hosted,
        )

    def _reused(self, project: ProjectName) -> Reuse | None:
        entry: Entry | None = self._entries.at_hand(project)
        if entry is None or entry.page is None or entry.head.instead_of is not None:
            return None
        decision = decide(entry, Ask(), self._rules, self._now())
        return decision if isinstance(decision, Reuse) else None
