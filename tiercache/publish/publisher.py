"""The publisher: the one way by which bytes become a hosted file, whoever brings them.

Whether who brings them may is the guard's affair.  Here it is made sure that the bytes are what is said of them, that
the name is this node's to publish under, and that all is durable before anybody is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from attrs import define, frozen
from twisted.logger import Logger

from tiercache.cache.hosted import Hosted
from tiercache.cache.usage import Usage
from tiercache.errors import Disagreement, FilenameTaken
from tiercache.interfaces import METADATA, PROVENANCE, ICatalogue, IFiles, Pool
from tiercache.publish.agreement import agreement
from tiercache.publish.archive import ArchiveFacts, read_archive
from tiercache.publish.arrival import Arrival
from tiercache.publish.attestations import provenance_of
from tiercache.publish.ownership import Ownership
from tiercache.publish.submission import Submission
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.names import FilenameKind

HERE_PUBLISHED: Mapping[str, str] = {"kind": "tiercache"}
"""The publisher in the provenance of what was uploaded by a user or with a token: this node says no more of them."""

log = Logger()


@frozen(kw_only=True)
class Published:
    """A file that is hosted now; `is_new` False if it was before, with the same bytes."""

    project: ProjectName
    filename: str
    sha256: str
    is_new: bool


@define(kw_only=True)
class Publisher:
    """Publishes to this node; files of at most `limit_bytes`."""

    limit_bytes: int
    _hosted: Hosted
    _ownership: Ownership
    _files: IFiles
    _catalogue: ICatalogue
    _usage: Usage
    _pool: Pool
    _now: Callable[[], float]

    async def publish(
        self,
        submission: Submission,
        arrival: Arrival,
        *,
        by: str,
        publisher: Mapping[str, str] = HERE_PUBLISHED,
    ) -> Published:
        """Publish a file as somebody submits it, from what has arrived.

        `by`: who does, for the audit trail.  `publisher`: as whom an attested file was uploaded (PEP 740).  An arrival
        is the caller's to discard.  The same bytes under the same name again change nothing.
        Raises UploadRefused, UploadTooLarge, FilenameTaken, NameElsewhere, NoTierAnswered, StoreFailed; and nothing is
        published then.
        """
        sha256 = arrival.sha256
        _verify(submission, arrival)
        known = self._known(submission)
        if known is not None and known.hashes["sha256"] != sha256:
            raise FilenameTaken(filename=submission.filename)
        await self._ownership.claim(submission.project)
        attachments: dict[str, bytes] = {}
        listing = known
        if listing is None:
            facts = await self._pool(_facts, submission, arrival)
            listing = self._listing(submission, arrival, facts)
            if (
                facts.sidecar is not None and submission.kind != FilenameKind.WHEEL
            ):  # a wheel's is read where it is kept
                attachments[METADATA] = facts.sidecar
            if submission.attestations is not None:
                attachments[PROVENANCE] = provenance_of(
                    submission.attestations, filename=submission.filename, sha256=sha256, publisher=publisher
                )
        is_new = await self._host(submission.project, listing, arrival, by, attachments)
        return Published(project=submission.project, filename=submission.filename, sha256=sha256, is_new=is_new)

    async def _host(
        self, project: ProjectName, file: File, arrival: Arrival, by: str, attachments: Mapping[str, bytes]
    ) -> bool:
        """Give the bytes their name in the store, and the file its place on its page."""
        sha256 = arrival.sha256
        self._usage.begin(sha256)  # the same bytes may be cached, and about to be evicted
        is_published = was_there = False
        try:
            await self._usage.stays(sha256)
            was_there = self._files.size(sha256) is not None
            await self._pool(arrival.commit)
            is_new = await self._hosted.add(project, file, by=by, attachments=attachments, digests=arrival.hashes)
            is_published = True
        finally:
            self._usage.end(sha256)
            if not is_published and not was_there:
                await self._let_go(sha256)
        if is_new:
            log.info("{filename} was published by {by}", filename=file.filename, by=by)
        return is_new

    async def _let_go(self, sha256: str) -> None:
        """Remove bytes from the store that came to nothing, unless somebody else has the same."""
        if self._catalogue.file(FileIdentity("sha256", sha256)) is None and self._usage.leave(sha256):
            try:
                await self._pool(self._files.remove, sha256)
            finally:
                self._usage.has_left(sha256)

    def _known(self, submission: Submission) -> File | None:
        entry = self._hosted.entry(submission.project)
        if entry is None or entry.page is None:
            return None
        return next((file for file in entry.page.files if file.filename == submission.filename), None)

    def _listing(self, submission: Submission, arrival: Arrival, facts: ArchiveFacts) -> File:
        uploaded = datetime.fromtimestamp(self._now(), UTC)
        return File(
            filename=submission.filename,
            url="",
            hashes={"sha256": arrival.sha256},
            size=arrival.size_bytes,
            requires_python=facts.requires_python,
            upload_time=uploaded.isoformat(timespec="microseconds").replace("+00:00", "Z"),  # PEP 700
        )


def _verify(submission: Submission, arrival: Arrival) -> None:
    actual = arrival.hashes
    if submission.digests and not any(algorithm in actual for algorithm in submission.digests):
        raise Disagreement(
            filename=submission.filename, reason="none of its digests can be checked here: state its sha256_digest"
        )
    for algorithm, expected in submission.digests.items():
        if algorithm in actual and actual[algorithm] != expected:
            raise Disagreement(
                filename=submission.filename,
                reason=f"it has the {algorithm} digest {actual[algorithm]}, not {expected}",
            )


def _facts(submission: Submission, arrival: Arrival) -> ArchiveFacts:
    """What the archive says, which agrees with what is said of it.  Blocking."""
    with arrival.opened() as archive:
        facts = read_archive(archive, submission.filename)
    agreement(submission, facts)
    return facts
