"""Hosted: the projects that are published to this node.

Their pages are in the catalogue, their files in the store, and no tier is ever asked for them unless a rule says
`also-upstream`.  How bytes come here, and whether who brings them may, is the business of `publish`; here they become a
release that every node below hears of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, evolve, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from tiercache.cache.collapse import Collapse
from tiercache.cache.journal import Journal
from tiercache.cache.kept import Kept
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.usage import Usage
from tiercache.errors import FileAbsent, FilenameTaken, LengthMismatch, ProjectAbsent, StoreFailed
from tiercache.interfaces import METADATA, PROVENANCE, Attachment, FileRecord, ICatalogue, IFiles, NewChange, Pool
from tiercache.policy.acts import PUBLISHED, UNYANKED, WITHDRAWN, YANKED, NewAct
from tiercache.policy.acts import RELEASED as ACT_RELEASED
from tiercache.policy.entry import Entry, Head
from tiercache.policy.news import NAMED, PAGE, RELEASED, Change
from tiercache.policy.selection import HERE, NOT_RESERVED
from tiercache.simple.model import STRONGEST_FIRST, File, FileIdentity, Page, ProjectName
from tiercache.simple.names import candidate_projects, checked_filename
from tiercache.simple.stored import dump_page, load_page

log = Logger()

KEPT_FILES = 10_000
"""How many files may be kept decoded in memory, over all hosted pages."""


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

    Every change is durable when it returns, in this order: the bytes (before it is called), the file's record and what
    belongs to it, the page with its line in the journal; then who listens to the journal is told.  What is withdrawn
    goes the other way round.  One change is made at a time, to its end even if nobody waits for it any more.
    """

    _catalogue: ICatalogue
    _files: IFiles
    _usage: Usage
    _journal: Journal
    _reserved: ReservedNames
    _changed: Callable[[ProjectName], None]
    _node_id: str
    _pool: Pool
    _now: Callable[[], float]
    _pages: Kept[ProjectName, _Decoded] = field(
        factory=lambda: Kept(limit=KEPT_FILES, weigh=lambda decoded: len(decoded.page.files) + 1), init=False
    )
    _changes: Collapse[tuple[str, ...], bool] = field(factory=Collapse, init=False)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)
    _on_added: list[Callable[[FileRecord], Awaitable[None]]] = field(factory=list, init=False)

    def on_added(self, act: Callable[[FileRecord], Awaitable[None]]) -> None:
        """Let `act` have every file that is to be hosted, before anybody else sees it."""
        self._on_added.append(act)

    # -- what is here -----------------------------------------------------------------------------------------

    def names(self) -> Sequence[ProjectName]:
        """The hosted projects, sorted."""
        return self._reserved.hosted_names()

    def entry(self, project: ProjectName) -> Entry | None:
        """The page of a hosted project, always fresh; None where the project is not hosted.

        Raises PageUnusable and StoreUnusable for one that is damaged: nobody else has it.
        """
        if not self._is_hosted(project):
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
        return Entry(project=project, head=head, page=self._decoded(project).page)

    def lists(self, record: FileRecord) -> bool:
        """Whether this is the record of a file that is hosted here now; one of a withdrawn file may be left over."""
        return (
            record.tier == HERE
            and self._is_hosted(record.project)
            and record.sha256 in self._decoded(record.project).sha256s
        )

    # -- what changes it --------------------------------------------------------------------------------------

    async def add(
        self, project: ProjectName, file: File, *, by: str = "", attachments: Mapping[str, bytes] | None = None
    ) -> bool:
        """Publish a file whose bytes are in the store, under the SHA-256 in `file.hashes`; whether it was new.

        `by`: who publishes it, for the audit trail.  `attachments`: what came along with it, by kind (`METADATA` of a
        file that is no wheel, `PROVENANCE`).

        The caller has verified every digest in `file.hashes` and what else the file is said to be.  `file.url` means
        nothing.  The same bytes again change nothing, but mend what the store has lost of them.
        Raises FilenameTaken if other bytes go by that name; InvalidName; FileAbsent, LengthMismatch if the bytes are
        not there; StoreFailed, and then nothing is published.
        """
        checked_filename(file.filename)
        return await self._alone(
            ("add", project, file.filename, _sha256_of(file)),
            lambda: self._add(project, evolve(file, url=_url_of(file)), by, attachments or {}),
        )

    async def yank(self, project: ProjectName, filename: str, yanked: bool | str, *, by: str = "") -> bool:
        """Yank a file (PEP 592), True or with a reason, or with False take that back; whether anything changed.

        Raises FileAbsent, ProjectAbsent, StoreFailed.
        """
        return await self._alone(
            ("yank", project, filename, str(yanked)), lambda: self._yank(project, filename, yanked, by)
        )

    async def withdraw(self, project: ProjectName, filename: str | None = None, *, by: str = "") -> None:
        """Withdraw a file, or with None the whole project: neither is to be had from then on.

        A project that has lost its last file stays hosted, and its name reserved.  Raises FileAbsent, ProjectAbsent,
        StoreFailed.
        """
        await self._alone(("withdraw", project, filename or ""), lambda: self._withdraw(project, filename, by))

    # -- how --------------------------------------------------------------------------------------------------

    async def _alone(self, key: tuple[str, ...], work: Callable[[], Awaitable[bool]]) -> bool:
        """One change after the other; two that ask for the same at once share it."""

        async def in_turn() -> bool:
            await self._lock.acquire()
            try:
                return await work()
            finally:
                self._lock.release()

        return await self._changes.join(key, in_turn)[0].result()

    async def _add(self, project: ProjectName, file: File, by: str, attachments: Mapping[str, bytes]) -> bool:
        sha256 = _sha256_of(file)
        page = self._decoded(project).page if self._is_hosted(project) else Page(project=project)
        known = _file_in(page, file.filename)
        if known is not None and _sha256_of(known) != sha256:
            raise FilenameTaken(filename=file.filename)
        if known is None and PROVENANCE in attachments:
            file = evolve(file, provenance=f"{file.url}.provenance")
        await self._record(project, known or file, attachments)
        if known is not None:
            return False
        listed = evolve(file, size=self._files.size(sha256))
        is_new_name = self._reserved.by(project) == NOT_RESERVED
        act = NewAct(what=PUBLISHED, project=project, filename=file.filename, by=by, detail=sha256)
        await self._store(evolve(page, files=(*page.files, listed)), NAMED if is_new_name else PAGE, act)
        return True

    async def _record(self, project: ProjectName, file: File, attachments: Mapping[str, bytes]) -> None:
        """Make the stored bytes known as this file; until they are, they may be cached bytes that are to be evicted."""
        sha256 = _sha256_of(file)
        self._usage.begin(sha256)
        try:
            await self._usage.stays(sha256)
            await self._record_in_use(project, file, sha256, attachments)
        finally:
            self._usage.end(sha256)

    async def _record_in_use(
        self, project: ProjectName, file: File, sha256: str, attachments: Mapping[str, bytes]
    ) -> None:
        size_bytes = self._files.size(sha256)
        if size_bytes is None:
            raise FileAbsent(filename=file.filename)
        if file.size not in {None, size_bytes}:
            raise LengthMismatch(filename=file.filename, expected=file.size or 0, actual=size_bytes)
        there = self._catalogue.file(FileIdentity("sha256", sha256))
        if there is not None and there.size_bytes == size_bytes and self.lists(there):
            return
        if project not in candidate_projects(file.filename):
            await self._catalogue.note_odd_file(FileIdentity("sha256", sha256), project)
        record = self._record_of(project, evolve(file, size=size_bytes), size_bytes)
        await self._catalogue.store_file(record)
        for kind, data in attachments.items():
            await self._catalogue.store_attachment(
                Attachment(
                    identity=FileIdentity("sha256", sha256),
                    project=project,
                    kind=kind,
                    sha256=hashlib.sha256(data).hexdigest(),
                    data=data,
                )
            )
        for act in self._on_added:
            await act(record)

    def _record_of(self, project: ProjectName, file: File, size_bytes: int) -> FileRecord:
        names = [FileIdentity(name, value) for name, value in file.hashes.items() if name in STRONGEST_FIRST]
        return FileRecord(
            sha256=_sha256_of(file),
            size_bytes=size_bytes,
            project=project,
            tier=HERE,
            listing=file,
            identities=tuple(sorted(names, key=lambda name: name.segment)),
            stored_at=self._now(),
            used_at=self._now(),
        )

    async def _yank(self, project: ProjectName, filename: str, yanked: bool | str, by: str) -> bool:
        page = self._page_with(project, filename)
        files = tuple(evolve(file, yanked=yanked) if file.filename == filename else file for file in page.files)
        if files == page.files:
            return False
        reason = yanked if isinstance(yanked, str) else ""
        what = UNYANKED if yanked is False else YANKED
        act = NewAct(what=what, project=project, filename=filename, by=by, detail=reason)
        await self._store(evolve(page, files=files), PAGE, act)
        return True

    async def _withdraw(self, project: ProjectName, filename: str | None, by: str) -> bool:
        page = self._page_with(project, filename)
        if filename is None:
            is_reserved_still = bool(self._reserved.by(project).announced_by)
            act = NewAct(what=ACT_RELEASED, project=project, by=by)
            await self._store_none(project, PAGE if is_reserved_still else RELEASED, act)
        else:
            act = NewAct(what=WITHDRAWN, project=project, filename=filename, by=by)
            left = tuple(file for file in page.files if file.filename != filename)
            await self._store(evolve(page, files=left), PAGE, act)
        gone = {_sha256_of(file): file for file in page.files if filename in (None, file.filename)}
        left_over = [record.sha256 for record in self._catalogue.files_of(project) if record.tier == HERE]
        for sha256 in {*gone, *left_over}:
            try:
                await self._let_go(project, sha256)
            except StoreFailed as error:  # nobody is given it any more
                log.warn("what was withdrawn of {project} still takes room: {error}", project=project, error=error)
        return True

    async def _let_go(self, project: ProjectName, sha256: str) -> None:
        """Bytes that were withdrawn, unless something else that is hosted has the same."""
        identity = FileIdentity("sha256", sha256)
        record = self._catalogue.file(identity)
        if record is not None and self.lists(record):
            return
        other = await self._pool(self._first_listing, sha256)
        if record is not None:
            for name in record.identities if other is None else ():
                for kind in (METADATA, PROVENANCE):
                    await self._catalogue.forget_attachment(name, kind)
            await self._catalogue.forget_file(sha256)
        if other is not None:
            await self._record(*other, {})
        else:
            await self._pool(self._files.remove, sha256)
        self._changed(project)

    def _first_listing(self, sha256: str) -> tuple[ProjectName, File] | None:
        """A hosted project that has these bytes, and how it lists them.  Blocking."""
        for project in self._catalogue.hosted_names():
            body: bytes | None = self._catalogue.hosted(project)
            if body is not None and sha256.encode() in body:
                for file in load_page(body).files:
                    if _sha256_of(file) == sha256:
                        return project, file
        return None

    async def _store(self, page: Page, what: str, act: NewAct) -> None:
        project = page.project
        body = await self._pool(dump_page, page)
        changes = await self._stored(project, body, what, act)
        self._pages.put(project, _Decoded.of(page))
        self._reserved.begin_hosting(project)
        self._changed(project)
        self._journal.published(changes)
        self._reserved.announce(project)

    async def _store_none(self, project: ProjectName, what: str, act: NewAct) -> None:
        changes = await self._stored(project, None, what, act)
        self._pages.drop(project)
        self._reserved.end_hosting(project)
        self._changed(project)
        self._journal.published(changes)
        self._reserved.announce(project)

    def _stored(self, project: ProjectName, body: bytes | None, what: str, act: NewAct) -> Awaitable[Sequence[Change]]:
        stored: Awaitable[Sequence[Change]] = self._catalogue.store_hosted(
            project, body, [NewChange(project=project, what=what)], self._now(), [act]
        )
        return stored

    def _is_hosted(self, project: ProjectName) -> bool:
        return self._reserved.by(project).hosted

    def _page_with(self, project: ProjectName, filename: str | None) -> Page:
        if not self._is_hosted(project):
            raise ProjectAbsent(project=project)
        page = self._decoded(project).page
        if filename is not None and _file_in(page, filename) is None:
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


def _url_of(file: File) -> str:
    """What stands for a URL on a page of ours, which no other node ever sees."""
    return f"{HERE}:{_sha256_of(file)}/{file.filename}"


def _file_in(page: Page, filename: str) -> File | None:
    return next((file for file in page.files if file.filename == filename), None)
