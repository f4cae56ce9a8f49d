"""Judging: whether a file, or its sidecar, is given out to who asks for it by its URL.

The rule and the verdicts are `admission`'s, which also takes care of pages; here stands what has to be found out first:
who lists the file, and what it says of itself once it is stored.
"""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from attrs import define

from tiercache.cache.admission import Admission
from tiercache.cache.core_metadata import direct_urls_in, is_sdist, is_wheel
from tiercache.cache.fill import Judge
from tiercache.cache.listings import Listing, Listings
from tiercache.errors import FileAbsent, FileRefused
from tiercache.interfaces import FileRecord, IFiles, Pool
from tiercache.simple.model import FileIdentity
from tiercache.simple.names import identity_of


@define(kw_only=True)
class Judging:
    """What judges the files of a node."""

    _admission: Admission
    _listings: Listings
    _files: IFiles
    _pool: Pool

    async def check(
        self,
        identity: FileIdentity | None,
        filename: str,
        record: FileRecord | None,
        listing: Listing | None = None,
        requirements: tuple[str, ...] = (),
    ) -> None:
        """Raises FileRefused of a file that is not given out; its record or its listing, if not both, tells of it.

        `requirements`: what its core metadata was just found to require by URLs; else what was found before counts.
        """
        found = requirements or self._known(identity, record, listing)
        if not found:
            return
        listing = await self._listings.known(identity, filename) or listing  # its page has the last word
        if listing is None and record is not None:
            listing = _of_record(record)
        if listing is not None:
            refusal = self._admission.refusal(found, listing.project, listing.file, listing.tier)
            if refusal is not None:
                raise refusal

    def before_the_last_byte(self, listing: Listing) -> Judge | None:
        """What is asked about a file that a fill has verified; None where nobody minds what it says.

        The file itself counts, since a sidecar may lie; and no request is made that the file alone would not take.
        """
        filename, project = listing.file.filename, listing.project
        if not _says_something(filename) or not self._admission.is_strict_with(listing.file, listing.tier):
            return None

        async def judge(sha256: str, held: bytes | None) -> FileRefused | None:
            def opened() -> BinaryIO:
                return self._files.open(sha256) if held is None else BytesIO(held)

            try:
                found = await self._pool(direct_urls_in, opened, filename, project)
            except FileAbsent:  # evicted already
                return None
            return self._admission.refusal(found or (), project, listing.file, listing.tier)

        return judge

    def is_of_concern(self, listing: Listing) -> bool:
        """Whether it is a wheel that is not to be given out should it require the wrong things."""
        return is_wheel(listing.file.filename) and self._admission.is_strict_with(listing.file, listing.tier)

    async def note_sdist(self, record: FileRecord) -> None:
        """Keep the verdict on a stored sdist, by all of its names; of a wheel its sidecar tells.

        Raises FileAbsent, StoreFailed.
        """
        filename = record.listing.filename
        if not is_sdist(filename):
            return
        found = await self._pool(direct_urls_in, lambda: self._files.open(record.sha256), filename, record.project)
        if found is not None:  # else whatever a sidecar told stays
            names = (*record.identities, _of_record(record).identity)
            await self._admission.note_requirements(record.project, names, found)

    def _known(
        self, identity: FileIdentity | None, record: FileRecord | None, listing: Listing | None
    ) -> tuple[str, ...]:
        names = [] if identity is None else [identity]
        if record is not None:  # under its SHA-256 stands what was found in the file, else what a sidecar said of it
            names += [FileIdentity("sha256", record.sha256), identity_of(record.listing)]
        if listing is not None:
            names.append(listing.identity)
        return self._admission.verdict(dict.fromkeys(names))


def _says_something(filename: str) -> bool:
    return is_wheel(filename) or is_sdist(filename)


def _of_record(record: FileRecord) -> Listing:
    return Listing(project=record.project, tier=record.tier, file=record.listing)
