"""The files of a store in memory; with `room_bytes` one that can be full."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from attrs import define, field
from zope.interface import implementer

from tiercache.errors import FileAbsent
from tiercache.interfaces import IFiles, IPartial
from tiercache.storage.memory_partial import MemoryPartial, Room, room_of
from tiercache.storage.memory_records import MemoryRecords


@implementer(IFiles)
@define(kw_only=True, eq=False)
class MemoryFiles:
    """`IFiles` in memory, partials and quarantine counted in `room_bytes`."""

    _room: Room = field(default=None, converter=room_of, alias="room_bytes")
    _stored: dict[str, bytes] = field(factory=dict, init=False)
    _quarantined: dict[str, bytes] = field(factory=dict, init=False)
    records: MemoryRecords = field(init=False)

    @records.default
    def _no_records_yet(self) -> MemoryRecords:
        return MemoryRecords(room=self._room)

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
