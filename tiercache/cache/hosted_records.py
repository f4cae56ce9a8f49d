"""The records beside hosted files, written with each change: before the catalogue, and put back where that fails.

So what they say is never behind what anybody was told; at worst they know of a change that nobody was told of.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from attrs import define, field
from twisted.logger import Logger

from tiercache.errors import StoreFailed
from tiercache.interfaces import METADATA, PROVENANCE, ICatalogue, IFiles, Pool
from tiercache.policy.acts import NewAct
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.records import (
    HostedFile,
    HostedProject,
    RecordedAct,
    RecordUnusable,
    dump_record,
    load_file,
    load_project,
)

log = Logger()

Key = tuple[ProjectName, str]


@define(kw_only=True)
class HostedRecords:
    """Reads and writes the records of a store."""

    _catalogue: ICatalogue
    _files: IFiles
    _pool: Pool
    _now: Callable[[], float]
    _last_position: int = field(default=0, init=False)

    async def file(self, project: ProjectName, file: File) -> HostedFile:
        """The record of a file; made of what the catalogue knows if there is none that can be read."""
        kept = await self.kept(project, file.filename)
        return kept or self.new(project, file, by="", attachments=self._attachments(file))

    async def kept(self, project: ProjectName, filename: str) -> HostedFile | None:
        """The record of a file, if there is one that can be read."""
        data = await self._pool(self._files.records.read, project, filename)
        try:
            return load_file(data) if data is not None else None
        except RecordUnusable as error:
            log.warn("the record of {filename} is made anew: {error}", filename=filename, error=error)
            return None

    async def project(self, project: ProjectName) -> HostedProject:
        """The record of a project."""
        data = await self._pool(self._files.records.read, project, "")
        try:
            return load_project(data) if data is not None else HostedProject(project=project, is_hosted=False)
        except RecordUnusable as error:
            log.warn("the record of {project} is made anew: {error}", project=project, error=error)
            return HostedProject(project=project)

    def new(
        self,
        project: ProjectName,
        file: File,
        *,
        by: str,
        attachments: Mapping[str, bytes],
        digests: Mapping[str, str] | None = None,
    ) -> HostedFile:
        """The record of a file that is published now, behind all others."""
        size_bytes = self._files.size(file.hashes["sha256"])
        made_again = {METADATA} if file.filename.endswith(".whl") else set()
        return HostedFile.of(
            project,
            file,
            size=size_bytes if size_bytes is not None else file.size or 0,
            position=self.next_position(),
            at=self._now(),
            by=by,
            attachments={kind: data for kind, data in attachments.items() if kind not in made_again},
            digests=digests,
        )

    def next_position(self) -> int:
        """A place behind all that were given."""
        self._last_position = max(self._last_position + 1, int(self._now() * 1_000_000))
        return self._last_position

    def act(self, act: NewAct) -> RecordedAct:
        """An act of now as a record tells it."""
        return RecordedAct(at=self._now(), what=act.what, by=act.by, detail=act.detail)

    @asynccontextmanager
    async def written(
        self, records: Sequence[HostedFile | HostedProject], removed: Sequence[Key] = ()
    ) -> AsyncIterator[None]:
        """These records are durable when the block begins; if it fails, they are what they were.

        Those that are removed go when it has ended.  Raises StoreFailed.
        """
        after = {_key_of(record): dump_record(record) for record in records}
        before = await self._pool(self._replace, after)
        try:
            yield
        except BaseException:
            await self._pool(self._put_back, before)
            raise
        try:
            await self._pool(self._put_back, dict.fromkeys(removed))
        except StoreFailed as error:
            log.warn("records of what is hosted no longer are left over: {error}", error=error)

    # -- in the pool ------------------------------------------------------------------------------------------

    def _replace(self, after: Mapping[Key, bytes]) -> dict[Key, bytes | None]:
        before: dict[Key, bytes | None] = {}
        try:
            for key, data in after.items():
                before[key] = self._files.records.read(*key)
                self._files.records.write(*key, data)
        except StoreFailed:
            self._put_back(before)
            raise
        return before

    def _put_back(self, before: Mapping[Key, bytes | None]) -> None:
        for key, data in before.items():
            try:
                if data is None:
                    self._files.records.remove(*key)
                else:
                    self._files.records.write(*key, data)
            except StoreFailed as error:
                log.warn("the record of {name} says more than was done: {error}", name=key[1] or key[0], error=error)

    def _attachments(self, file: File) -> dict[str, bytes]:
        found = {}
        for kind in (METADATA, PROVENANCE):
            attachment = self._catalogue.attachment(FileIdentity("sha256", file.hashes["sha256"]), kind)
            if attachment is not None and attachment.data is not None and not attachment.made:
                found[kind] = attachment.data
        return found


def _key_of(record: HostedFile | HostedProject) -> Key:
    return ProjectName(record.project), record.filename if isinstance(record, HostedFile) else ""
