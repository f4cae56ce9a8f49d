"""Entries: the pages and absences that this node remembers, in the catalogue and decoded in memory.

Whether an entry may be used is `policy.decide`'s word; who asks for a new one is `pages`.  What news does to them is
`policy.vouching`'s; an entry that is replaced by another is news to the nodes below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import count

from attrs import define, evolve, field, frozen
from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from tiercache.cache.chain import Chain
from tiercache.cache.collapse import Collapse
from tiercache.cache.examined import examined, odd_files
from tiercache.cache.journal import Journal
from tiercache.cache.kept import Kept
from tiercache.cache.knowledge import Knowledge
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.cache.meanwhile import Asked, Meanwhile
from tiercache.cache.unawaited import let_go_on
from tiercache.cache.vouching import Vouching
from tiercache.errors import PageUnusable, StoreFailed
from tiercache.interfaces import ICatalogue, NewChange, Pool, StoredEntry
from tiercache.policy.entry import Entry, Head
from tiercache.policy.news import PAGE, Position
from tiercache.policy.vouching import outdates
from tiercache.simple.model import FileIdentity, Page, ProjectName
from tiercache.simple.stored import load_page

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


@frozen(kw_only=True)
class Stored:
    """What became of a page that was to be stored: `entry` is what there is now, that one or one which is newer.

    `revision`: of `entry`.  `is_stored`: whether it is in the store, or soon.
    """

    entry: Entry
    revision: int
    is_stored: bool


@define(kw_only=True)
class Entries:
    """The entries of a node; `used` is told of each project whose page is asked for, and there.

    `knowledge` is what they are part of.  `let_go` is told of pages that are not kept in memory any more.
    """

    _catalogue: ICatalogue
    _chain: Chain
    _journal: Journal
    _vouching: Vouching
    _pool: Pool
    _used: Callable[[ProjectName], None] = field(default=lambda _project: None)
    _knowledge: Knowledge = field(factory=Knowledge)
    _let_go: Callable[[Page | None], None] = field(default=lambda _page: None)
    _loads: Collapse[ProjectName, Entry | None] = field(factory=Collapse, init=False)
    _decoded: Kept[ProjectName, Entry] = field(init=False)
    _absences: Kept[ProjectName, Entry] = field(factory=lambda: Kept(limit=KEPT_ABSENCES, weigh=_weight), init=False)
    _revisions: Kept[ProjectName, int] = field(
        factory=lambda: Kept(limit=KEPT_REVISIONS, weigh=lambda revision: 1), init=False
    )
    _numbers: Iterator[int] = field(factory=count, init=False)
    _asked: Asked = field(factory=Asked, init=False)
    _being_marked: Counter[ProjectName] = field(factory=Counter, init=False)
    _unsaved: set[ProjectName] = field(factory=set, init=False)  # another page of it is stored than the one in memory

    @_decoded.default
    def _none_yet(self) -> Kept[ProjectName, Entry]:
        return Kept(limit=KEPT_FILES, weigh=_weight, dropped=self._dropped)

    def _dropped(self, entry: Entry) -> None:
        now = self._decoded.get(entry.project)
        if now is None or now.page is not entry.page:  # else its head alone is another one
            self._let_go(entry.page)

    async def entry(self, project: ProjectName) -> Entry | None:
        """The stored entry of a project, fresh or not; no tier is asked.

        One that cannot be read is forgotten.  One of a tier that may not answer for the project any more is none.  Its
        head is as it counts now.
        """
        entry = self.kept(project)
        if entry is None:
            entry = await self._loads.join(project, lambda: self._loaded(project))[0].result()
        return None if entry is None else self._counted(entry)

    def at_hand(self, project: ProjectName) -> Entry | None:
        """The same of an entry that is in memory, or read in no time; None says nothing of the others."""
        entry = self.kept(project) or self._read_at_once(project)
        return None if entry is None else self._counted(entry)

    def _read_at_once(self, project: ProjectName) -> Entry | None:
        stored = self._catalogue.entry(project)
        if stored is None or stored.body is None or len(stored.body) > LARGE_BODY_BYTES:
            return None
        try:
            page = load_page(stored.body)
        except PageUnusable:
            return None  # who waits for it forgets it
        return self._read(project, stored, page)

    def _counted(self, entry: Entry) -> Entry | None:
        self._used(entry.project)
        counted = self._chain.counted(entry)
        return None if counted is None else self._vouching.counted(counted)

    def kept(self, project: ProjectName) -> Entry | None:
        """What is in memory of it."""
        return self._decoded.get(project) or self._absences.get(project)

    async def _loaded(self, project: ProjectName) -> Entry | None:
        stored = self._catalogue.entry(project)
        if stored is None:
            return None
        if stored.body is None:
            return Entry(project=project, head=self._head_of(stored), page=None)
        page: Page | None = None
        with self.asking(project) as meanwhile:
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
        return self._read(project, stored, page, meanwhile)

    def _read(self, project: ProjectName, stored: StoredEntry, page: Page, meanwhile: Meanwhile | None = None) -> Entry:
        """An entry that was stored, in memory from now on."""
        entry = Entry(project=project, head=self._head_of(stored), page=page)
        entry = entry if meanwhile is None else meanwhile.counted(entry)
        self._decoded.put(project, entry)
        return entry

    def _head_of(self, stored: StoredEntry) -> Head:
        return evolve(stored.head, outdated=True) if stored.project in self._being_marked else stored.head

    def changed(self, *projects: ProjectName) -> None:
        """Something that shows on the pages of these projects is not as it was, or with a file of theirs."""
        for project in projects:
            self._revisions.drop(project)
        self._knowledge.changed(projects)

    def revision(self, project: ProjectName) -> int:
        """What names the project's page as it is now; no number is given twice, whatever has been forgotten."""
        revision = self._revisions.get(project)
        if revision is None:
            revision = next(self._numbers)
            self._revisions.put(project, revision)
        return revision

    def asking(self, project: ProjectName) -> AbstractContextManager[Meanwhile]:
        """Note what is heard of a project while its tiers are asked."""
        return self._asked.asking(project)

    async def store(self, entry: Entry, meanwhile: Meanwhile | None = None) -> Stored:
        """Store a page; a store that is full costs the entry, never the answer.

        `meanwhile`: what was heard of it since its tiers were asked.
        """
        project, page = entry.project, entry.page
        assert page is not None  # noqa: S101  # an absence is not stored
        old = self.kept(project) or await self._loaded(project)
        examine = partial(examined, page, None if old is None else old.page)
        found = await self._pool(examine) if len(page.files) > LARGE_PAGE_FILES else examine()
        is_stored = True
        try:
            await self._note_odd_files(project, found.odd_files)
        except StoreFailed as error:
            is_stored = self._in_memory_only(project, error)
        now = self.kept(project)
        if now is not None and now is not old and now.head.requested_at > entry.head.requested_at:
            return Stored(entry=now, revision=self.revision(project), is_stored=True)  # which was said later
        self._absences.drop(project)
        self._unsaved.add(project)
        self._decoded.put(project, entry if meanwhile is None else meanwhile.counted(entry))
        self._vouching.given(entry.head)
        self.changed(project)
        revision = self.revision(project)
        if is_stored:
            saving = ensureDeferred(self._saved(entry, found.encoded))
            if saving.called:
                is_stored = await saving
            else:  # nobody waits for the disk
                saving.addErrback(lambda failure: log.failure("a page was not written", failure))
        if old is not None and not found.looks_the_same:
            await self._journalled(old)
        return Stored(entry=entry, revision=revision, is_stored=is_stored)

    async def _saved(self, entry: Entry, body: bytes) -> bool:
        now = self._decoded.get(entry.project)
        head = entry.head
        if now is None or now.page is entry.page:
            head = entry.head if now is None else now.head  # news that has come since is marked on it
            self._unsaved.discard(entry.project)
        try:
            await self._catalogue.store_entry(StoredEntry(project=entry.project, head=head, body=body))
        except StoreFailed as error:
            self._unsaved.add(entry.project)
            return self._in_memory_only(entry.project, error)
        return True

    def _in_memory_only(self, project: ProjectName, error: StoreFailed) -> bool:
        log.warn("the page of {project} is kept in memory only: {error}", project=project, error=error)
        return False

    async def _journalled(self, old: Entry) -> None:
        """What was here of a project is not what it is now; those below hear of it, if they have not yet."""
        if self._vouching.is_told(old.head):
            return
        try:
            await self._journal.append([NewChange(project=old.project, what=PAGE)])
        except StoreFailed as error:
            log.warn("the change of {project} is not journalled: {error}", project=old.project, error=error)

    def freshen(self, entry: Entry) -> None:
        """Store the new head of an entry whose page is as it was."""
        self._decoded.put(entry.project, entry)
        self._knowledge.changed([entry.project])
        self._vouching.given(entry.head)
        if entry.project in self._unsaved:
            return  # the stored page is another one, which this is not the head of

        def not_written(error: StoreFailed) -> None:
            log.warn("the page of {project} is fresh in memory only: {error}", project=entry.project, error=error)

        let_go_on(self._catalogue.freshen_entry(entry.project, entry.head), not_written)

    async def let_pass(self, entry: Entry) -> int:
        """A page that may not be stored; returns a revision of its own.  Its files are to be found all the same."""
        try:
            if entry.page is not None:
                find = partial(odd_files, entry.page)
                is_large = len(entry.page.files) > LARGE_PAGE_FILES
                await self._note_odd_files(entry.project, await self._pool(find) if is_large else find())
        except StoreFailed as error:
            log.warn("not all files of {project} are to be found: {error}", project=entry.project, error=error)
        return next(self._numbers)

    async def _note_odd_files(self, project: ProjectName, odd: Sequence[FileIdentity]) -> None:
        """Note whose the files are whose names do not tell it."""
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
        """Remember that no tier has the project, and forget the page that there was.

        In memory alone, unless files of it are stored: whether they are withdrawn is to be known after a restart too.
        """
        project = entry.project
        old = self._decoded.get(project)
        self._decoded.drop(project)
        self._absences.put(project, entry)
        self.changed(project)
        stored = self._catalogue.entry(project)
        if stored is not None and stored.body is not None:
            await (self._store_absent(entry) if self._catalogue.files_of(project) else self._forget(project))
            old = old or Entry(project=project, head=stored.head, page=None)
        if old is not None:
            await self._journalled(old)

    async def _store_absent(self, entry: Entry) -> None:
        try:
            await self._catalogue.store_entry(StoredEntry(project=entry.project, head=entry.head, body=None))
        except StoreFailed as error:
            log.warn("the page of {project} is not forgotten: {error}", project=entry.project, error=error)

    def forget_absence(self, project: ProjectName) -> None:
        """Other tiers answer for a project than did before: that those had none means nothing any more."""
        if self._absences.get(project) is not None:
            self._absences.drop(project)
            self.changed(project)

    # -- news -------------------------------------------------------------------------------------------------

    async def hear(self, project: ProjectName, tier: str, position: Position, *, is_known: bool) -> None:
        """News of a project stands at this position of a tier's journal: what is here of it may be outdated.

        It counts at once; durable when this returns.  `is_known`: the same news came before by another way.  Raises
        StoreFailed.
        """
        self._asked.hear(project, tier, position, is_known=is_known)
        self.forget_absence(project)
        kept, stored = self._decoded.get(project), self._catalogue.entry(project)
        if kept is not None:
            head, is_absence = kept.head, False
        elif stored is not None:
            head, is_absence = stored.head, stored.body is None
        else:
            return
        if not (is_absence or head.outdated or outdates(tier, position, head, is_known=is_known)):
            return
        marked = evolve(head, outdated=True)
        if kept is not None:
            self._decoded.put(project, evolve(kept, head=marked))
        self._knowledge.changed([project])  # also of what memory has dropped: it may have been answered before
        if stored is not None and project in self._unsaved:
            marked = evolve(stored.head, outdated=True)
        if stored is not None and stored.head == marked:
            return
        self._being_marked[project] += 1
        try:
            await self._catalogue.freshen_entry(project, marked)
        finally:
            self._being_marked[project] -= 1
            if not self._being_marked[project]:
                del self._being_marked[project]

    async def outdate(self, project: ProjectName, tier: str) -> None:
        """A project has been changed at a tier from here: what there is of it is outdated, here and below.

        Where in the tier's journal that stands is not known, nor whether the tier has one; so even what it is about to
        answer may be older.  Raises StoreFailed.
        """
        await self.hear(project, tier, Position(epoch="", serial=0), is_known=False)
        await self._journal.append([NewChange(project=project, what=PAGE)])

    def hear_of_all(self, tier: str, position: Position) -> None:
        """News before this position of a tier's journal may have been missed.  What that makes of what is stored
        `vouching` knows."""
        self._asked.hear(None, tier, position, is_known=True)

    @property
    def has_pages(self) -> bool:
        """Whether any is stored."""
        return next(iter(self._catalogue.entry_names()), None) is not None

    async def _forget(self, project: ProjectName) -> None:
        try:
            await self._catalogue.forget_entry(project)
        except StoreFailed as error:
            log.warn("the page of {project} is not forgotten: {error}", project=project, error=error)


def _weight(entry: Entry) -> int:
    return 1 if entry.page is None else len(entry.page.files) + 1
