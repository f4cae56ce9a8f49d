"""The catalogue in an SQLite database.

Reads run where they are called, in tens of microseconds; writes queue for one writer (`group_commit`).  The SQL is in
`core` and `sqlite`, what a change consists of in `steps`, the encoding of values in `rows`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Self

from attrs import Factory, define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from tiercache.access.tokens import IssuedToken
from tiercache.errors import StoreUnusable
from tiercache.interfaces import (
    Attachment,
    DeletedFile,
    FileRecord,
    ICatalogue,
    NewChange,
    Pool,
    Reservation,
    StoredEntry,
)
from tiercache.policy.acts import Act, NewAct
from tiercache.policy.entry import Head
from tiercache.policy.news import Change, Position
from tiercache.policy.selection import HERE
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.storage import hosted_steps, news_steps, steps
from tiercache.storage.act_rows import act_of, deleted_files
from tiercache.storage.attachments import SqlAttachments
from tiercache.storage.database import SIZE, Stamps, meaning, reading_connection, writing_connection
from tiercache.storage.dropped import SqlDropped
from tiercache.storage.file_rows import file_records
from tiercache.storage.group_commit import GroupCommit
from tiercache.storage.kept import CHANGES_KEPT
from tiercache.storage.kept_jobs import SqlKeptJobs
from tiercache.storage.kept_tokens import SqlTokens
from tiercache.storage.lock import alone_in
from tiercache.storage.prepared import Prepared
from tiercache.storage.recalled import Recalled, absences
from tiercache.storage.revisions import REVISION, bring_up_to_date, revision_of
from tiercache.storage.rows import Unreadable, changes_of, head_of, homes_of, names_of, unpacked
from tiercache.storage.sqlite import hosted, news, statements
from tiercache.storage.statement import Rows, Statement

_recalls_absences: Any = Factory(lambda self: absences(self._seconds), takes_self=True)

FILES_AT_ONCE = 500
"""Records that `all_files` reads in one go, and projects that `idle_projects` does: no read stays open between."""


@implementer(ICatalogue)
@define(kw_only=True, eq=False)
class SqlCatalogue:
    """`ICatalogue` in one database file; made by `open`.

    What the disk lost of a row makes the row absent, so that it is fetched anew; a database that cannot be read at
    all, and a hosted page, which nobody else has, are StoreUnusable.
    """

    _path: Path
    _reader: Prepared
    _stamps: Stamps
    _changes: GroupCommit
    _changes_kept: int
    _seconds: Callable[[], float] | None
    dropped: SqlDropped = field(init=False)
    kept_jobs: SqlKeptJobs = field(init=False)
    _attachments: SqlAttachments = field(init=False)
    _tokens: SqlTokens = field(init=False)
    _known_entries: Recalled[ProjectName, StoredEntry] = field(default=_recalls_absences, init=False)
    _known_files: Recalled[FileIdentity, FileRecord] = field(default=_recalls_absences, init=False)
    _stamp: int = field(default=0, init=False)
    _has_odd_files: bool | None = field(default=None, init=False)
    _reading: threading.Lock = field(factory=threading.Lock, init=False)

    _log = Logger()

    @dropped.default
    def _dropped_files(self) -> SqlDropped:
        return SqlDropped(rows=self._rows, changes=self._changes)

    @kept_jobs.default
    def _jobs(self) -> SqlKeptJobs:
        return SqlKeptJobs(rows=self._rows, changes=self._changes)

    @_attachments.default
    def _what_belongs_to_files(self) -> SqlAttachments:
        return SqlAttachments(rows=self._rows, changes=self._changes, seconds=self._seconds)

    @_tokens.default
    def _issued(self) -> SqlTokens:
        return SqlTokens(rows=self._rows, changes=self._changes)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        writer: Pool,
        write_patience_s: float = 10.0,
        read_patience_s: float = 1.0,
        changes_kept: int = CHANGES_KEPT,
        pause: Callable[[], Deferred[None]] | None = None,
        seconds: Callable[[], float] | None = None,
    ) -> Self:
        """The catalogue in the file `path`, made or migrated if need be.  Blocking, for the start of a process.

        `writer` runs one thing at a time (`ReactorThreads.single`, `on_the_spot`).  The patience is for other
        processes that have the database locked; so many changes are kept in the journal.  `pause` as
        in `GroupCommit`, `seconds` as in `Recalled`.  Raises StoreFull, StoreUnusable.
        """
        with ExitStack() as undone, alone_in(path.parent):  # SQLite refuses two that make one database at once
            writing = writing_connection(path, patience_s=write_patience_s)
            undone.callback(writing.close)
            reading = reading_connection(path, patience_s=read_patience_s)
            undone.callback(reading.close)
            stamps = Stamps.open(path, patience_s=read_patience_s)
            undone.callback(stamps.close)
            try:
                if revision_of(reading) != REVISION:
                    bring_up_to_date(writing, path, patience_s=write_patience_s)
            except sqlite3.Error as error:
                raise meaning(path, error) from error
            undone.pop_all()
        changes = GroupCommit(connection=Prepared(writing), path=path, writer=writer, pause=pause)
        return cls(
            path=path,
            reader=Prepared(reading),
            stamps=stamps,
            changes=changes,
            changes_kept=changes_kept,
            seconds=seconds,
        )

    # -- entries ------------------------------------------------------------------------------------------------

    def entry(self, project: ProjectName) -> StoredEntry | None:
        return self._known_entries.answer(project, lambda: self._entry_read(project))

    def _entry_read(self, project: ProjectName) -> StoredEntry | None:
        for head, coding, data in self._rows(statements.ENTRY, project=project):
            try:
                body = None if coding is None else unpacked(coding, data)
                return StoredEntry(project=project, head=head_of(head), body=body)
            except Unreadable as error:
                self._log.warn("The stored entry of {project} is damaged: {error}", project=project, error=error)
        return None

    def store_entry(self, entry: StoredEntry) -> Deferred[None]:
        writing = self._changes.submit(partial(steps.store_entry, entry), lasting=False)
        return self._known_entries.forget_around([entry.project], writing)

    def freshen_entry(self, project: ProjectName, head: Head) -> Deferred[None]:
        return self._changes.submit(partial(steps.freshen_entry, project, head), lasting=head.outdated)

    def forget_entry(self, project: ProjectName) -> Deferred[None]:
        return self._changes.submit(partial(steps.forget_entry, project), lasting=False)

    def entry_names(self) -> list[ProjectName]:
        return [project for (project,) in self._rows(statements.ENTRY_NAMES)]

    def homes(self) -> dict[str, int]:
        return homes_of(self._rows(statements.HEADS_OF_PAGES))

    # -- files --------------------------------------------------------------------------------------------------

    def file(self, identity: FileIdentity) -> FileRecord | None:
        return self._known_files.answer(identity, lambda: self._file_read(identity))

    def _file_read(self, identity: FileIdentity) -> FileRecord | None:
        rows = self._rows(statements.FILE, algorithm=identity.algorithm, value=identity.value)
        return next(file_records(rows), None)

    def files_of(self, project: ProjectName) -> list[FileRecord]:
        return list(file_records(self._rows(statements.FILES_OF, project=project)))

    def file_projects(self) -> list[ProjectName]:
        return [project for (project,) in self._rows(statements.FILE_PROJECTS)]

    def all_files(self) -> Iterator[FileRecord]:
        last_used_at, last_sha256 = -inf, ""
        while rows := self._rows(statements.FILES_AFTER, used_at=last_used_at, sha256=last_sha256, most=FILES_AT_ONCE):
            yield from file_records(rows)
            last_used_at, last_sha256 = rows[-1].used_at, rows[-1].sha256

    def stored_bytes(self) -> int:
        return sum(size_bytes for (size_bytes,) in self._rows(statements.TOTAL, name=steps.ALL_FILES))

    def hosted_bytes(self) -> int:
        return sum(size_bytes for (size_bytes,) in self._rows(statements.TOTAL, name=steps.HOSTED_FILES))

    def store_file(self, record: FileRecord) -> Deferred[None]:
        writing = self._changes.submit(partial(steps.store_file, record), lasting=record.tier == HERE)
        own = FileIdentity("sha256", record.sha256)
        return self._known_files.forget_around([own, *record.identities], writing)

    def forget_file(self, sha256: str) -> Deferred[None]:
        return self._changes.submit(partial(steps.forget_file, sha256))

    def touch_files(self, used_at: Mapping[str, float]) -> Deferred[None]:
        return self._changes.submit(partial(steps.touch_files, dict(used_at)), lasting=False)

    # -- what belongs to a file ---------------------------------------------------------------------------------

    def attachment(self, identity: FileIdentity, kind: str) -> Attachment | None:
        return self._attachments.attachment(identity, kind)

    def attachment_digests(self, project: ProjectName, kind: str) -> dict[FileIdentity, str | None]:
        return self._attachments.digests(project, kind)

    def store_attachment(self, attachment: Attachment) -> Deferred[None]:
        return self._attachments.store(attachment)

    def forget_attachment(self, identity: FileIdentity, kind: str) -> Deferred[None]:
        return self._attachments.forget(identity, kind)

    def note_odd_file(self, identity: FileIdentity, project: ProjectName) -> Deferred[None]:
        self._has_odd_files = True
        return self._changes.submit(partial(steps.note_odd_file, identity, project))

    def odd_file_project(self, identity: FileIdentity) -> ProjectName | None:
        if self._has_odd_files is None:
            self._has_odd_files = bool(self._rows(statements.ANY_ODD_FILE))
        if not self._has_odd_files:  # as nearly always, and every file is asked about
            return None
        rows = self._rows(statements.ODD_FILE, algorithm=identity.algorithm, value=identity.value)
        return next((project for (project,) in rows), None)

    # -- what all this takes ------------------------------------------------------------------------------------

    def size_bytes(self) -> int:
        return sum(size_bytes for (size_bytes,) in self._rows(SIZE))

    def idle_projects(self) -> Iterator[ProjectName]:
        last_used_at, last_project = -inf, ""
        while rows := self._rows(
            statements.PROJECTS_AFTER, used_at=last_used_at, project=last_project, most=FILES_AT_ONCE
        ):
            yield from (row.project for row in rows if not row.holds_files and not row.pinned)
            last_used_at, last_project = rows[-1].used_at, rows[-1].project

    def touch_projects(self, used_at: Mapping[ProjectName, float]) -> Deferred[None]:
        return self._changes.submit(partial(steps.touch_projects, dict(used_at)), lasting=False)

    def forget_project(self, project: ProjectName) -> Deferred[None]:
        return self._attachments.forget_project(project)

    # -- what people say ----------------------------------------------------------------------------------------

    def pin(self, project: ProjectName, pinned: bool) -> Deferred[None]:
        return self._changes.submit(partial(steps.pin, project, pinned))

    def pins(self) -> list[ProjectName]:
        return [project for (project,) in self._rows(statements.PINNED)]

    def setting(self, name: str) -> str | None:
        return next((value for (value,) in self._rows(statements.SETTING, name=name)), None)

    def store_setting(self, name: str, value: str | None) -> Deferred[None]:
        return self._changes.submit(partial(steps.store_setting, name, value))

    # -- news, what is hosted, what is reserved -----------------------------------------------------------------

    def position(self) -> Position:
        for epoch, serial in self._rows(news.POSITION_NOW):
            return Position(epoch=epoch, serial=serial)
        raise StoreUnusable(path=str(self._path), reason="the catalogue is damaged: its journal has lost its position")

    def changes(self, since: int, most: int) -> Sequence[Change] | None:
        last = self.position().serial  # before the rows: what is appended in between is more than was asked for
        if since >= last:
            return ()
        found = changes_of(self._rows(news.CHANGES_AFTER, since=since, most=most))
        expected = min(most, last - since)
        if len(found) < expected or (found and found[-1].serial != since + len(found)):
            return None  # pruned, or lost by the disk
        return found

    def append_changes(self, changes: Sequence[NewChange], at: float) -> Deferred[Sequence[Change]]:
        change = partial(news_steps.append_changes, tuple(changes), at, self._changes_kept)
        return self._changes.submit_asking(change).addCallback(changes_of)

    def hosted(self, project: ProjectName) -> bytes | None:
        for coding, data in self._rows(hosted.HOSTED_PAGE, project=project):
            try:
                return unpacked(coding, data)
            except Unreadable as error:
                raise StoreUnusable(
                    path=str(self._path), reason=f"the page of {project}, which is hosted here, is damaged ({error})"
                ) from error
        return None

    def hosted_names(self) -> list[ProjectName]:
        return [project for (project,) in self._rows(hosted.HOSTED_NAMES)]

    def store_hosted(
        self,
        project: ProjectName,
        body: bytes | None,
        changes: Sequence[NewChange],
        at: float,
        acts: Sequence[NewAct] = (),
        deleted: Sequence[DeletedFile] = (),
        restored: Sequence[str] = (),
    ) -> Deferred[Sequence[Change]]:
        what = (tuple(changes), at, tuple(acts), tuple(deleted), tuple(restored))
        change = partial(hosted_steps.store_hosted, project, body, *what, self._changes_kept)
        return self._changes.submit_asking(change).addCallback(changes_of)

    def append_acts(self, acts: Sequence[NewAct], at: float) -> Deferred[None]:
        return self._changes.submit(partial(hosted_steps.append_acts, tuple(acts), at))

    def acts(self, project: ProjectName | None, since: int | None, most: int) -> list[Act]:
        which = {} if project is None else {"project": project}
        if since is not None:
            after = hosted.ACTS_AFTER if project is None else hosted.ACTS_OF_PROJECT_AFTER
            return [act_of(row) for row in self._rows(after, since=since, most=most, **which)]
        newest = hosted.NEWEST_ACTS if project is None else hosted.NEWEST_ACTS_OF_PROJECT
        return [act_of(row) for row in reversed(self._rows(newest, most=most, **which))]

    def deleted(self, project: ProjectName, filename: str) -> DeletedFile | None:
        return next(deleted_files(self._rows(hosted.DELETED_FILE, project=project, filename=filename)), None)

    def deleted_of(self, project: ProjectName) -> list[DeletedFile]:
        return list(deleted_files(self._rows(hosted.DELETED_OF, project=project)))

    def deleted_until(self, at: float, most: int) -> list[DeletedFile]:
        return list(deleted_files(self._rows(hosted.DELETED_UNTIL, until=at, most=most)))

    def store_deleted(self, file: DeletedFile, acts: Sequence[NewAct], at: float) -> Deferred[None]:
        return self._changes.submit(partial(hosted_steps.store_deleted, file, tuple(acts), at))

    def reservations(self) -> list[Reservation]:
        found = []
        for tier, epoch, names in self._rows(news.ALL_RESERVATIONS):
            try:
                found.append(Reservation(tier=tier, epoch=epoch, names=names_of(names)))
            except Unreadable as error:
                # Absent, they would open private names to every tier.
                raise StoreUnusable(
                    path=str(self._path), reason=f"the names that {tier} has reserved are damaged ({error})"
                ) from error
        return found

    def store_reservation(self, reservation: Reservation) -> Deferred[None]:
        return self._changes.submit(partial(news_steps.store_reservation, reservation))

    # -- tokens -------------------------------------------------------------------------------------------------

    def token(self, digest: str) -> IssuedToken | None:
        return self._tokens.token(digest)

    def tokens(self) -> list[IssuedToken]:
        return self._tokens.tokens()

    def store_token(self, token: IssuedToken) -> Deferred[None]:
        return self._tokens.store(token)

    def forget_tokens(self, ids: Iterable[str]) -> Deferred[None]:
        return self._tokens.forget(ids)

    def touch_tokens(self, used_at: Mapping[str, float]) -> Deferred[None]:
        return self._tokens.touch(used_at)

    def stamp(self) -> int:
        stamp = self._stamps.newest()
        if stamp != self._stamp:
            self._stamp = stamp
            for recalled in (self._known_entries, self._known_files, self._attachments):
                recalled.forget_all()
        return stamp

    async def close(self) -> None:
        try:
            await self._changes.close()
        finally:
            with self._reading:
                self._reader.connection.close()
            self._stamps.close()

    def _rows(self, statement: Statement, **parameters: Any) -> Rows:
        """All rows at once: a read that stayed open would hold this connection in the past."""
        try:
            with self._reading:
                return self._reader.rows(statement, parameters)
        except sqlite3.Error as error:
            raise meaning(self._path, error) from error
