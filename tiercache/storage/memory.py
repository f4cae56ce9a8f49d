"""The store in memory: files and catalogue of a node that keeps nothing when it ends.

Complete, for a node on a machine without a disk and for every test above this room.  With `room_bytes` a store that
can be full.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BytesIO
from typing import BinaryIO, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from tiercache.errors import FileAbsent, InvalidName, StoreFull, StoreUnusable
from tiercache.interfaces import Attachment, FileRecord, ICatalogue, IFiles, IPartial, StoredEntry
from tiercache.policy.entry import Head
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.storage.identity import identities_of, is_sha256

K = TypeVar("K")
V = TypeVar("V")

ROW_BYTES = 256
"""What the catalogue counts for a row, its bodies and attachments aside."""


@define(eq=False)
class _Room:
    """What may still be taken; `limit_bytes` None is no limit.  Shared by the threads that fill."""

    limit_bytes: int | None
    taken_bytes: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def take(self, size_bytes: int) -> None:
        """Take, or with a negative size give back.  Raises StoreFull, and then took nothing."""
        with self._lock:
            after = self.taken_bytes + size_bytes
            if size_bytes > 0 and self.limit_bytes is not None and after > self.limit_bytes:
                raise StoreFull(reason=f"{after} bytes do not fit in {self.limit_bytes} bytes of memory")
            self.taken_bytes = after


def _room_of(limit_bytes: int | None) -> _Room:
    return _Room(limit_bytes)


@implementer(IFiles)
@define(kw_only=True, eq=False)
class MemoryFiles:
    """`IFiles` in memory, partials and quarantine counted in `room_bytes`."""

    _room: _Room = field(default=None, converter=_room_of, alias="room_bytes")
    _stored: dict[str, bytes] = field(factory=dict, init=False)
    _quarantined: dict[str, bytes] = field(factory=dict, init=False)

    def size(self, sha256: str) -> int | None:
        data = self._stored.get(sha256)
        return None if data is None else len(data)

    def open(self, sha256: str) -> BinaryIO:
        try:
            return BytesIO(self._stored[sha256])
        except KeyError:
            raise FileAbsent(filename=sha256) from None

    def begin(self) -> IPartial:
        return MemoryPartial(room=self._room, stored=self._stored)

    def remove(self, sha256: str) -> None:
        self._room.take(-len(self._stored.pop(sha256, b"")))

    def quarantine(self, sha256: str) -> None:
        if (data := self._stored.pop(sha256, None)) is not None:
            self._room.take(-len(self._quarantined.get(sha256, b"")))
            self._quarantined[sha256] = data

    def all(self) -> Iterator[tuple[str, int]]:
        return iter([(sha256, len(data)) for sha256, data in sorted(self._stored.items())])


@implementer(IPartial)
@define(kw_only=True, eq=False)
class MemoryPartial:
    """A file that grows in memory."""

    _room: _Room
    _stored: dict[str, bytes]
    _data: bytes | bytearray = field(factory=bytearray, init=False)
    _discarded: bool = field(default=False, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def write(self, data: bytes) -> None:
        with self._lock:
            self._refuse_if_discarded()
            if isinstance(self._data, bytes):
                raise ValueError("a committed file is immutable")
            self._room.take(len(data))
            self._data += data

    def read(self, start: int, size_bytes: int) -> bytes:
        with self._lock:
            self._refuse_if_discarded()
            return bytes(memoryview(self._data)[start : start + size_bytes])

    def commit(self, sha256: str) -> None:
        if not is_sha256(sha256):
            raise InvalidName(name=sha256)
        with self._lock:
            self._refuse_if_discarded()
            if isinstance(self._data, bytearray):
                mine = bytes(self._data)
                self._data = self._stored.setdefault(sha256, mine)
                if self._data is not mine:
                    self._room.take(-len(mine))

    def discard(self) -> None:
        with self._lock:
            if not self._discarded:
                self._discarded = True
                if isinstance(self._data, bytearray):
                    self._room.take(-len(self._data))
                self._data = b""

    def _refuse_if_discarded(self) -> None:
        if self._discarded:
            raise ValueError("the partial was discarded")


@implementer(ICatalogue)
@define(kw_only=True, eq=False)
class MemoryCatalogue:
    """`ICatalogue` in memory; `room_bytes` counts bodies, attachments, and `ROW_BYTES` for each row."""

    _room: _Room = field(default=None, converter=_room_of, alias="room_bytes")
    _entries: dict[ProjectName, StoredEntry] = field(factory=dict, init=False)
    _files: dict[str, FileRecord] = field(factory=dict, init=False)
    _names: dict[FileIdentity, str] = field(factory=dict, init=False)
    _attachments: dict[tuple[FileIdentity, str], Attachment] = field(factory=dict, init=False)
    _odd_files: dict[FileIdentity, ProjectName] = field(factory=dict, init=False)
    _pins: dict[ProjectName, ProjectName] = field(factory=dict, init=False)
    _settings: dict[str, str] = field(factory=dict, init=False)
    _stored_bytes: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)

    # -- entries ------------------------------------------------------------------------------------------------

    def entry(self, project: ProjectName) -> StoredEntry | None:
        return self._entries.get(project)

    def store_entry(self, entry: StoredEntry) -> Deferred[None]:
        return self._change(partial(self._put, self._entries, entry.project, entry))

    def freshen_entry(self, project: ProjectName, head: Head) -> Deferred[None]:
        def freshen() -> None:
            if (found := self._entries.get(project)) is not None:
                self._put(self._entries, project, evolve(found, head=head))

        return self._change(freshen)

    def forget_entry(self, project: ProjectName) -> Deferred[None]:
        return self._change(partial(self._drop, self._entries, project))

    def entry_names(self) -> list[ProjectName]:
        return sorted(project for project, entry in self._entries.items() if entry.body is not None)

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

    def store_file(self, record: FileRecord) -> Deferred[None]:
        def store() -> None:
            identities = identities_of(record)
            old = self._files.get(record.sha256)
            self._put(self._files, record.sha256, evolve(record, identities=identities))
            self._forget(old)
            self._stored_bytes += record.size_bytes
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
            self._stored_bytes -= record.size_bytes
            for name in self._shown(record).identities:
                del self._names[name]

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
        key = (attachment.identity, attachment.kind)
        return self._change(partial(self._put, self._attachments, key, attachment))

    def forget_attachment(self, identity: FileIdentity, kind: str) -> Deferred[None]:
        return self._change(partial(self._drop, self._attachments, (identity, kind)))

    def note_odd_file(self, identity: FileIdentity, project: ProjectName) -> Deferred[None]:
        return self._change(partial(self._put, self._odd_files, identity, project))

    def odd_file_project(self, identity: FileIdentity) -> ProjectName | None:
        return self._odd_files.get(identity)

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

    async def close(self) -> None:
        self._closed = True

    # -- changes and what they take -----------------------------------------------------------------------------

    def _change(self, change: Callable[[], None]) -> Deferred[None]:
        if self._closed:
            return fail(StoreUnusable(path="memory", reason="it has been closed"))
        try:
            change()
        except Exception as error:  # noqa: BLE001  # a write fails where it is awaited, in every implementation
            return fail(error)
        return succeed(None)

    def _put(self, table: dict[K, V], key: K, value: V) -> None:
        self._room.take(_cost(value) - (_cost(table[key]) if key in table else 0))
        table[key] = value

    def _drop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            self._room.take(-_cost(table.pop(key)))


def _cost(value: object) -> int:
    match value:
        case StoredEntry(body=bytes(data)) | Attachment(data=bytes(data)):
            return ROW_BYTES + len(data)
        case _:
            return ROW_BYTES
