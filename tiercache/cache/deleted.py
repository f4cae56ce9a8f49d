"""Deleted files: nobody is given them any more, and for a time they may be restored.

Then their bytes go.  Their names stay taken for ever: who has a name and a digest in a lock file, or a file of that
name in a cache, is never to find other bytes there.  A project of which all files are deleted stays hosted, and its
name reserved, until it is released on purpose: no index may answer for what people took for private.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from attrs import define, evolve
from packaging.version import InvalidVersion, Version
from twisted.logger import Logger

from tiercache.cache.hosted import Hosted
from tiercache.errors import NothingToRestore, ReleaseAbsent, StoreFailed
from tiercache.interfaces import DeletedFile, ICatalogue, IFiles, Pool
from tiercache.policy import acts
from tiercache.policy.acts import NewAct
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import parse_filename

log = Logger()

AT_ONCE = 100
"""Deleted files whose time is over that one round of the janitor looks up in one go."""


@define(kw_only=True)
class DeletedFiles:
    """Deletes, restores, and forgets what was deleted more than `keep_s` seconds ago."""

    _catalogue: ICatalogue
    _files: IFiles
    _hosted: Hosted
    _keep_s: float
    _pool: Pool
    _now: Callable[[], float]

    def of(self, project: ProjectName) -> Sequence[DeletedFile]:
        """What was deleted of a project, by filename."""
        found: Sequence[DeletedFile] = self._catalogue.deleted_of(project)
        return found

    def kept_until(self, file: DeletedFile) -> float | None:
        """Until when a deleted file may be restored, in seconds since 1970; None if it may not any more."""
        return file.at + self._keep_s if file.is_kept else None

    async def delete(
        self,
        project: ProjectName,
        *,
        version: str | None = None,
        filename: str | None = None,
        by: str = "",
        reason: str = "",
    ) -> Sequence[str]:
        """Delete a file, a release, or with neither every file of a project; the filenames that were.

        Raises ProjectAbsent, ReleaseAbsent, FileAbsent; StoreFailed, and then nothing is deleted.
        """
        gone: list[str] = []

        async def work() -> bool:
            gone.extend(await self._delete(project, version, filename, by, reason))
            return True

        await self._hosted.alone(None, work)
        return gone

    async def restore(
        self, project: ProjectName, *, version: str | None = None, filename: str | None = None, by: str = ""
    ) -> Sequence[str]:
        """Restore a file, a release, or with neither whatever is kept of a project; the filenames that are back.

        Raises NothingToRestore, StoreFailed.
        """
        back: list[str] = []

        async def work() -> bool:
            back.extend(await self._restore(project, version, filename, by))
            return True

        await self._hosted.alone(None, work)
        return back

    async def expire(self) -> int:
        """Let go of what was deleted too long ago, and say how many files that were.  Raises StoreFailed."""
        until = self._now() - self._keep_s
        expired = 0
        while found := self._catalogue.deleted_until(until, AT_ONCE):
            done = [await self._hosted.alone(None, partial(self._expire, file)) for file in found]
            expired += sum(done)
            if not any(done):  # all of them became something else meanwhile: the next round sees what
                break
        return expired

    # -- how --------------------------------------------------------------------------------------------------

    async def _delete(
        self, project: ProjectName, version: str | None, filename: str | None, by: str, reason: str
    ) -> list[str]:
        page = self._hosted.page_with(project, filename)
        gone = [file for file in page.files if _is_meant(project, file, version, filename)]
        if not gone and version is not None:
            raise ReleaseAbsent(project=project, version=version)
        if not gone:
            return []
        done, records, deleted = [], [], []
        for file in gone:
            act = NewAct(what=acts.DELETED, project=project, filename=file.filename, by=by, detail=reason)
            record = await self._hosted.records.file(project, file)
            at = self._now()
            records.append(record.after(self._hosted.records.act(act), deleted_at=at, is_kept=True))
            deleted.append(DeletedFile(project=project, listing=file, sha256=file.hashes["sha256"], at=at))
            done.append(act)
        left = tuple(file for file in page.files if file not in gone)
        await self._hosted.store(evolve(page, files=left), done, records=records, deleted=deleted)
        for sha256 in {file.sha256 for file in deleted}:
            try:
                await self._hosted.content.let_go(project, sha256, is_kept=True)
            except StoreFailed as error:  # nobody is given it any more
                log.warn(
                    "what belongs to deleted files of {project} is left over: {error}", project=project, error=error
                )
        return [file.filename for file in gone]

    async def _restore(self, project: ProjectName, version: str | None, filename: str | None, by: str) -> list[str]:
        deleted = [file for file in self.of(project) if _is_meant(project, file.listing, version, filename)]
        if not deleted:
            raise NothingToRestore(project=project, reason="nothing such was deleted")
        kept = [file for file in deleted if file.is_kept]
        if not kept:
            raise NothingToRestore(project=project, reason="its time is over")
        there = [file for file in kept if self._files.size(file.sha256) is not None]
        if not there:
            raise NothingToRestore(project=project, reason="the store has lost it")
        page = self._hosted.page(project) or await self._as_it_was(project)
        records, back, done = [], [], []
        for file in there:
            act = NewAct(what=acts.RESTORED, project=project, filename=file.listing.filename, by=by)
            record = await self._hosted.records.file(project, file.listing)
            await self._hosted.content.keep(project, record.listing(), record.attachments)
            back.append(record.listing())
            position = self._hosted.records.next_position()
            records.append(
                record.after(self._hosted.records.act(act), deleted_at=None, is_kept=True, position=position)
            )
            done.append(act)
        names = [file.filename for file in back]
        await self._hosted.store(evolve(page, files=(*page.files, *back)), done, records=records, restored=names)
        return names

    async def _as_it_was(self, project: ProjectName) -> Page:
        """The page of a project that is hosted here no longer."""
        return Page(project=project, status=(await self._hosted.records.project(project)).status)

    async def _expire(self, file: DeletedFile) -> bool:
        """Known to be gone first, and then gone: a crash in between leaves bytes that nothing shows."""
        project, filename = file.project, file.listing.filename
        now = self._catalogue.deleted(project, filename)
        if now != file:
            return False  # restored meanwhile
        act = NewAct(what=acts.EXPIRED, project=project, filename=filename)
        record = await self._hosted.records.kept(project, filename)
        if record is not None:
            record = record.after(self._hosted.records.act(act), is_kept=False, attachments={})
        async with self._hosted.records.written([record] if record is not None else []):
            await self._catalogue.store_deleted(evolve(file, is_kept=False), [act], self._now())
        await self._hosted.content.let_go(project, file.sha256)
        return True


def _is_meant(project: ProjectName, file: File, version: str | None, filename: str | None) -> bool:
    if filename is not None:
        return file.filename == filename
    return version is None or is_of_release(project, file.filename, version)


def is_of_release(project: ProjectName, filename: str, version: str) -> bool:
    """Whether a file is of this release, however its version is written."""
    found = parse_filename(filename, project).version
    if found is None or found == version:
        return found == version
    try:
        return Version(found) == Version(version)
    except InvalidVersion:
        return False
