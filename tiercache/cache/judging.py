"""Judging: whether a file, or its sidecar, is given out to who asks for it by its URL.

The rule and the verdicts are `admission`'s, which also takes care of pages; here stands what has to be found out first:
who lists the file, and what it says of itself once it is stored.
"""

from __future__ import annotations

from io import BytesIO

from attrs import define, field

from tiercache.cache.admission import Admission
from tiercache.cache.core_metadata import direct_urls_in, direct_urls_of_stored, is_sdist, is_wheel
from tiercache.cache.fill import Judge, everything_is_admitted
from tiercache.cache.kept import Kept
from tiercache.cache.listings import Listing, Listings
from tiercache.cache.spool import Spooled
from tiercache.cache.wheel import metadata_in
from tiercache.errors import FileRefused, SidecarUnavailable
from tiercache.interfaces import FileRecord, IFiles, Pool
from tiercache.policy.direct_urls import direct_url_requirements
from tiercache.simple.model import STRONGEST_FIRST, FileIdentity
from tiercache.simple.names import identity_of

JUST_READ_BYTES = 1024 * 1024
"""How much metadata is kept from when a file is judged until it is stored, a moment later."""


@define(kw_only=True)
class Judging:
    """What judges the files of a node."""

    _admission: Admission
    _listings: Listings
    _files: IFiles
    _pool: Pool
    _just_read: Kept[FileIdentity, bytes] = field(
        factory=lambda: Kept(limit=JUST_READ_BYTES, weigh=lambda metadata: len(metadata)), init=False
    )

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

    def has_doubts(self, identity: FileIdentity, record: FileRecord | None) -> bool:
        """Whether something was found that a file, stored with this record or not, may be refused for."""
        return bool(self._known(identity, record, None))

    def before_the_last_byte(self, listing: Listing) -> Judge:
        """What is asked about a file that a fill has verified.

        The file itself counts, since a sidecar may lie; and no request is made that the file alone would not take.
        """
        filename, project = listing.file.filename, listing.project
        if not _says_something(filename) or not self._admission.is_strict_with(listing.file, listing.tier):
            return everything_is_admitted

        async def judge(file: Spooled) -> FileRefused | None:
            if file.is_held and is_wheel(filename):  # read sooner than a thread is woken
                found = self._read_now(listing, file)
            else:
                found = await self._pool(direct_urls_in, file, filename, project)
            if found:  # at once, so that nobody begins another fill while this one is written down
                self._admission.note_requirements(project, [listing.identity], found)
            return self._admission.refusal(found or (), project, listing.file, listing.tier)

        return judge

    def _read_now(self, listing: Listing, file: Spooled) -> tuple[str, ...] | None:
        """The requirements with URLs of a small wheel; its metadata is wanted again as soon as it is stored."""
        try:
            metadata = metadata_in(BytesIO(file.read()), listing.file.filename, listing.project)
        except SidecarUnavailable:
            return None
        if listing.identity.algorithm in STRONGEST_FIRST:
            self._just_read.put(listing.identity, metadata)
        return direct_url_requirements(metadata)

    def take_metadata(self, record: FileRecord) -> bytes | None:
        """The METADATA of a wheel that was judged just now; once, and None where it has to be read."""
        for identity in record.identities:
            metadata = self._just_read.get(identity)
            if metadata is not None:
                self._just_read.drop(identity)
                return metadata
        return None

    def is_of_concern(self, listing: Listing) -> bool:
        """Whether it is a wheel that is not to be given out should it require the wrong things."""
        return is_wheel(listing.file.filename) and self._admission.is_strict_with(listing.file, listing.tier)

    async def note_sdist(self, record: FileRecord) -> None:
        """Keep the verdict on a stored sdist, by all of its names; of a wheel its sidecar tells.

        Raises FileAbsent.
        """
        if not is_sdist(record.listing.filename):
            return
        found = await self._pool(direct_urls_of_stored, self._files, record)
        if found is not None:  # else whatever a sidecar told stays
            names = (*record.identities, _of_record(record).identity)
            self._admission.note_requirements(record.project, names, found)

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
