"""The bytes of what is hosted: known in the catalogue for as long as they are listed or may be restored, then gone."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from math import inf

from attrs import define, field
from msgspec.structs import replace

from tiercache.cache.knowledge import Changed
from tiercache.cache.owners import owners_of
from tiercache.cache.shown import names_of
from tiercache.cache.usage import Usage
from tiercache.errors import FileAbsent, LengthMismatch
from tiercache.interfaces import METADATA, PROVENANCE, Attachment, FileRecord, ICatalogue, IFiles, Pool
from tiercache.policy.selection import HERE
from tiercache.simple.model import STRONGEST_FIRST, File, FileIdentity, ProjectName
from tiercache.simple.names import candidate_projects
from tiercache.simple.stored import load_page


@define(kw_only=True)
class HostedBytes:
    """`has` says whether a record is that of a file that a hosted page lists; `changed` hears of projects whose files
    are not what they were."""

    _catalogue: ICatalogue
    _files: IFiles
    _usage: Usage
    _pool: Pool
    _now: Callable[[], float]
    _has: Callable[[FileRecord], bool]
    _changed: Changed
    _on_added: list[Callable[[FileRecord], Awaitable[None]]] = field(factory=list, init=False)

    def on_added(self, act: Callable[[FileRecord], Awaitable[None]]) -> None:
        """Let `act` have every file that is to be hosted, before anybody else sees it."""
        self._on_added.append(act)

    async def keep(self, project: ProjectName, file: File, attachments: Mapping[str, bytes]) -> None:
        """Make the stored bytes known as this file; until they are, they may be cached bytes that are to be evicted.

        Raises FileAbsent, LengthMismatch, StoreFailed.
        """
        sha256 = file.hashes["sha256"]
        self._usage.begin(sha256)
        try:
            await self._usage.stays(sha256)
            await self._keep_in_use(project, file, sha256, attachments)
        finally:
            self._usage.end(sha256)

    async def let_go(self, project: ProjectName, sha256: str, *, is_kept: bool = False) -> None:
        """Bytes that a project has no more, unless something else that is hosted has the same.

        `is_kept`: they may be restored, and are shown to nobody meanwhile.  Raises StoreFailed.
        """
        identity = FileIdentity("sha256", sha256)
        record = self._catalogue.file(identity)
        if record is not None and self._has(record):
            return
        before = () if record is None else owners_of(record.identities, self._catalogue)
        other = await self._pool(self._first_listing, sha256)
        is_kept = is_kept or await self._pool(self._may_be_restored, sha256)
        if record is not None:
            for name in record.identities if other is None else ():
                for kind in (METADATA, PROVENANCE):
                    await self._catalogue.forget_attachment(name, kind)
            if other is not None or not is_kept:
                await self._catalogue.forget_file(sha256)
        if other is not None:
            await self.keep(*other, {})
        elif not is_kept:
            await self._pool(self._files.remove, sha256)
        self._changed(project, *before)

    # -- how --------------------------------------------------------------------------------------------------

    async def _keep_in_use(
        self, project: ProjectName, file: File, sha256: str, attachments: Mapping[str, bytes]
    ) -> None:
        size_bytes = self._files.size(sha256)
        if size_bytes is None:
            raise FileAbsent(filename=file.filename)
        if file.size not in {None, size_bytes}:
            raise LengthMismatch(filename=file.filename, expected=file.size or 0, actual=size_bytes)
        there = self._catalogue.file(FileIdentity("sha256", sha256))
        if there is not None and there.size_bytes == size_bytes and self._has(there):
            return
        if project not in candidate_projects(file.filename):
            await self._catalogue.note_odd_file(FileIdentity("sha256", sha256), project)
        record = hosted_record(project, replace(file, size=size_bytes), at=self._now())
        before = owners_of(names_of(FileIdentity("sha256", sha256), record), self._catalogue)
        await self._catalogue.store_file(record)
        self._changed(project, *before)
        for kind, data in attachments.items():
            await self._catalogue.store_attachment(hosted_attachment(project, sha256, kind, data))
        for act in self._on_added:
            await act(record)

    def _first_listing(self, sha256: str) -> tuple[ProjectName, File] | None:
        """A hosted project that has these bytes, and how it lists them.  Blocking."""
        for project in self._catalogue.hosted_names():
            body: bytes | None = self._catalogue.hosted(project)
            if body is not None and sha256.encode() in body:
                for file in load_page(body).files:
                    if file.hashes["sha256"] == sha256:
                        return project, file
        return None

    def _may_be_restored(self, sha256: str) -> bool:
        """Whether a deleted file has these bytes.  Blocking."""
        return any(file.sha256 == sha256 for file in self._catalogue.deleted_until(inf, 1_000_000))


def hosted_record(project: ProjectName, file: File, *, at: float) -> FileRecord:
    """What the catalogue is to know of a hosted file, whose size is known."""
    names = [FileIdentity(name, value) for name, value in file.hashes.items() if name in STRONGEST_FIRST]
    return FileRecord(
        sha256=file.hashes["sha256"],
        size_bytes=file.size or 0,
        project=project,
        tier=HERE,
        listing=file,
        identities=tuple(sorted(names, key=lambda name: name.segment)),
        stored_at=at,
        used_at=at,
    )


def hosted_attachment(project: ProjectName, sha256: str, kind: str, data: bytes) -> Attachment:
    """What came along with a hosted file."""
    return Attachment(
        identity=FileIdentity("sha256", sha256),
        project=project,
        kind=kind,
        sha256=hashlib.sha256(data).hexdigest(),
        data=data,
    )
