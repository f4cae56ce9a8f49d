"""What a node asks of its tiers: an upstream for each, and of those that are nodes more."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from attrs import frozen
from zope.interface import Attribute, Interface

from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import Hops
from tiercache.policy.news import Change, Position
from tiercache.simple.model import File, ProjectName
from tiercache.wire import Live, NodeState, Reserved
from tiercache.wire.prefetch import JobState, Wanted


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

    def read() -> Awaitable[Sequence[bytes]]:
        """All that has come by now (at most 1 MiB, at least one byte) in the pieces in which it came; none at the end.

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

    def behind(hops: Hops, hints: Hints = NO_HINTS) -> IUpstream:
        """The same upstream for one request: what it has passed before this node, and what is known of its use."""

    def page(project: ProjectName, validators: Validators, no_cache: bool) -> Awaitable[Present | NotModified]:
        """Ask for a project page, conditionally if any validator is given; `no_cache` asks that it be revalidated.

        Raises ProjectAbsent (404, 410) or TierUnreachable (everything else that is no page).
        """

    def file(file: File, start: int) -> Awaitable[IFileStream]:
        """Begin to fetch `file.url` from byte `start` on; the stream's own `start` says what was really given.

        Raises FileAbsent (404, 410), FileRefused where the tier is a node that does not give it out, TierUnreachable.
        """

    def file_range(file: File, start: int, size_bytes: int) -> Awaitable[FileRange]:
        """At most `size_bytes` bytes from `start` on; a negative `start` counts from the end of the file.

        Raises FileAbsent, RangesUnsupported (a 200 is not read), TierUnreachable.
        """

    def file_size(file: File) -> Awaitable[int | None]:
        """The length by HEAD, or None where the tier does not say.  Raises FileAbsent, FileRefused, TierUnreachable."""

    def sidecar(file: File) -> Awaitable[bytes]:
        """The core metadata at `{file.url}.metadata` (PEP 658), unverified, of bounded length.

        Raises FileAbsent, FileRefused, TierUnreachable.
        """

    def provenance(file: File) -> Awaitable[bytes]:
        """The bytes at `file.provenance` (PEP 740), of bounded length.  Raises FileAbsent, TierUnreachable."""

    def probe() -> Awaitable[None]:
        """One cheap exchange that tells whether the tier answers.  Raises TierUnreachable."""


class IFeed(Interface):
    """A change feed that is being followed, from a position on."""

    heard_at = Attribute(
        "float: when anything of it was taken last, if only a heartbeat; seconds since 1970 by this node's clock."
    )

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
        """A file by its digest, if it is stored there; not waited for longer than a second.  Raises FileAbsent."""

    def prefetch(wanted: Wanted) -> Awaitable[JobState]:
        """Have it bring files in; the job that it has taken, or had already."""
