"""The records beside hosted files, in memory; counted in the room of the files that they stand beside."""

from __future__ import annotations

from attrs import define, field
from zope.interface import implementer

from tiercache.errors import InvalidName
from tiercache.interfaces import IRecords
from tiercache.simple.model import ProjectName
from tiercache.simple.names import checked_filename, is_normal
from tiercache.storage.memory_partial import Room


@implementer(IRecords)
@define(kw_only=True, eq=False)
class MemoryRecords:
    """`IRecords` in memory."""

    _room: Room
    _records: dict[tuple[ProjectName, str], bytes] = field(factory=dict, init=False)

    def write(self, project: ProjectName, filename: str, data: bytes) -> None:
        key = _key(project, filename)
        self._room.take(len(data) - len(self._records.get(key, b"")))
        self._records[key] = data

    def read(self, project: ProjectName, filename: str) -> bytes | None:
        return self._records.get(_key(project, filename))

    def remove(self, project: ProjectName, filename: str) -> None:
        self._room.take(-len(self._records.pop(_key(project, filename), b"")))

    def projects(self) -> list[ProjectName]:
        return sorted({project for project, _ in self._records})

    def filenames(self, project: ProjectName) -> list[str]:
        return sorted(filename for its, filename in self._records if its == project and filename)


def _key(project: ProjectName, filename: str) -> tuple[ProjectName, str]:
    if not is_normal(project):
        raise InvalidName(name=project)
    return project, checked_filename(filename) if filename else ""
