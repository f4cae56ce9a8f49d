"""The words that nodes speak to each other (`/api/v1/…`), shared by both ends: `web/tier` and `upstream/parent`.

Values as they stand in JSON, and the paths.  Decoding checks types; what is beyond a bound is refused where it is read.
A key or a word that a reader does not know is passed over, so that newer nodes talk to older ones: each says in
`features` what it offers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen
from msgspec import Meta

from tiercache.policy.news import Change
from tiercache.wire.prefetch import PREFETCH, Target

ROOT = "api/v1/"
"""Below a node's root; every path here is relative to it."""

NODE, RESERVED, CHANGES, PAGES, FILES = "node", "reserved", "changes", "pages", "files"

FEATURES = (CHANGES, FILES, PAGES, PREFETCH, RESERVED)
"""What this version offers to its children, and asks only of parents that say the same."""

NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"

MOST_PROJECTS = 200
"""In one `POST /pages`."""

MOST_SIDECARS = 20
"""For one project in an answer to it."""

MOST_CHANGES = 1000
"""In one answer to `GET /changes`; who is further behind asks again."""

LONGEST_WAIT_S = 60.0
"""Of `?wait=`, the long-poll."""

HEARTBEAT_S = 15.0
"""A feed that has nothing to tell sends a comment this often; one silent for three times as long is taken for dead."""

LONGEST_NAME = 200
"""Of a project, in characters."""

LONGEST_ETAG = 1024
"""In characters."""

LONGEST_SPECIFIER = 200
"""In characters; a longer one is not told."""

MOST_EXTRAS = 20
"""Of one project wanted; of more none is told."""

MOST_NEIGHBOURS = 200
"""Lines in one answer that nobody asked for."""

NOT_SENT = "not-sent"
"""The reason in the line of a project that was to follow, and for which there was no room any more."""

NormalisedName = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=LONGEST_NAME)]
"""A project's name in its normalised form (PEP 503)."""

MOST_TIERS = 100
"""Told of by one node, those of its tiers included."""

LONGEST_EVENT_BYTES = 64 * 1024
"""Of one event of a feed, and of the answer to `GET /node`."""

# The events of a feed.  Each but the heartbeat has the id `<epoch>:<serial>`, by which a reader resumes.
CHANGE_EVENT = "change"
"""Its data is a `Change`."""
RESET_EVENT = "reset"
"""What came after the reader's position is not known any more, or the epoch is another; data: the new `Position`."""
LIVE_EVENT = "live"
"""Its data is a `Live`: comes first (after a `reset` and after all missed changes), and when it is not as it was."""


@frozen(kw_only=True)
class Changes:
    """The answer to `GET /changes?epoch=&since=`: what came after `since`, oldest first, `MOST_CHANGES` at most.

    `serial` is the newest that there is.  `reset`: what came after `since` is not known; there are no changes then.
    """

    epoch: str
    serial: int
    changes: tuple[Change, ...] = ()
    reset: bool = False


@frozen(kw_only=True)
class Live:
    """The ids of the nodes whose news this feed brings at once, each with its distance: 0 for the node itself, and
    those above that it follows without a gap.  As with hops, what is further away than `MOST_HOPS` is not told.

    `reserved` is the digest of the reserved names (`Reserved.digest`), so that a reader knows when to ask for them.
    """

    live: Mapping[str, int]
    reserved: str = ""


@frozen(kw_only=True)
class Reserved:
    """The answer to `GET /reserved`: normalised names that only this node, or one above it, may answer; sorted.

    `complete` is False while this node has not heard from every parent since its store was made: names may be missing
    then, and a reader adds what stands here to what it knows.
    """

    digest: str
    complete: bool
    names: tuple[str, ...] = ()


@frozen(kw_only=True)
class TierState:
    """A tier as seen from its child.

    `state`: `up`, `down` (its breaker is open) or `unknown` (not asked yet).  `round_trip_s`: the last exchange's,
    None before any.  `live`: its change feed is followed without a gap.  `lag`: by how many serials what was heard of
    it is behind, None where nothing is known.  `id`: where the tier is a node.  `home_of`: how many stored pages are
    from it.  `tiers`: what it said of its own ones when it was asked last, `MOST_TIERS` in all and no node twice on the
    way up.
    """

    name: str
    kind: str
    state: Literal["up", "down", "unknown"]
    round_trip_s: float | None = None
    live: bool = False
    lag: int | None = None
    id: str | None = None
    home_of: int = 0
    tiers: tuple[TierState, ...] = ()


@frozen(kw_only=True)
class NodeState:
    """The answer to `GET /node`.

    `origins`: for each origin that can be reached, by name, how many hops it is away (1: asked by this node itself).
    `reserved` is the digest of the reserved names, `live` as in `Live`.
    """

    name: str
    id: str
    version: str
    features: tuple[str, ...] = ()
    epoch: str = ""
    serial: int = 0
    tiers: tuple[TierState, ...] = ()
    origins: Mapping[str, int] = field(factory=dict)
    reserved: str = ""
    live: Mapping[str, int] = field(factory=dict)


@frozen(kw_only=True)
class PageWanted:
    """One project wanted, normalised; `etag` as an earlier `PageLine` gave it.

    `specifier` (PEP 440) tells which releases of it will do, empty any; `extras` which of its extras are wanted too.
    """

    name: NormalisedName
    etag: Annotated[str, Meta(max_length=LONGEST_ETAG)] | None = None
    specifier: Annotated[str, Meta(max_length=LONGEST_SPECIFIER)] = ""
    extras: Annotated[tuple[NormalisedName, ...], Meta(max_length=MOST_EXTRAS)] = ()


@frozen(kw_only=True)
class PagesWanted:
    """The body of `POST /pages`: at most `MOST_PROJECTS`; `metadata`: of how many releases a page's sidecars may come
    along, `MOST_SIDECARS` at most.  `Cache-Control` of the request counts for every project in it.

    `environment`: what is installed for, as far as it is known; `universal`: what is resolved is for every platform
    beside.  `neighbours`: how many lines of projects that those wanted need may follow theirs; who asks takes them as
    if it had asked for them.
    """

    projects: Annotated[tuple[PageWanted, ...], Meta(min_length=1, max_length=MOST_PROJECTS)]
    metadata: Annotated[int, Meta(ge=0, le=MOST_SIDECARS)] = 0
    environment: Target | None = None
    universal: bool = False
    neighbours: Annotated[int, Meta(ge=0, le=MOST_NEIGHBOURS)] = 0


@frozen(kw_only=True)
class PageLine:
    """One line of the answer to `POST /pages`: what became of one project.  Lines come as they are ready.

    `status`:
      `page`          `page` is the project's page as the JSON of the Simple API, its URLs relative to the node's
                      `simple/<name>/`; `etag` names it.
      `not-modified`  the page of the `etag` that was sent is still the page.
      `absent`        there is no such project.
      `unavailable`   this node is well, but no tier that has the project answers; `reason` says why (`loop`: the tiers
                      ask each other), `retry_after_s` when to ask again.
      `forbidden`     who asked may not read it.
    `age_s` and `lifetime_s` are what Age and s-maxage say; `storable` is False for no-store.  `serial` is
    X-PyPI-Last-Serial.  `at`: the journal's serial when the line was made: later changes are not in it.  `home`: the id
    of the node that vouches for it, in whose journal every change of it will stand; None where nobody does.
    `reserved`: the name is reserved here, and the page that of the node which hosts the project; of a tier that has
    announced a name, no other page of that name counts.
    `cache_status`: RFC 9211.  `sidecars`: core metadata as text by its SHA-256, for the files whose `core-metadata` is
    that.  `follows`: projects that nobody asked for and that what this page's newest release needs; a line for each
    comes later in the answer.  One that does not come after all is `unavailable` as `NOT_SENT`.
    """

    name: str
    status: Literal["page", "not-modified", "absent", "unavailable", "forbidden"]
    etag: str | None = None
    age_s: float = 0.0
    lifetime_s: float | None = None
    storable: bool = True
    serial: int | None = None
    epoch: str = ""
    at: int = 0
    home: str | None = None
    reserved: bool = False
    cache_status: str | None = None
    reason: str | None = None
    retry_after_s: float | None = None
    page: Any = None  # not `msgspec.Raw`, which decodes without a default alone (msgspec 0.22); who sends may put one
    sidecars: Mapping[str, str] = field(factory=dict)
    follows: tuple[str, ...] = ()
