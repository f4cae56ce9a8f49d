"""What is shown of a project here: its page filled in from the store, and of the store what may be seen.

Where pages come from is `pages`' affair, how one looks is `shown`'s, which withdrawn files are seen `policy.removed`'s.
Here they meet what is hosted, and what no longer counts because the tier it came from may not answer any more.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from attrs import define, evolve

from tiercache.cache.admission import Admission, Whose
from tiercache.cache.beside import behind
from tiercache.cache.chain import Chain
from tiercache.cache.hosted import Hosted
from tiercache.cache.look import Look, Making
from tiercache.cache.merge import merged
from tiercache.cache.shown import Origin, is_of_reserved, shown_everywhere, shown_locally
from tiercache.interfaces import METADATA, PROVENANCE, FileRecord, ICatalogue
from tiercache.policy.entry import Entry
from tiercache.policy.freshness import Removed
from tiercache.policy.removed import Withdrawals, is_quarantined
from tiercache.policy.selection import HERE
from tiercache.simple.model import Page, ProjectName
from tiercache.simple.names import identity_of


@define(kw_only=True)
class Showing:
    """`removed`: what becomes of stored files that their tier offers no more.  `admission` says what is given out."""

    _catalogue: ICatalogue
    _chain: Chain
    _hosted: Hosted
    _admission: Admission
    _removed: Removed

    def everywhere(self, entry: Entry) -> Look | None:
        """The page of `/simple/`; None where there is no project to be shown."""
        if entry.page is not None:
            return self._look_everywhere(entry, entry.page)
        if self._removed == "hide" or not self._of(entry.project, self._origin(entry).tiers):
            return None
        return self._look_everywhere(entry, Page(project=entry.project))

    def locally(self, project: ProjectName, entry: Entry | None) -> Look | None:
        """The page of `/local/`; None where nothing of the project is stored.  `entry` is what tiers said of it."""
        hosted = self._hosted.entry(project)
        records = self._seen(project, entry)
        if hosted is not None and hosted.page is not None:
            size = len(hosted.page.files) + len(records)
            return Look(size=size, begin=partial(self._own_and_local, hosted.page, entry, records))
        return Look(size=len(records), begin=partial(self._locally, project, entry, records)) if records else None

    def counts(self, record: FileRecord) -> bool:
        """Whether a stored file is to be had for what its record says of it: not what was withdrawn from this node, nor
        what came from a tier that may not answer for its project any more, or had announced the name only later."""
        if record.tier == HERE:
            return self._hosted.lists(record)
        return self._counts_from(record.project, record.tier, is_of_reserved(record))

    def may_hide(self, record: FileRecord) -> bool:
        """Whether a stored file is one of a hosted project above, whose withdrawal there is heeded here."""
        return self._removed == "hide" and record.tier != HERE and is_of_reserved(record)

    def hides(self, record: FileRecord, entry: Entry) -> bool:
        """Whether the page of its project, or that there is none any more, withdraws such a file."""
        page = entry.page or Page(project=record.project)
        withdrawals = Withdrawals.of(page, self._origin(entry).tiers, self._removed)
        return self.may_hide(record) and withdrawals.include(record.listing, record.tier)

    def _counts_from(self, project: ProjectName, tier: str, is_of_reserved: bool) -> bool:
        if not is_of_reserved and tier in self._chain.selection(project).reserved:
            return False
        return self._chain.may_answer(project, tier)

    # -- how --------------------------------------------------------------------------------------------------

    def _look_everywhere(self, entry: Entry, page: Page) -> Look:
        return Look(size=len(page.files), begin=partial(self._everywhere, entry, page))

    def _everywhere(self, entry: Entry, page: Page) -> Making:
        records = self._seen(entry.project, entry)
        sidecars = self._catalogue.attachment_digests(entry.project, METADATA)
        whose = Whose(page=page, home=entry.head.tier, records=records)
        return Making(
            work=partial(shown_everywhere, page, records, sidecars, self._origin(entry)),
            end=lambda shown: self._admission.admitted(shown, whose),
        )

    def _locally(self, project: ProjectName, entry: Entry | None, records: Collection[FileRecord]) -> Making:
        page = None if entry is None else entry.page or Page(project=project)
        whose = Whose(page=page, home=entry.head.tier if entry is not None else "", records=records)
        return Making(
            work=partial(
                shown_locally,
                project,
                page,
                records,
                self._catalogue.attachment_digests(project, METADATA),
                self._catalogue.attachment_digests(project, PROVENANCE),
                self._origin(entry) if entry is not None else Origin(),
            ),
            end=lambda shown: self._admission.admitted(shown, whose),
        )

    def _own_and_local(self, own: Page, entry: Entry | None, records: Collection[FileRecord]) -> Making:
        """What is hosted is all here; of the tiers that may be asked beside, what is stored, behind it."""
        project = own.project
        others = [] if is_quarantined(own) else [record for record in records if record.tier != HERE]
        beside = self._locally(project, entry, others) if others else None

        def end(shown: Page) -> Page:
            shown = self._admission.admitted(shown, Whose(page=own, home=HERE))
            if beside is None:
                return shown
            behind_it = behind(self._hosted, self._catalogue, project, beside.end(beside.work()))
            page, _ = merged([(HERE, shown), ("", behind_it)])
            return evolve(page, listed_by={})

        sidecars = self._catalogue.attachment_digests(project, METADATA)
        return Making(work=partial(shown_everywhere, own, self._catalogue.files_of(project), sidecars), end=end)

    def _origin(self, entry: Entry) -> Origin:
        """The tiers whose page an entry is; of an absence, all that were asked."""
        head = entry.head
        tiers = head.merged or ((head.tier,) if entry.page is not None else self._chain.selection(entry.project).tiers)
        return Origin(
            tiers=tuple(tier for tier in tiers if tier != HERE),
            removed=self._removed,
            are_nodes=all(self._chain.is_node(tier) for tier in tiers),
        )

    def _of(self, project: ProjectName, tiers: Collection[str]) -> bool:
        return any(record.tier in tiers and self.counts(record) for record in self._catalogue.files_of(project))

    def _seen(self, project: ProjectName, entry: Entry | None) -> list[FileRecord]:
        """The stored files that count, and those that the page lists, whoever gave their bytes."""
        records: list[FileRecord] = self._catalogue.files_of(project)
        kinds = {(record.tier, is_of_reserved(record)) for record in records if record.tier != HERE}
        counting = {kind: self._counts_from(project, *kind) for kind in kinds}
        if all(counting.values()) and all(record.tier != HERE for record in records):
            return records
        page = entry.page if entry is not None else None
        listed = {identity_of(file) for file in page.files} if page is not None else set()
        return [
            record
            for record in records
            if (self._hosted.lists(record) if record.tier == HERE else counting[record.tier, is_of_reserved(record)])
            or not listed.isdisjoint(record.identities)
        ]
