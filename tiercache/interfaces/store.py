"""What a node keeps: files by their digest, and a catalogue of all else.

Every implementation, the in-memory ones included, runs the contract suite of its interface (`tests/storage`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import BinaryIO

from attrs import frozen
from zope.interface import Attribute, Interface

from tiercache.access.tokens import IssuedToken
from tiercache.policy.acts import Act, NewAct
from tiercache.policy.entry import Head
from tiercache.policy.news import Change, Position
from tiercache.simple.model import File, FileIdentity, ProjectName

# -- the store: files -------------------------------------------------------------------------------------------


class IPartial(Interface):
    """A file being brought in: written beside, invisible until committed.  Blocking; called in the pool."""

    def write(*pieces: bytes) -> None:
        """Append all of them, or none.  Raises StoreFull when there is no room; what was there stays readable."""

    def copy(source: BinaryIO, size_bytes: int) -> int:
        """Append at most so much of what a file of this machine has from where it stands on; how much that was.

        By the shortest way that the file system knows: it may keep the bytes but once.  Raises StoreFull as `write`,
        and OSError where the source cannot be read.
        """

    def read(start: int, size_bytes: int) -> bytes:
        """At most `size_bytes` of what was appended, from `start` on.

        From any thread, while it grows and after commit, until it is discarded.
        """

    def lend() -> int | None:
        """Its descriptor, for the bytes to be sent from; None where there is none.  To be given back."""

    def take_back() -> None:
        """The descriptor is not needed any more by who it was lent to."""

    def commit(sha256: str, *, lasting: bool = True) -> None:
        """Sync, and give the file its final name; a file that is there already is kept.  Raises StoreFull.

        The caller has verified length and digest.  A name that is not `lasting` may be lost in a power cut that comes
        soon, and the file with it; what is there by that name is all of it either way.
        """

    def discard() -> None:
        """Remove it and free what it holds; also needed after commit, when the last reader has left.

        After a commit the stored file stays.
        """


class IRecords(Interface):
    """The records beside hosted files, by project and filename; "" is the project's own.

    Blocking; called in the pool.  What they say is opaque here.  Raises StoreFull, StoreUnusable.
    """

    def write(project: ProjectName, filename: str, data: bytes) -> None:
        """Write or replace a record; durable when this returns, and all or nothing of it whatever happens."""

    def read(project: ProjectName, filename: str) -> bytes | None:
        """A record."""

    def remove(project: ProjectName, filename: str) -> None:
        """Remove a record; harmless if there is none."""

    def projects() -> Iterable[ProjectName]:
        """The projects that have any record, sorted."""

    def filenames(project: ProjectName) -> Iterable[str]:
        """The files of a project that have one, sorted."""


class IFiles(Interface):
    """Content-addressed, immutable files named by their SHA-256 (lower-case hex).  Blocking; called in the pool,
    but `size` and `open` are cheap enough to be called inline."""

    records: IRecords = Attribute("""What stands beside those of them that are hosted.""")

    def size(sha256: str) -> int | None:
        """The stored length in bytes, or None if the file is not there."""

    def open(sha256: str) -> BinaryIO:
        """The file, opened for reading.  Raises FileAbsent."""

    def begin() -> IPartial:
        """A new partial.  Raises StoreFull."""

    def remove(sha256: str) -> None:
        """Remove a file; harmless if it is not there.  Readers that have it open go on."""

    def quarantine(sha256: str) -> None:
        """Put a file where it is never served from, for a person to look at; harmless if it is not there."""

    def all() -> Iterable[tuple[str, int]]:
        """Every stored file: SHA-256 and length."""


# -- the store: catalogue ---------------------------------------------------------------------------------------


@frozen(kw_only=True)
class StoredEntry:
    """An entry as the catalogue keeps it: `body` is the encoded page (opaque here), None for a known absence."""

    project: ProjectName
    head: Head
    body: bytes | None


@frozen(kw_only=True)
class FileRecord:
    """What the catalogue knows of one stored file.

    `identities` are all the names it goes by (its SHA-256 is always one).  `listing` is the file as its page last
    listed it, `tier` whose page that was, whoever then gave the bytes.  `used_at` in seconds since 1970, `pinned` by
    its project.
    """

    sha256: str
    size_bytes: int
    project: ProjectName
    tier: str
    listing: File
    identities: tuple[FileIdentity, ...]
    stored_at: float
    used_at: float
    pinned: bool = False


METADATA = "metadata"
PROVENANCE = "provenance"
DIRECT_URLS = "direct-urls"


@frozen(kw_only=True)
class Attachment:
    """Small bytes that belong to a file: `kind` is `METADATA` (its sidecar), `PROVENANCE`, or of a file whose core
    metadata has any `DIRECT_URLS` (those requirements, a list in JSON).

    `made` is True for a sidecar that this node made itself.  `data` None records that there is none to be had.
    """

    identity: FileIdentity
    project: ProjectName
    kind: str
    sha256: str
    data: bytes | None
    made: bool = False


@frozen(kw_only=True)
class NewChange:
    """What is to be appended to the journal.  `origin` "" is for a change that begins here: its own position then."""

    project: str
    what: str
    origin: str = ""


@frozen(kw_only=True)
class Reservation:
    """What a tier announced of names that only it may answer: sorted names, and the epoch of its journal then."""

    tier: str
    epoch: str
    names: tuple[ProjectName, ...]


@frozen(kw_only=True)
class DeletedFile:
    """A file that was hosted and is deleted: its name is taken for ever.

    `listing` is how its page had it.  `is_kept`: its bytes are still here, so that it may be restored.
    """

    project: ProjectName
    listing: File
    sha256: str
    at: float
    is_kept: bool = True


class ICatalogue(Interface):
    """Entries, files known, attachments, pins, settings, the journal, what is hosted, what is reserved, tokens, jobs.

    Reads are inline and cheap (a point read).  Each write returns an awaitable that fires once it is durable, in the
    order of the calls; a write raises StoreFull when there is no room, and then changed nothing.
    """

    dropped = Attribute("IDropped: the files that were taken from folders.")
    kept_jobs = Attribute("IKeptJobs: the prefetches that were asked for.")

    def entry(project: ProjectName) -> StoredEntry | None:
        """The stored entry of a project."""

    def store_entry(entry: StoredEntry) -> Awaitable[None]:
        """Store or replace an entry."""

    def freshen_entry(project: ProjectName, head: Head) -> Awaitable[None]:
        """Replace the head of an entry, and leave its body; harmless if there is none."""

    def forget_entry(project: ProjectName) -> Awaitable[None]:
        """Remove an entry; harmless if there is none."""

    def entry_names() -> Iterable[ProjectName]:
        """The projects that have an entry with a page, sorted."""

    def homes() -> Mapping[str, int]:
        """How many of these entries are from each tier; it reads every head, so not for each request."""

    def file(identity: FileIdentity) -> FileRecord | None:
        """The stored file that goes by this name."""

    def files_of(project: ProjectName) -> list[FileRecord]:
        """Every stored file of a project, by filename."""

    def file_projects() -> Iterable[ProjectName]:
        """The projects that have a stored file, sorted."""

    def all_files() -> Iterable[FileRecord]:
        """Every stored file, least recently used first."""

    def stored_bytes() -> int:
        """The sum of the sizes of the stored files."""

    def hosted_bytes() -> int:
        """What those of them take that are hosted on this node (`tier` is `HERE`)."""

    def store_file(record: FileRecord) -> Awaitable[None]:
        """Store or replace a record, a hosted file's by a hosted one's only; `pinned` is not taken from it."""

    def forget_file(sha256: str) -> Awaitable[None]:
        """Remove a record and its other names; its attachments stay.  Harmless if there is none."""

    def touch_files(used_at: Mapping[str, float]) -> Awaitable[None]:
        """Note when files (by SHA-256) were last used."""

    def attachment(identity: FileIdentity, kind: str) -> Attachment | None:
        """The attachment of a file."""

    def attachment_digests(project: ProjectName, kind: str) -> Mapping[FileIdentity, str | None]:
        """For each file of the project that has such an attachment, its SHA-256.

        None stands where it is known that there is none to be had.
        """

    def store_attachment(attachment: Attachment) -> Awaitable[None]:
        """Store or replace an attachment.  It is to be read from now on, if not for ever before this fires."""

    def forget_attachment(identity: FileIdentity, kind: str) -> Awaitable[None]:
        """Remove an attachment; harmless if there is none."""

    def note_odd_file(identity: FileIdentity, project: ProjectName) -> Awaitable[None]:
        """Remember the project of a file whose name does not tell it."""

    def odd_file_project(identity: FileIdentity) -> ProjectName | None:
        """What `note_odd_file` noted."""

    def pin(project: ProjectName, pinned: bool) -> Awaitable[None]:
        """Keep a project's files from eviction, or no longer."""

    def pins() -> list[ProjectName]:
        """The pinned projects, sorted."""

    def size_bytes() -> int:
        """About what all that is kept here takes."""

    def stamp() -> int:
        """Another number than the last time where something may have been written since, by whatever process.

        From then on nothing is told from memory that is older.
        """

    def idle_projects() -> Iterable[ProjectName]:
        """The projects with entry, attachments or odd files, but no stored file or pin; least recently used first."""

    def touch_projects(used_at: Mapping[ProjectName, float]) -> Awaitable[None]:
        """Note when projects were last used; those of which nothing is known stay unknown."""

    def forget_project(project: ProjectName) -> Awaitable[None]:
        """Remove a project's entry, attachments and odd files; its stored files, its pin, and what is hosted stay."""

    def setting(name: str) -> str | None:
        """A setting of the running node that outlives a restart (`offline`)."""

    def store_setting(name: str, value: str | None) -> Awaitable[None]:
        """Store a setting, or with None remove it."""

    def position() -> Position:
        """The journal's epoch, made by chance with the store, and the serial of its last change, 0 before any."""

    def changes(since: int, most: int) -> Sequence[Change] | None:
        """At most `most` changes after a serial, oldest first; None where some of them are not kept any more."""

    def append_changes(changes: Sequence[NewChange], at: float) -> Awaitable[Sequence[Change]]:
        """Append to the journal, and say what they became.  Only the newest are kept."""

    def hosted(project: ProjectName) -> bytes | None:
        """The encoded page (opaque here) of a project that is hosted on this node."""

    def hosted_names() -> Iterable[ProjectName]:
        """The projects that are hosted on this node, sorted."""

    def store_hosted(
        project: ProjectName,
        body: bytes | None,
        changes: Sequence[NewChange],
        at: float,
        acts: Sequence[NewAct] = (),
        deleted: Sequence[DeletedFile] = (),
        restored: Sequence[str] = (),
    ) -> Awaitable[Sequence[Change]]:
        """Store or replace a hosted page (None: the project is hosted no longer), append to the journal and to the
        acts, note what is deleted and forget it of `restored` filenames: all of it or nothing."""

    def append_acts(acts: Sequence[NewAct], at: float) -> Awaitable[None]:
        """Append to the acts, none of which is ever forgotten."""

    def acts(project: ProjectName | None, since: int | None, most: int) -> Sequence[Act]:
        """The acts on a project, or on all with None, oldest first: at most `most` after a number, or the newest."""

    def deleted(project: ProjectName, filename: str) -> DeletedFile | None:
        """The deleted file of that name."""

    def deleted_of(project: ProjectName) -> Sequence[DeletedFile]:
        """Every deleted file of a project, by filename."""

    def deleted_until(at: float, most: int) -> Sequence[DeletedFile]:
        """At most `most` deleted files whose bytes are kept, and that were deleted then or before, oldest first."""

    def store_deleted(file: DeletedFile, acts: Sequence[NewAct], at: float) -> Awaitable[None]:
        """Note or change what is known of a deleted file, and append to the acts, both or neither."""

    def reservations() -> Iterable[Reservation]:
        """What the tiers have announced."""

    def store_reservation(reservation: Reservation) -> Awaitable[None]:
        """Store or replace what a tier announced; without names and epoch, forget it."""

    def token(digest: str) -> IssuedToken | None:
        """The issued token with this digest."""

    def tokens() -> list[IssuedToken]:
        """Every issued token, oldest first."""

    def store_token(token: IssuedToken) -> Awaitable[None]:
        """Store or replace a token, by its id.  Raises StoreUnusable where another one has its digest."""

    def forget_tokens(ids: Iterable[str]) -> Awaitable[None]:
        """Remove tokens; harmless where there is none."""

    def touch_tokens(used_at: Mapping[str, float]) -> Awaitable[None]:
        """Note when tokens (by id) were last used; of one that is not there nothing is noted."""

    def close() -> Awaitable[None]:
        """Finish what was begun, and let the store go."""
