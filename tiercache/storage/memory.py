"""The catalogue in memory, of a node that keeps nothing when it ends; its files are in `memory_files`.

Complete, for a node on a machine without a disk and for every test above this room.  With `room_bytes` a store that
can be full.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from attrs import Factory, define, evolve, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from tiercache.access.tokens import IssuedToken
from tiercache.errors import StoreUnusable
from tiercache.interfaces import (
    Attachment,
    DeletedFile,
    FileRecord,
    ICatalogue,
    NewChange,
    Reservation,
    StoredEntry,
)
from tiercache.policy.acts import Act, NewAct
from tiercache.policy.entry import Head
from tiercache.policy.news import Change, Position
from tiercache.policy.selection import HERE
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.storage.identity import identities_of
from tiercache.storage.kept import CHANGES_KEPT
from tiercache.storage.memory_acts import MemoryActs
from tiercache.storage.memory_dropped import MemoryDropped
from tiercache.storage.memory_journal import MemoryJournal
from tiercache.storage.memory_kept_jobs import MemoryKeptJobs
from tiercache.storage.memory_partial import Room, room_of
from tiercache.storage.memory_rows import ROW_BYTES, cost

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


@implementer(ICatalogue)
@define(kw_only=True, eq=False)
class MemoryCatalogue:
    """`ICatalogue` in memory; `room_bytes` counts bodies, attachments, and `ROW_BYTES` for each row.

    `epoch` and `changes_kept` are the journal's.
    """

    _room: Room = field(default=None, converter=room_of, alias="room_bytes")
    _epoch: str = field(factory=partial(secrets.token_hex, 8))
    _changes_kept: int = CHANGES_KEPT
    _entries: dict[ProjectName, StoredEntry] = field(factory=dict, init=False)
    _files: dict[str, FileRecord] = field(factory=dict, init=False)
    _names: dict[FileIdentity, str] = field(factory=dict, init=False)
    _attachments: dict[tuple[FileIdentity, str], Attachment] = field(factory=dict, init=False)
    _odd_files: dict[FileIdentity, ProjectName] = field(factory=dict, init=False)
    _used_at: dict[ProjectName, float] = field(factory=dict, init=False)
    _pins: dict[ProjectName, ProjectName] = field(factory=dict, init=False)
    _settings: dict[str, str] = field(factory=dict, init=False)
    _hosted: dict[ProjectName, bytes] = field(factory=dict, init=False)
    _reservations: dict[str, Reservation] = field(factory=dict, init=False)
    dropped: MemoryDropped = field(default=Factory(lambda me: MemoryDropped(me._change, me._put, me._drop), True))
    kept_jobs: MemoryKeptJobs = field(default=Factory(lambda me: MemoryKeptJobs(me._change, me._put, me._drop), True))
    _acts: MemoryActs = field(factory=MemoryActs, init=False)
    _tokens: dict[str, IssuedToken] = field(factory=dict, init=False)
    _journal: MemoryJournal = field(init=False)
    _stored_bytes: int = field(default=0, init=False)
    _hosted_bytes: int = field(default=0, init=False)
    _stamp: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)

    @_journal.default
    def _new_journal(self) -> MemoryJournal:
        return MemoryJournal(epoch=self._epoch, most_kept=self._changes_kept)

    # -- entries ------------------------------------------------------------------------------------------------

    def entry(self, project: ProjectName) -> StoredEntry | None:
        return self._entries.get(project)

    def store_entry(self, entry: StoredEntry) -> Deferred[None]:
        def store() -> None:
            self._put(self._entries, entry.project, entry)
            self._used_at.setdefault(entry.project, entry.head.received_at)

        return self._change(store)

    def freshen_entry(self, project: ProjectName, head: Head) -> Deferred[None]:
        def freshen() -> None:
            if (found := self._entries.get(project)) is not None:
                self._put(self._entries, project, evolve(found, head=head))

        return self._change(freshen)

    def forget_entry(self, project: ProjectName) -> Deferred[None]:
        return self._change(partial(self._drop, self._entries, project))

    def entry_names(self) -> list[ProjectName]:
        return sorted(project for project, entry in self._entries.items() if entry.body is not None)

    def homes(self) -> dict[str, int]:
        return Counter(entry.head.tier for entry in self._entries.values() if entry.body is not None)

    # -- files --------------------------------------------------------------------------------------------------

    def file(self, identity: FileIdentity) -> FileRecord | None:
        sha256 = self._names.get(identity)
        return None if sha256 is None else self._shown(self._files[sha256])

    def files_of(self, project: ProjectName) -> list[FileRecord]:
        found = [self._shown(record) for record in self._files.values() if record.project == project]
        return sorted(found, key=lambda record: (record.listing.filename, record.sha256))

    def file_projects(self) -> list[ProjectName]:
        return sorted({record.project for record in self._files.values()})

    def all_files(self) -> Iterator[FileRecord]:
        found = sorted(self._files.values(), key=lambda record: (record.used_at, record.sha256))
        return iter([self._shown(record) for record in found])

    def stored_bytes(self) -> int:
        return self._stored_bytes

    def hosted_bytes(self) -> int:
        return self._hosted_bytes

    def store_file(self, record: FileRecord) -> Deferred[None]:
        def store() -> None:
            identities = identities_of(record)
            old = self._files.get(record.sha256)
            if old is not None and old.tier == HERE and record.tier != HERE:
                return
            self._put(self._files, record.sha256, evolve(record, identities=identities))
            self._forget(old)
            self._count(record, record.size_bytes)
            self._names.update(dict.fromkeys(identities, record.sha256))  # a name means what was last stored under it

        return self._change(store)

    def forget_file(self, sha256: str) -> Deferred[None]:
        def forget() -> None:
            self._forget(self._files.get(sha256))
            self._drop(self._files, sha256)

        return self._change(forget)

    def touch_files(self, used_at: Mapping[str, float]) -> Deferred[None]:
        def touch() -> None:
            for sha256 in used_at.keys() & self._files.keys():
                self._files[sha256] = evolve(self._files[sha256], used_at=used_at[sha256])

        return self._change(touch)

    def _shown(self, record: FileRecord) -> FileRecord:
        identities = tuple(name for name in record.identities if self._names.get(name) == record.sha256)
        return evolve(record, identities=identities, pinned=record.project in self._pins)

    def _forget(self, record: FileRecord | None) -> None:
        if record is not None:
            self._count(record, -record.size_bytes)
            for name in self._shown(record).identities:
                del self._names[name]

    def _count(self, record: FileRecord, more_bytes: int) -> None:
        self._stored_bytes += more_bytes
        if record.tier == HERE:
            self._hosted_bytes += more_bytes

    # -- what belongs to a file ---------------------------------------------------------------------------------

    def attachment(self, identity: FileIdentity, kind: str) -> Attachment | None:
        return self._attachments.get((identity, kind))

    def attachment_digests(self, project: ProjectName, kind: str) -> dict[FileIdentity, str | None]:
        return {
            identity: None if attachment.data is None else attachment.sha256
            for (identity, its_kind), attachment in self._attachments.items()
            if its_kind == kind and attachment.project == project
        }

    def store_attachment(self, attachment: Attachment) -> Deferred[None]:
        def store() -> None:
            self._put(self._attachments, (attachment.identity, attachment.kind), attachment)
            self._used_at.setdefault(attachment.project, 0.0)

        return self._change(store)

    def forget_attachment(self, identity: FileIdentity, kind: str) -> Deferred[None]:
        return self._change(partial(self._drop, self._attachments, (identity, kind)))

    def note_odd_file(self, identity: FileIdentity, project: ProjectName) -> Deferred[None]:
        def note() -> None:
            self._put(self._odd_files, identity, project)
            self._used_at.setdefault(project, 0.0)

        return self._change(note)

    def odd_file_project(self, identity: FileIdentity) -> ProjectName | None:
        return self._odd_files.get(identity)

    # -- what all this takes ------------------------------------------------------------------------------------

    def size_bytes(self) -> int:
        return self._room.taken_bytes

    def idle_projects(self) -> Iterator[ProjectName]:
        busy = {record.project for record in self._files.values()} | self._pins.keys()
        found = sorted((used_at, project) for project, used_at in self._used_at.items() if project not in busy)
        return iter([project for _used_at, project in found])

    def touch_projects(self, used_at: Mapping[ProjectName, float]) -> Deferred[None]:
        def touch() -> None:
            self._used_at.update({project: used_at[project] for project in used_at.keys() & self._used_at.keys()})

        return self._change(touch)

    def forget_project(self, project: ProjectName) -> Deferred[None]:
        def forget() -> None:
            self._used_at.pop(project, None)
            self._drop(self._entries, project)
            for key in [key for key, attachment in self._attachments.items() if attachment.project == project]:
                self._drop(self._attachments, key)
            for identity in [identity for identity, its in self._odd_files.items() if its == project]:
                self._drop(self._odd_files, identity)

        return self._change(forget)

    # -- what people say ----------------------------------------------------------------------------------------

    def pin(self, project: ProjectName, pinned: bool) -> Deferred[None]:
        if pinned:
            return self._change(partial(self._put, self._pins, project, project))
        return self._change(partial(self._drop, self._pins, project))

    def pins(self) -> list[ProjectName]:
        return sorted(self._pins)

    def setting(self, name: str) -> str | None:
        return self._settings.get(name)

    def store_setting(self, name: str, value: str | None) -> Deferred[None]:
        if value is None:
            return self._change(partial(self._drop, self._settings, name))
        return self._change(partial(self._put, self._settings, name, value))

    # -- news, what is hosted, what is reserved -----------------------------------------------------------------

    def position(self) -> Position:
        return self._journal.position

    def changes(self, since: int, most: int) -> Sequence[Change] | None:
        return self._journal.changes(since, most)

    def append_changes(self, changes: Sequence[NewChange], at: float) -> Deferred[Sequence[Change]]:
        def append() -> Sequence[Change]:
            self._room.take(ROW_BYTES * self._journal.more_rows(len(changes)))
            return self._journal.append(changes, at)

        return self._change(append)

    def hosted(self, project: ProjectName) -> bytes | None:
        return self._hosted.get(project)

    def hosted_names(self) -> list[ProjectName]:
        return sorted(self._hosted)

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
        def store() -> Sequence[Change]:
            before = cost(self._hosted[project]) if project in self._hosted else 0
            after = 0 if body is None else cost(body)
            rows = self._acts.more_rows(project, deleted, restored) + len(acts)
            self._room.take(after - before + ROW_BYTES * (rows + self._journal.more_rows(len(changes))))
            if body is None:
                self._hosted.pop(project, None)
            else:
                self._hosted[project] = body
            for filename in restored:
                self._acts.forget(project, filename)
            for file in deleted:
                self._acts.put(file)
            self._acts.append(acts, at)
            return self._journal.append(changes, at)

        return self._change(store)

    def append_acts(self, acts: Sequence[NewAct], at: float) -> Deferred[None]:
        def append() -> None:
            self._room.take(ROW_BYTES * len(acts))
            self._acts.append(acts, at)

        return self._change(append)

    def acts(self, project: ProjectName | None, since: int | None, most: int) -> list[Act]:
        return self._acts.acts(project, since, most)

    def deleted(self, project: ProjectName, filename: str) -> DeletedFile | None:
        return self._acts.deleted(project, filename)

    def deleted_of(self, project: ProjectName) -> list[DeletedFile]:
        return self._acts.deleted_of(project)

    def deleted_until(self, at: float, most: int) -> list[DeletedFile]:
        return self._acts.deleted_until(at, most)

    def store_deleted(self, file: DeletedFile, acts: Sequence[NewAct], at: float) -> Deferred[None]:
        def store() -> None:
            self._room.take(ROW_BYTES * (self._acts.more_rows(file.project, [file], ()) + len(acts)))
            self._acts.put(file)
            self._acts.append(acts, at)

        return self._change(store)

    def reservations(self) -> list[Reservation]:
        return [self._reservations[tier] for tier in sorted(self._reservations)]

    def store_reservation(self, reservation: Reservation) -> Deferred[None]:
        if not reservation.names and not reservation.epoch:
            return self._change(partial(self._drop, self._reservations, reservation.tier))
        return self._change(partial(self._put, self._reservations, reservation.tier, reservation))

    # -- tokens -------------------------------------------------------------------------------------------------

    def token(self, digest: str) -> IssuedToken | None:
        return self._tokens.get(digest)

    def tokens(self) -> list[IssuedToken]:
        return sorted(self._tokens.values(), key=lambda token: (token.made_at, token.id))

    def store_token(self, token: IssuedToken) -> Deferred[None]:
        def store() -> None:
            there = self._tokens.get(token.digest)
            if there is not None and there.id != token.id:
                raise StoreUnusable(path="memory", reason="two tokens would have one digest")
            for digest in [other.digest for other in self._tokens.values() if other.id == token.id]:
                self._drop(self._tokens, digest)
            self._put(self._tokens, token.digest, token)

        return self._change(store)

    def forget_tokens(self, ids: Iterable[str]) -> Deferred[None]:
        def forget() -> None:
            gone = set(ids)
            for digest in [token.digest for token in self._tokens.values() if token.id in gone]:
                self._drop(self._tokens, digest)

        return self._change(forget)

    def touch_tokens(self, used_at: Mapping[str, float]) -> Deferred[None]:
        def touch() -> None:
            for digest, token in self._tokens.items():
                if token.id in used_at:
                    self._tokens[digest] = evolve(token, used_at=used_at[token.id])

        return self._change(touch)

    def stamp(self) -> int:
        return self._stamp

    async def close(self) -> None:
        self._closed = True

    # -- changes and what they take -----------------------------------------------------------------------------

    def _change(self, change: Callable[[], T]) -> Deferred[T]:
        if self._closed:
            return fail(StoreUnusable(path="memory", reason="it has been closed"))
        self._stamp += 1
        try:
            return succeed(change())
        except Exception as error:  # noqa: BLE001  # a write fails where it is awaited, in every implementation
            return fail(error)

    def _put(self, table: dict[K, V], key: K, value: V) -> None:
        self._room.take(cost(value) - (cost(table[key]) if key in table else 0))
        table[key] = value

    def _drop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            self._room.take(-cost(table.pop(key)))
