"""Sidecars that came along with a page: kept, so that nobody has to ask for them.

Each has been verified by its SHA-256; which file it is of the page says (`core-metadata`).  What this node knows of a
file already, above all what the wheel itself says, is not replaced by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define
from twisted.logger import Logger

from tiercache.cache.admission import Admission
from tiercache.cache.knowledge import Changed
from tiercache.cache.owners import owners_of
from tiercache.cache.unawaited import let_go_on
from tiercache.errors import StoreFailed
from tiercache.interfaces import METADATA, Attachment, ICatalogue
from tiercache.policy.direct_urls import direct_url_requirements
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of

MOST_READ_BYTES = 512 * 1024
"""Of the sidecars of one page, each of which is looked through before it is kept, while others wait."""

MOST_KEPT_BYTES = 16 * 1024 * 1024
"""Of one page: many files may have the same sidecar, which is kept for each."""

log = Logger()


@define(kw_only=True)
class ArrivedSidecars:
    """Keeps them in the catalogue; `changed` is told of the projects whose files they are."""

    _catalogue: ICatalogue
    _admission: Admission
    _changed: Changed

    def keep(self, page: Page, sidecars: Mapping[str, bytes]) -> None:
        """Keep core metadata, given by its SHA-256, for the files of a page that have it; to be read from now on."""
        if not sidecars:
            return
        known = self._catalogue.attachment_digests(page.project, METADATA)

        def not_kept(error: StoreFailed) -> None:
            log.warn("not all sidecars of {project} are kept: {error}", project=page.project, error=error)

        found: dict[str, tuple[str, ...]] = {}
        read_bytes = kept_bytes = 0
        for file in page.files:
            told, identity = _told(file), identity_of(file)
            if told not in sidecars or identity in known:
                continue
            data = sidecars[told]
            read_bytes += 0 if told in found else len(data)
            kept_bytes += len(data)
            if read_bytes > MOST_READ_BYTES or kept_bytes > MOST_KEPT_BYTES:
                return  # who needs the others asks for them
            if told not in found:
                found[told] = direct_url_requirements(data)
            self._admission.note_requirements(page.project, [identity], found[told])
            attachment = Attachment(identity=identity, project=page.project, kind=METADATA, sha256=told, data=data)
            before = owners_of([identity], self._catalogue)
            let_go_on(self._catalogue.store_attachment(attachment), not_kept)
            self._changed(page.project, *before)


def _told(file: File) -> str:
    return file.core_metadata.get("sha256", "") if isinstance(file.core_metadata, Mapping) else ""
