"""Hosted: the projects that are published to this node.

Their pages are in the catalogue, their files in the store with a record beside each, and no tier is ever asked for them
unless a rule says `also-upstream`.  How bytes come here, and whether who brings them may, is the business of `publish`;
here they become a release that every node below hears of.  What is deleted and restored is `deleted`'s affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime

from attrs import define, evolve, field, frozen
from msgspec.structs import replace
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from tiercache.cache.collapse import Collapse
from tiercache.cache.hosted_bytes import HostedBytes
from tiercache.cache.hosted_records import HostedRecords
from tiercache.cache.journal import Journal
from tiercache.cache.kept import Kept
from tiercache.cache.knowledge import Changed
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.usage import Usage
from tiercache.errors import (
    FileAbsent,
    FileDeleted,
    FilenameTaken,
    ProjectAbsent,
    ProjectClosed,
    ProjectHasFiles,
    StoreFailed,
)
from tiercache.interfaces import PROVENANCE, DeletedFile, FileRecord, ICatalogue, IFiles, NewChange, Pool
from tiercache.policy import acts
from tiercache.policy.acts import NewAct
from tiercache.policy.entry import Entry, Head
from tiercache.policy.news import NAMED, PAGE, RELEASED
from tiercache.policy.removed import QUARANTINED, is_quarantined
from tiercache.policy.selection import HERE, NOT_RESERVED
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus
from tiercache.simple.names import checked_filename
from tiercache.simple.records import HostedFile, HostedProject, hosted_url
from tiercache.simple.stored import dump_page, load_page

log = Logger()

KEPT_FILES = 10_000
"""How many files may be kept decoded in memory, over all hosted pages."""

ACTIVE, ARCHIVED = "active", "archived"
CLOSED = (ARCHIVED, QUARANTINED)
"""The statuses of projects that take no new files (PEP 792)."""


@frozen
class _Decoded:
    page: Page
    sha256s: frozenset[str]

    @classmethod
    def of(cls, page: Page) -> _Decoded:
        return cls(page, frozenset(_sha256_of(file) for file in page.files))


@define(kw_only=True)
class Hosted:
    """The hosted projects of a node, whose id is `node_id`.

    Every change is durable when it returns, in this order: the bytes (before it is called), what belongs to them, the
    record beside them, the page with its line in the journal and who did it; then who listens to the journal is told.
    What is withdrawn goes the other way round.  One change is made at a time, to its end even if nobody waits for it
    any more.  `by` is who makes a change, for the audit trail.
    """

    _catalogue: ICatalogue
    _files: IFiles
    _usage: Usage
    _journal: Journal
    _reserved: ReservedNames
    _changed: Changed
    _node_id: str
    _pool: Pool
    _now: Callable[[], float]
    content: HostedBytes = field(init=False)
    records: HostedRecords = field(init=False)
    _pages: Kept[ProjectName, _Decoded] = field(
        factory=lambda: Kept(limit=KEPT_FILES, weigh=lambda decoded: len(decoded.page.files) + 1), init=False
    )
    _changes: Collapse[Hashable, bool] = field(factory=Collapse, init=False)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)

    @content.default
    def _of_what_is_listed(self) -> HostedBytes:
        return HostedBytes(
            catalogue=self._catalogue,
            files=self._files,
            usage=self._usage,
            pool=self._pool,
            now=self._now,
            has=self.has,
            changed=self._changed,
        )

    @records.default
    def _of_this_store(self) -> HostedRecords:
        return HostedRecords(catalogue=self._catalogue, files=self._files, pool=self._pool, now=self._now)

    # -- what is here -----------------------------------------------------------------------------------------

    def names(self) -> Sequence[ProjectName]:
        """The hosted projects, sorted."""
        return self._reserved.hosted_names()

    def page(self, project: ProjectName) -> Page | None:
        """The page of a hosted project with every file that is not deleted, those of a quarantined one too; None where
        it is not hosted.  Raises PageUnusable and StoreUnusable for one that is damaged: nobody else has it."""
        return self._decoded(project).page if self.is_hosted(project) else None

    def entry(self, project: ProjectName) -> Entry | None:
        """The page of a hosted project as it is to be seen, always fresh; None where the project is not hosted.

        Raises as `page`.
        """
        page = self.page(project)
        if page is None:
            return None
        now = self._now()
        head = Head(
            tier=HERE,
            requested_at=now,
            received_at=now,
            at=self._journal.position,
            home=self._node_id or None,
            reserved=True,
        )
        # PEP 792: a quarantined project offers no files.
        return Entry(project=project, head=head, page=evolve(page, files=()) if is_quarantined(page) else page)

    def is_hosted(self, project: ProjectName) -> bool:
        """Whether a name is taken here, be there files or not."""
        return self._reserved.by(project).hosted

    def has(self, record: FileRecord) -> bool:
        """Whether this is the record of a file that is hosted here now; one of a withdrawn file may be left over."""
        return (
            record.tier == HERE
            and self.is_hosted(record.project)
            and record.sha256 in self._decoded(record.project).sha256s
        )

    def lists(self, record: FileRecord) -> bool:
        """Whether the file that this is the record of is to be seen, too."""
        return self.has(record) and not is_quarantined(self._decoded(record.project).page)

    # -- what changes it --------------------------------------------------------------------------------------

    async def add(
        self,
        project: ProjectName,
        file: File,
        *,
        by: str = "",
        attachments: Mapping[str, bytes] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> bool:
        """Publish a file whose bytes are in the store, under the SHA-256 in `file.hashes`; whether it was new.

        The caller has verified every digest in `file.hashes` and what else the file is said to be.  `file.url` means
        nothing.  `attachments`: what came along with it, by kind (`METADATA` of a file that is no wheel, `PROVENANCE`).
        `digests`: others that are known of it, for its record.
        The same bytes again change nothing, but mend what the store has lost of them.
        Raises FilenameTaken if other bytes go, or ever went, by that name; FileDeleted, ProjectClosed; InvalidName;
        FileAbsent, LengthMismatch if the bytes are not there; StoreFailed, and then nothing is published.
        """
        checked_filename(file.filename)
        return await self.alone(
            ("add", project, file.filename, _sha256_of(file)),
            lambda: self._add(
                project, replace(file, url=hosted_url(_sha256_of(file), file.filename)), by, attachments or {}, digests
            ),
        )

    async def yank(self, project: ProjectName, filename: str, yanked: bool | str, *, by: str = "") -> bool:
        """Yank a file (PEP 592), True or with a reason, or with False take that back; whether anything changed.

        Raises FileAbsent, ProjectAbsent, StoreFailed.
        """
        return await self.alone(
            ("yank", project, filename, str(yanked)), lambda: self._yank(project, filename, yanked, by)
        )

    async def set_status(self, project: ProjectName, status: str, reason: str | None = None, *, by: str = "") -> bool:
        """Give a project a status (PEP 792); whether anything changed.  Raises ProjectAbsent, StoreFailed."""
        return await self.alone(
            ("status", project, status, str(reason)), lambda: self._set_status(project, status, reason, by)
        )

    async def withdraw(self, project: ProjectName, filename: str | None = None, *, by: str = "") -> None:
        """Withdraw a file, or with None the whole project and its name: neither is to be had from then on, nor to be
        restored, and the filename is free again.

        A project that has lost its last file stays hosted, and its name reserved.  Raises FileAbsent, ProjectAbsent,
        StoreFailed.
        """
        await self.alone(("withdraw", project, filename or ""), lambda: self._withdraw(project, filename, by))

    async def release(self, project: ProjectName, *, by: str = "") -> None:
        """Give the name of a project without files free.  Raises ProjectAbsent, ProjectHasFiles, StoreFailed."""
        await self.alone(("release", project), lambda: self._release(project, by))

    async def note(self, project: ProjectName, act: NewAct) -> None:
        """Tell of what was done with a project, and changed nothing here.  Raises StoreFailed."""
        await self.alone(None, lambda: self._note(project, act))

    # -- how a change is made, also for `deleted` -------------------------------------------------------------

    async def alone(self, key: Hashable | None, work: Callable[[], Awaitable[bool]]) -> bool:
        """One change after the other; two that ask for the same at once share it, by its key."""

        async def in_turn() -> bool:
            await self._lock.acquire()
            try:
                return await work()
            finally:
                self._lock.release()

        return await self._changes.join(object() if key is None else key, in_turn)[0].result()

    async def store(
        self,
        page: Page,
        done: Sequence[NewAct],
        *,
        records: Sequence[HostedFile | HostedProject],
        removed: Sequence[tuple[ProjectName, str]] = (),
        deleted: Sequence[DeletedFile] = (),
        restored: Sequence[str] = (),
    ) -> None:
        """Make this the page of its project, which is hosted from now on, with the records that belong to it."""
        project = page.project
        what = NAMED if self._reserved.by(project) == NOT_RESERVED else PAGE
        news = [NewChange(project=project, what=what)]
        if not self.is_hosted(project):
            records = (*records, evolve(await self.records.project(project), is_hosted=True, status=page.status))
        body = await self._pool(dump_page, page)
        async with self.records.written(records, removed):
            changes = await self._catalogue.store_hosted(project, body, news, self._now(), done, deleted, restored)
        self._pages.put(project, _Decoded.of(page))
        self._reserved.begin_hosting(project)
        self._changed(project)
        self._journal.published(changes)
        self._reserved.announce(project)

    # -- how --------------------------------------------------------------------------------------------------

    async def _add(
        self,
        project: ProjectName,
        file: File,
        by: str,
        attachments: Mapping[str, bytes],
        digests: Mapping[str, str] | None,
    ) -> bool:
        page = self.page(project) or Page(project=project)
        known = file_in(page, file.filename)
        if known is not None:
            if _sha256_of(known) != _sha256_of(file):
                raise FilenameTaken(filename=file.filename)
            await self.content.keep(project, known, attachments)
            return False
        past = self._catalogue.deleted(project, file.filename)
        self._refuse(page, file, past)
        if PROVENANCE in attachments:
            file = replace(file, provenance=f"{file.url}.provenance")
        if file.upload_time is None:  # clients that are told to look at older files only want one of each
            at = datetime.fromtimestamp(self._now(), UTC)
            file = replace(file, upload_time=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        await self.content.keep(project, file, attachments)
        act = NewAct(what=acts.PUBLISHED, project=project, filename=file.filename, by=by, detail=_sha256_of(file))
        record = self.records.new(project, file, by=by, attachments=attachments, digests=digests)
        before = await self.records.kept(project, file.filename) if past is not None else None
        record = evolve(record, acts=(*(before.acts if before is not None else ()), self.records.act(act)))
        await self.store(
            evolve(page, files=(*page.files, replace(file, size=record.size))),
            [act],
            records=[record],
            restored=[file.filename] if past is not None else [],
        )
        return True

    def _refuse(self, page: Page, file: File, past: DeletedFile | None) -> None:
        """What may not be published: by a name that meant other bytes, whose users would get what they did not lock;
        what may be restored, which is for who may delete; to a project that takes nothing (PEP 792)."""
        if past is not None and past.sha256 != _sha256_of(file):
            raise FilenameTaken(filename=file.filename)
        if past is not None and past.is_kept:
            raise FileDeleted(filename=file.filename)
        if page.status is not None and page.status.status in CLOSED:
            raise ProjectClosed(project=page.project, status=page.status.status)

    async def _yank(self, project: ProjectName, filename: str, yanked: bool | str, by: str) -> bool:
        page = self.page_with(project, filename)
        files = tuple(replace(file, yanked=yanked) if file.filename == filename else file for file in page.files)
        if files == page.files:
            return False
        reason = yanked if isinstance(yanked, str) else ""
        what = acts.UNYANKED if yanked is False else acts.YANKED
        act = NewAct(what=what, project=project, filename=filename, by=by, detail=reason)
        listed = next(file for file in files if file.filename == filename)
        record = (await self.records.file(project, listed)).after(self.records.act(act), yanked=yanked)
        await self.store(evolve(page, files=files), [act], records=[record])
        return True

    async def _set_status(self, project: ProjectName, status: str, reason: str | None, by: str) -> bool:
        page = self.page_with(project, None)
        now = ProjectStatus(status=status, reason=reason) if (status, reason) != (ACTIVE, None) else None
        if now == page.status:
            return False
        act = NewAct(what=acts.STATUS, project=project, by=by, detail=f"{status}: {reason}" if reason else status)
        record = await self.records.project(project)
        record = record.after(self.records.act(act), status=now, is_hosted=True)
        await self.store(evolve(page, status=now), [act], records=[record])
        return True

    async def _withdraw(self, project: ProjectName, filename: str | None, by: str) -> bool:
        page = self.page_with(project, filename)
        gone = [file for file in page.files if filename in (None, file.filename)]
        removed = [(project, file.filename) for file in gone]
        if filename is None:
            await self._drop(project, NewAct(what=acts.RELEASED, project=project, by=by), removed)
        else:
            act = NewAct(what=acts.WITHDRAWN, project=project, filename=filename, by=by)
            left = tuple(file for file in page.files if file.filename != filename)
            await self.store(evolve(page, files=left), [act], records=(), removed=removed)
        left_over = [record.sha256 for record in self._catalogue.files_of(project) if record.tier == HERE]
        for sha256 in {*map(_sha256_of, gone), *left_over}:
            try:
                await self.content.let_go(project, sha256)
            except StoreFailed as error:  # nobody is given it any more
                log.warn("what was withdrawn of {project} still takes room: {error}", project=project, error=error)
        return True

    async def _release(self, project: ProjectName, by: str) -> bool:
        if self.page_with(project, None).files:
            raise ProjectHasFiles(project=project)
        await self._drop(project, NewAct(what=acts.RELEASED, project=project, by=by), ())
        return True

    async def _note(self, project: ProjectName, act: NewAct) -> bool:
        record = (await self.records.project(project)).after(self.records.act(act))
        async with self.records.written([record]):
            await self._catalogue.append_acts([act], self._now())
        return True

    async def _drop(self, project: ProjectName, act: NewAct, removed: Sequence[tuple[ProjectName, str]]) -> None:
        what = PAGE if self._reserved.by(project).announced_by else RELEASED
        news = [NewChange(project=project, what=what)]
        record = (await self.records.project(project)).after(self.records.act(act), is_hosted=False, status=None)
        async with self.records.written([record], removed):
            changes = await self._catalogue.store_hosted(project, None, news, self._now(), [act])
        self._pages.drop(project)
        self._reserved.end_hosting(project)
        self._changed(project)
        self._journal.published(changes)
        self._reserved.announce(project)

    def page_with(self, project: ProjectName, filename: str | None) -> Page:
        """The page of a hosted project, with this file on it.  Raises ProjectAbsent, FileAbsent."""
        page = self.page(project)
        if page is None:
            raise ProjectAbsent(project=project)
        if filename is not None and file_in(page, filename) is None:
            raise FileAbsent(filename=filename)
        return page

    def _decoded(self, project: ProjectName) -> _Decoded:
        decoded = self._pages.get(project)
        if decoded is None:
            body: bytes | None = self._catalogue.hosted(project)
            decoded = _Decoded.of(load_page(body) if body is not None else Page(project=project))
            self._pages.put(project, decoded)
        return decoded


def _sha256_of(file: File) -> str:
    return file.hashes["sha256"]


def file_in(page: Page, filename: str) -> File | None:
    """The file of that name on a page."""
    return next((file for file in page.files if file.filename == filename), None)
