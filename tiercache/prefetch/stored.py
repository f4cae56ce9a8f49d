"""Which files of a closure are in the store, with every byte and the right ones."""

from __future__ import annotations

from attrs import define

from tiercache.cache.files import Files
from tiercache.cache.pages import Pages
from tiercache.errors import InvalidName, NotStored, ProjectAbsent
from tiercache.errors.prefetch import WantedUnusable
from tiercache.interfaces import FileRecord
from tiercache.policy.entry import Ask
from tiercache.prefetch.locating import named_by
from tiercache.simple.model import File
from tiercache.simple.names import identity_of, normalise
from tiercache.wire.prefetch import WantedFile

LOCALLY = Ask(local=True)


@define(kw_only=True)
class StoredFiles:
    """Looks them up."""

    _pages: Pages
    _files: Files

    async def record(self, file: WantedFile) -> FileRecord | None:
        """Its record; None where it is not there, or has other digests."""
        try:
            identity = named_by(file)
        except WantedUnusable:
            return None
        if identity is None:
            listed = (await self.listed(file.project)).get(file.filename)
            identity = None if listed is None else identity_of(listed)
        return None if identity is None else await self._files.stored(identity, file.filename)

    async def listed(self, project: str) -> dict[str, File]:
        """By name, the files of a project that `/local/` lists."""
        try:
            page = (await self._pages.shown(normalise(project), LOCALLY)).page
        except (NotStored, ProjectAbsent, InvalidName):
            return {}
        return {file.filename: file for file in page.files}
