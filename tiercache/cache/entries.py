"""Entries: the pages and absences that this node remembers, in the catalogue and decoded in memory.

Whether an entry may be used is `policy.decide`'s word; who asks for a new one is `pages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from attrs import define, field
from twisted.logger import Logger

from tiercache.cache.chain import Chain
from tiercache.cache.collapse import Collapse
from tiercache.cache.kept import Kept
from tiercache.errors import PageUnusable, StoreFailed
from tiercache.interfaces import ICatalogue, Pool, StoredEntry
from tiercache.policy.entry import Entry
from tiercache.simple.model import Page, ProjectName
from tiercache.simple.names import candidate_projects, identity_of
from tiercache.simple.stored import dump_page, load_page

log = Logger()

LARGE_BODY_BYTES = 256 * 1024
"""Stored pages larger than this are decoded off the reactor thread."""

KEPT_FILES = 10_000
"""How many listed files may be kept decoded in memory, over all pages."""

KEPT_ABSENCES = 4096
"""How many names are remembered that no tier has: in memory, and apart from the pages.  Whoever asks for names that he
makes up fills neither the store nor the place of what is there."""

KEPT_REVISIONS = 16_384
"""Of how many projects it is known whether a rendering of their page is still what it was."""


@define(kw_only=True)
class Entries:
    """The entries of a node."""

    _catalogue: ICatalogue
    _chain: Chain
    _pool: Pool
    _loads: Collapse[ProjectName, Entry | None] = field(factory=Collapse, init=False)
    _decoded: Kept[ProjectName, Entry] = field(factory=lambda: Kept(limit=KEPT_FILES, weigh=_weight), init=False)
    _absences: Kept[ProjectName, Entry] = field(factory=lambda: Kept(limit=KEPT_ABSENCES, weigh=_weight), init=False)
    _revisions: Kept[ProjectName, int] = field(
        factory=lambda: Kept(limit=KEPT_REVISIONS, weigh=lambda revision: 1), init=False
    )
    _numbers: Iterator[int] = field(factory=count, init=False)

    async def entry(self, project: ProjectName) -> Entry | None:
        """The stored entry of a project, fresh or not; no tier is asked.

        One that cannot be read is forgotten.  One of a tier that may not answer for the project any more is none.
        """
        entry = self.kept(project)
        if entry is None:
            entry = await self._loads.join(project, lambda: self._loaded(project))[0].result()
        if entry is None or entry.page is None or self._chain.may_answer(project, entry.head.tier):
            return entry
        return None

    def kept(self, project: ProjectName) -> Entry | None:
        """What is in memory of it."""
        return self._decoded.get(project) or self._absences.get(project)

    async def _loaded(self, project: ProjectName) -> Entry | None:
        stored = self._catalogue.entry(project)
        if stored is None:
            return None
        if stored.body is None:
            return Entry(project=project, head=stored.head, page=None)
        page: Page | None = None
        try:
            if len(stored.body) > LARGE_BODY_BYTES:
                page = await self._pool(load_page, stored.body)
            else:
                page = load_page(stored.body)
        except PageUnusable as error:
            log.warn("the stored page of {project} cannot be read: {error}", project=project, error=error)
        newer = self.kept(project)
        if newer is not None:  # stored while this one was decoded
            return newer
        if page is None:
            await self._forget(project)
            return None
        entry = Entry(project=project, head=stored.head, page=page)
        self._decoded.put(project, entry)
        return entry

    def changed(self, project: ProjectName) -> None:
        """Something that shows on the page of this project is not as it was."""
        self._revisions.drop(project)

    def revision(self, project: ProjectName) -> int:
        """What names the project's page as it is now; no number is given twice, whatever has been forgotten."""
        revision = self._revisions.get(project)
        if revision is None:
            revision = next(self._numbers)
            self._revisions.put(project, revision)
        return revision

    async def store(self, entry: Entry) -> bool:
        """Store a page; a store that is full costs the entry, never the answer."""
        project, page = entry.project, entry.page
        assert page is not None  # noqa: S101  # an absence is not stored
        try:
            body = await self._pool(dump_page, page)
            await self._note_odd_files(project, page)
            await self._catalogue.store_entry(StoredEntry(project=project, head=entry.head, body=body))
        except StoreFailed as error:
            log.warn("the page of {project} is kept in memory only: {error}", project=project, error=error)
            return False
        else:
            return True
        finally:
            self._absences.drop(project)
            self._decoded.put(project, entry)
            self.changed(project)

    async def freshen(self, entry: Entry) -> None:
        """Store the new head of an entry whose page is as it was."""
        self._decoded.put(entry.project, entry)
        try:
            await self._catalogue.freshen_entry(entry.project, entry.head)
        except StoreFailed as error:
            log.warn("the page of {project} is fresh in memory only: {error}", project=entry.project, error=error)

    async def let_pass(self, entry: Entry) -> int:
        """A page that may not be stored; returns a revision of its own.  Its files are to be found all the same."""
        try:
            if entry.page is not None:
                await self._note_odd_files(entry.project, entry.page)
        except StoreFailed as error:
            log.warn("not all files of {project} are to be found: {error}", project=entry.project, error=error)
        return next(self._numbers)

    async def _note_odd_files(self, project: ProjectName, page: Page) -> None:
        """Note whose the files are whose names do not tell it."""
        odd = [identity_of(file) for file in page.files if project not in candidate_projects(file.filename)]
        new = [identity for identity in odd if self._catalogue.odd_file_project(identity) != project]
        full: StoreFailed | None = None
        for noted in [self._catalogue.note_odd_file(identity, project) for identity in new]:
            try:
                await noted
            except StoreFailed as error:  # the others are waited for all the same
                full = error
        if full is not None:
            raise full

    async def remember_absent(self, entry: Entry) -> None:
        """Remember in memory alone that no tier has the project, and forget the page that there was."""
        project = entry.project
        self._decoded.drop(project)
        self._absences.put(project, entry)
        self.changed(project)
        if self._catalogue.entry(project) is not None:
            await self._forget(project)

    async def _forget(self, project: ProjectName) -> None:
        try:
            await self._catalogue.forget_entry(project)
        except StoreFailed as error:
            log.warn("the page of {project} is not forgotten: {error}", project=project, error=error)


def _weight(entry: Entry) -> int:
    return 1 if entry.page is None else len(entry.page.files) + 1
