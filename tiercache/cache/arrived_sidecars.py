"""Sidecars that came along with a page: kept, so that nobody has to ask for them.

Each has been verified by its SHA-256; which file it is of the page says (`core-metadata`).  What this node knows of a
file already, above all what the wheel itself says, is not replaced by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define
from twisted.logger import Logger

from tiercache.cache.admission import Admission
from tiercache.cache.unawaited import let_go_on
from tiercache.errors import StoreFailed
from tiercache.interfaces import METADATA, Attachment, ICatalogue
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of

log = Logger()


@define(kw_only=True)
class ArrivedSidecars:
    """Keeps them in the catalogue."""

    _catalogue: ICatalogue
    _admission: Admission

    async def keep(self, page: Page, sidecars: Mapping[str, bytes]) -> None:
        """Keep core metadata, given by its SHA-256, for the files of a page that have it; to be read from now on."""
        if not sidecars:
            return
        known = self._catalogue.attachment_digests(page.project, METADATA)
        new = [
            Attachment(
                identity=identity_of(file), project=page.project, kind=METADATA, sha256=told, data=sidecars[told]
            )
            for file in page.files
            if (told := _told(file)) in sidecars and identity_of(file) not in known
        ]

        def not_kept(error: StoreFailed) -> None:
            log.warn("not all sidecars of {project} are kept: {error}", project=page.project, error=error)

        try:
            for attachment in new:
                await self._admission.note(page.project, [attachment.identity], attachment.data)
        except StoreFailed as error:
            log.warn("no sidecars of {project} are kept: {error}", project=page.project, error=error)
            return
        for attachment in new:
            let_go_on(self._catalogue.store_attachment(attachment), not_kept)


def _told(file: File) -> str:
    return file.core_metadata.get("sha256", "") if isinstance(file.core_metadata, Mapping) else ""
