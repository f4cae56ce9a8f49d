"""Whether what is stored is what its names say, whether what was published here is all there, and what becomes of
that which is not.

A blocking loop over the two interfaces, for a process of its own (`tiercache fsck`), also while a node runs on the
same store.  The catalogue must write on the spot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import define, evolve, field, frozen

from tiercache.errors import FileAbsent, PageUnusable, StoreUnusable
from tiercache.interfaces import FileRecord, ICatalogue, IFiles
from tiercache.policy.selection import HERE
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.records import RecordUnusable, load_file
from tiercache.simple.stored import load_page
from tiercache.storage.settled import settled

_CHUNK_BYTES = 1024 * 1024


class Trouble(Enum):
    """What may be wrong with a stored file or a hosted page, as a person reads it."""

    CORRUPT = "is corrupt: quarantined, and forgotten"
    UNREADABLE = "cannot be read: quarantined, and forgotten"
    MISSING = "is recorded and not there: forgotten"
    WRONG_SIZE = "was recorded with another length: corrected"
    UNKNOWN = "is there and not recorded: harmless, but it counts towards no budget"
    REMOVED = "was there and not recorded: removed"
    LOST = "was published here and is lost: publish it again"
    UNGUARDED = "was published here and not recorded as such: recorded"
    UNLISTED = "was published here and is on no page: kept"
    FORGOTTEN = "was published here and the catalogue knows nothing of it: `fsck --rebuild` lists it again"
    UNREADABLE_PAGE = "cannot be read: publish its files again"


_HARMLESS = (Trouble.UNKNOWN, Trouble.REMOVED, Trouble.UNGUARDED, Trouble.UNLISTED)


@frozen(kw_only=True)
class Finding:
    """One file that is not as it should be, or with `sha256` None the hosted page of `project`.

    `record` is what was known of the file.  What is forgotten is fetched anew, but for what was published here.
    """

    sha256: str | None
    trouble: Trouble
    record: FileRecord | None = None
    project: ProjectName | None = None
    filename: str | None = None

    def __str__(self) -> str:
        if self.sha256 is None:
            return f"The page of {self.project}, which is hosted here, {self.trouble.value}"
        project, filename = self.project, self.filename
        if self.record is not None:
            project, filename = self.record.project, self.record.listing.filename
        called = f" ({filename} of {project})" if filename else ""
        return f"{self.sha256}{called} {self.trouble.value}"


@frozen(kw_only=True)
class _Hosted:
    """What the hosted pages list, by SHA-256, and the projects whose page cannot be read."""

    files: Mapping[str, tuple[ProjectName, File]]
    unreadable: frozenset[ProjectName]


@frozen(kw_only=True)
class FsckReport:
    """What a check went through, and all that it found."""

    files: int
    size_bytes: int
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether every file that can be served was what its name says, and every record has its file."""
        return all(finding.trouble in _HARMLESS for finding in self.findings)


def check(
    files: IFiles, catalogue: ICatalogue, *, report: Callable[[Finding], None], repair: bool = False
) -> FsckReport:
    """Hash every stored file and compare the records; `report` hears of each finding when it is made.

    Corrupt files are quarantined and records without their file forgotten in any case, since neither is of use to
    anyone; with `repair` files that the catalogue does not know are removed as well, unless they were published here,
    or what says so cannot be read and they may be.
    """
    return _Check(files=files, catalogue=catalogue, report=report).run(repair=repair)


@define(kw_only=True, eq=False)
class _Check:
    _files: IFiles
    _catalogue: ICatalogue
    _report: Callable[[Finding], None]
    _findings: list[Finding] = field(factory=list, init=False)

    def run(self, *, repair: bool) -> FsckReport:
        hashed, size_bytes = 0, 0
        sound: dict[str, int] = {}
        for sha256, stored_bytes in self._files.all():
            hashed, size_bytes = hashed + 1, size_bytes + stored_bytes
            trouble = self._trouble_with(sha256)
            if trouble is None:
                sound[sha256] = stored_bytes
            else:
                self._files.quarantine(sha256)
                self._found(sha256, trouble, self._record_of(sha256))
                settled(self._catalogue.forget_file(sha256))
        for record in list(self._catalogue.all_files()):
            self._compare(record, sound)
        hosted = self._hosted()
        self._check_hosted(hosted, sound)
        published, are_all_readable = self._published()
        repair = repair and not hosted.unreadable and are_all_readable
        # Last, so that a file which a running node has just brought in has had the time to be recorded.
        for sha256 in sound:
            if self._record_of(sha256) is None and self._files.size(sha256) is not None:
                if sha256 in published:
                    project, filename = published[sha256]
                    trouble = Trouble.FORGOTTEN
                    self._tell(Finding(sha256=sha256, trouble=trouble, project=project, filename=filename))
                    continue
                if repair:
                    self._files.remove(sha256)
                    settled(self._catalogue.forget_file(sha256))  # a record that cannot be read shows as none
                self._found(sha256, Trouble.REMOVED if repair else Trouble.UNKNOWN, None)
        return FsckReport(files=hashed, size_bytes=size_bytes, findings=tuple(self._findings))

    def _trouble_with(self, sha256: str) -> Trouble | None:
        digest = hashlib.sha256()
        try:
            with self._files.open(sha256) as stored:
                while chunk := stored.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except FileAbsent:  # evicted since it was listed
            return None
        except OSError:  # the disk itself
            return Trouble.UNREADABLE
        return None if digest.hexdigest() == sha256 else Trouble.CORRUPT

    def _compare(self, record: FileRecord, sound: Mapping[str, int]) -> None:
        if self._files.size(record.sha256) is None:
            if self._record_of(record.sha256) is not None:  # else a running node evicted it since
                settled(self._catalogue.forget_file(record.sha256))
                self._found(record.sha256, Trouble.MISSING, record)
        elif sound.get(record.sha256, record.size_bytes) != record.size_bytes:
            settled(self._catalogue.store_file(evolve(record, size_bytes=sound[record.sha256])))
            self._found(record.sha256, Trouble.WRONG_SIZE, record)

    def _hosted(self) -> _Hosted:
        files: dict[str, tuple[ProjectName, File]] = {}
        unreadable = set()
        for project in self._catalogue.hosted_names():
            try:
                body = self._catalogue.hosted(project)
                page = None if body is None else load_page(body)
            except (PageUnusable, StoreUnusable):
                unreadable.add(project)
                self._tell(Finding(sha256=None, trouble=Trouble.UNREADABLE_PAGE, project=project))
                continue
            for file in page.files if page is not None else ():
                if (sha256 := file.hashes.get("sha256")) is not None:
                    files[sha256] = project, file
        return _Hosted(files=files, unreadable=frozenset(unreadable))

    def _published(self) -> tuple[dict[str, tuple[ProjectName, str]], bool]:
        """The bytes that a record stands beside which says that they are hosted here, or may be restored, and by what
        name; and whether all records could be read, so that these are all."""
        found: dict[str, tuple[ProjectName, str]] = {}
        are_all_readable = True
        for project in self._files.records.projects():
            for filename in self._files.records.filenames(project):
                try:
                    record = load_file(self._files.records.read(project, filename) or b"")
                except RecordUnusable:
                    are_all_readable = False
                    continue
                if record.deleted_at is None or record.is_kept:
                    found[record.sha256] = project, filename
        return found, are_all_readable

    def _check_hosted(self, hosted: _Hosted, sound: Mapping[str, int]) -> None:
        """Nothing that a page of this node lists is missing, or may be evicted or removed."""
        for sha256, (project, file) in hosted.files.items():
            record = self._record_of(sha256)
            if self._files.size(sha256) is None:
                self._tell(Finding(sha256=sha256, trouble=Trouble.LOST, project=project, filename=file.filename))
            elif sha256 in sound and (record is None or record.tier != HERE):
                if record is None:
                    record = FileRecord(
                        sha256=sha256,
                        size_bytes=sound[sha256],
                        project=project,
                        tier=HERE,
                        listing=file,
                        identities=(),
                        stored_at=0.0,  # nobody knows any more
                        used_at=0.0,
                    )
                settled(self._catalogue.store_file(evolve(record, project=project, tier=HERE, listing=file)))
                self._found(sha256, Trouble.UNGUARDED, self._record_of(sha256))
        for record in list(self._catalogue.all_files()):
            is_listed = record.sha256 in hosted.files or record.project in hosted.unreadable
            if record.tier == HERE and not is_listed and not self._may_be_restored(record):
                self._found(record.sha256, Trouble.UNLISTED, record)

    def _may_be_restored(self, record: FileRecord) -> bool:
        deleted = self._catalogue.deleted_of(record.project)
        return any(file.sha256 == record.sha256 and file.is_kept for file in deleted)

    def _record_of(self, sha256: str) -> FileRecord | None:
        return self._catalogue.file(FileIdentity("sha256", sha256))

    def _found(self, sha256: str, trouble: Trouble, record: FileRecord | None) -> None:
        self._tell(Finding(sha256=sha256, trouble=trouble, record=record))

    def _tell(self, finding: Finding) -> None:
        self._findings.append(finding)
        self._report(finding)
