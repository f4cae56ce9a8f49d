"""The small interfaces between what acts (`cache`, later `publish` and `prefetch`) and the edges.

Each docstring says what comes back and which errors; implementations do not repeat it.  Every implementation of
`IFiles` and `ICatalogue`, the in-memory ones included, runs the contract suite of its interface (`tests/storage`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol, TypeVar

from attrs import frozen
from zope.interface import Attribute, Interface

from tiercache.policy.entry import Head, NotModified, Present, Validators
from tiercache.policy.hops import Hops
from tiercache.policy.news import Change, Position
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.wire import Live, NodeState, Reserved

T = TypeVar("T")


class Pool(Protocol):
    """Runs blocking work off the reactor thread: `await pool(function, *args)`; in tests, at once."""

    def __call__(self, function: Callable[..., T], /, *args: Any) -> Awaitable[T]: ...


# -- tiers ------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Tier:
    """What a node says about one of its upstreams: `name` as configured, `kind` one of origin, parent, sibling."""

    name: str
    kind: str


class IFileStream(Interface):
    """The body of a file as it comes from a tier."""

    size_bytes = Attribute("int | None: the whole file's length as the tier stated it (not what is left of it).")
    cache_status = Attribute("str | None: what the tier says of how it came by the file (RFC 9211).")
    start = Attribute("int: the offset of the first byte that `read` gives; 0 where the tier ignored the Range.")

    def read() -> Awaitable[bytes]:
        """The next bytes (at most 1 MiB, at least one), or b"" after the last.

        Backpressure: no more than about 1 MiB is taken from the tier ahead of the reader.
        Raises TierUnreachable when the body breaks off, falls silent past the tier's silence timeout, or ends
        before the stated length.
        """

    def close() -> None:
        """Give the body up; harmless after the end."""


@frozen(kw_only=True)
class FileRange:
    """Some bytes of a file: `data` begins at `start`; `size_bytes` is the length of the whole file."""

    data: bytes
    start: int
    size_bytes: int


class IUpstream(Interface):
    """The object that speaks to one tier.  It retries where that is safe, and keeps its own deadlines and limits.

    Where TierUnreachable may be raised, LoopFound is what it is when the tier refuses the way that a request took.
    """

    tier = Attribute("Tier")

    def behind(hops: Hops) -> IUpstream:
        """The same upstream for one request, which says what it has passed before this node."""

    def page(project: ProjectName, validators: Validators, no_cache: bool) -> Awaitable[Present | NotModified]:
        """Ask for a project page, conditionally if any validator is given; `no_cache` asks that it be revalidated.

        Raises ProjectAbsent (404, 410) or TierUnreachable (everything else that is no page).
        """

    def file(file: File, start: int) -> Awaitable[IFileStream]:
        """Begin to fetch `file.url` from byte `start` on; the stream's own `start` says what was really given.

        Raises FileAbsent (404, 410), TierUnreachable.
        """

    def file_range(file: File, start: int, size_bytes: int) -> Awaitable[FileRange]:
        """At most `size_bytes` bytes from `start` on; a negative `start` counts from the end of the file.

        Raises FileAbsent, RangesUnsupported (a 200 is not read), TierUnreachable.
        """

    def file_size(file: File) -> Awaitable[int | None]:
        """The length by HEAD, or None where the tier does not say.  Raises FileAbsent, TierUnreachable."""

    def sidecar(file: File) -> Awaitable[bytes]:
        """The core metadata at `{file.url}.metadata` (PEP 658), unverified, of bounded length.

        Raises FileAbsent, TierUnreachable.
        """

    def provenance(file: File) -> Awaitable[bytes]:
        """The bytes at `file.provenance` (PEP 740), of bounded length.  Raises FileAbsent, TierUnreachable."""

    def probe() -> Awaitable[None]:
        """One cheap exchange that tells whether the tier answers.  Raises TierUnreachable."""


class IFeed(Interface):
    """A change feed that is being followed, from a position on."""

    def read() -> Awaitable[FeedEvent]:
        """The next event, in order.

        Backpressure: no more than a few events are taken from the tier ahead of the reader.
        Raises TierUnreachable when the feed breaks off, is silent for three heartbeats, or sends what is no event.
        """

    def close() -> None:
        """Give the feed up; harmless after its end."""


@frozen(kw_only=True)
class FeedEvent:
    """One event of a feed, and the position after it: a change, a reset (`is_reset`), or what is `live` from now on."""

    position: Position
    change: Change | None = None
    live: Live | None = None
    is_reset: bool = False


class INeighbour(Interface):
    """What a tier that is a node offers beside `IUpstream`: parents and siblings.

    Every method raises NotANode (the tier is none, or not any more, or does not offer this), TierUnreachable.
    """

    def about() -> Awaitable[NodeState]:
        """What the node says of itself; also how it is found out whether the tier is a node at all."""

    def reserved() -> Awaitable[Reserved]:
        """The names that only it, or a node above it, may answer."""

    def follow(since: Position | None) -> Awaitable[IFeed]:
        """Follow its changes from a position on; without one, from now on."""

    def stored_file(sha256: str, filename: str) -> Awaitable[IFileStream]:
        """A file by its digest, if the node has it stored (`only-if-cached`).  Raises FileAbsent."""


# -- the store: files -------------------------------------------------------------------------------------------


class IPartial(Interface):
    """A file being brought in: written beside, invisible until committed.  Blocking; called in the pool."""

    def write(data: bytes) -> None:
        """Append.  Raises StoreFull when there is no room; what was appended before stays readable."""

    def read(start: int, size_bytes: int) -> bytes:
        """At most `size_bytes` of what was appended, from `start` on.

        From any thread, while it grows and after commit, until it is discarded.
        """

    def commit(sha256: str) -> None:
        """Sync, and give the file its final name; a file that is there already is kept.  Raises StoreFull.

        The caller has verified length and digest.
        """

    def discard() -> None:
        """Remove it and free what it holds; also needed after commit, when the last reader has left.

        After a commit the stored file stays.
        """


class IFiles(Interface):
    """Content-addressed, immutable files named by their SHA-256 (lower-case hex).  Blocking; called in the pool,
    but `size` and `open` are cheap enough to be called inline."""

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
    listed it, with the tier it came from.  `used_at` in seconds since 1970, `pinned` by its project.
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


@frozen(kw_only=True)
class Attachment:
    """Small bytes that belong to a file: `kind` is `metadata` (its sidecar) or `provenance`.

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


class ICatalogue(Interface):
    """Entries, files known, attachments, pins, settings, the journal, what is hosted, what is reserved.

    Reads are inline and cheap (a point read).  Each write returns an awaitable that fires once it is durable, in the
    order of the calls; a write raises StoreFull when there is no room, and then changed nothing.
    """

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

    def store_file(record: FileRecord) -> Awaitable[None]:
        """Store or replace a record (`pinned` is not taken from it)."""

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
        """Store or replace an attachment."""

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
        project: ProjectName, body: bytes | None, changes: Sequence[NewChange], at: float
    ) -> Awaitable[Sequence[Change]]:
        """Store or replace a hosted page (None: the project is hosted no longer), and append to the journal, both or
        neither."""

    def reservations() -> Iterable[Reservation]:
        """What the tiers have announced."""

    def store_reservation(reservation: Reservation) -> Awaitable[None]:
        """Store or replace what a tier announced; without names and epoch, forget it."""

    def close() -> Awaitable[None]:
        """Finish what was begun, and let the store go."""
