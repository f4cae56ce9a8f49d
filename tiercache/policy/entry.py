"""What the store remembers of a project page, and what a tier may say about one: the values policy works on.

Times are seconds since 1970 by this node's clock, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.policy.news import Position
from tiercache.simple.model import Page, ProjectName


@frozen(kw_only=True)
class Validators:
    """What a conditional request carries (RFC 9110 section 8.8), exactly as the tier sent it."""

    etag: str | None = None
    last_modified: str | None = None


@frozen(kw_only=True)
class Head:
    """What came with a page: when, from whom, and what it said about its own freshness (RFC 9111 section 4).

    `requested_at` and `received_at` bracket the exchange.  `date`: the tier's Date, or None.  `age_s`: its Age
    header, 0 if absent.  `lifetime_s`: the explicit freshness lifetime (s-maxage, max-age or Expires less Date;
    0 for no-cache), or None where the tier stated none.  `storable` is False for no-store.  `serial` is
    X-PyPI-Last-Serial or `_last-serial`.

    From a tier that is a node: `at` is its journal's position when it gave the page, and `home` the id of the node that
    vouches for the page, in whose journal every change of it will stand (None: nobody does).  `reserved`: the node says
    that the name is reserved there, so that this is the hosted project's page, and nothing that some index has under
    that name.  `outdated`: news has come
    that the page is not what it was.  `instead_of`: the tier that should have answered and was unreachable, whose word
    counts again once it is back.  `merged`: the tiers of whose pages the page was made, in order (none: of one alone).
    `vouched`: as it counts now, its home would have told of a change; never stored.
    """

    tier: str
    requested_at: float
    received_at: float
    date: float | None = None
    age_s: float = 0.0
    lifetime_s: float | None = None
    storable: bool = True
    validators: Validators = Validators()
    serial: int | None = None
    at: Position | None = None
    home: str | None = None
    reserved: bool = False
    outdated: bool = False
    instead_of: str | None = None
    merged: tuple[str, ...] = ()
    vouched: bool = False


@frozen(kw_only=True)
class Entry:
    """A stored page, or with `page` None the stored knowledge that no tier has the project."""

    project: ProjectName
    head: Head
    page: Page | None


@frozen(kw_only=True)
class Ask:
    """What the client allows (RFC 9111 section 5.2.1), and where its request has been before it came here.

    `max_age_s`: the oldest page it takes, None for no wish.  `only_if_cached`: never forward (504 otherwise).
    `local`: never forward, and what is not in the store does not exist (`/local/`, or the node is offline).
    `unhurried`: nobody waits for it, so what it begins gives way to what somebody waits for.
    `hints`: what is known of the use that it is for; of asks that share a forward, those of the first travel on.
    """

    no_cache: bool = False
    max_age_s: float | None = None
    only_if_cached: bool = False
    local: bool = False
    unhurried: bool = False
    hops: Hops = NONE_YET
    hints: Hints = NO_HINTS

    @property
    def is_for_the_top(self) -> bool:
        """Whether no cache on the way may answer from its store: no-cache, or max-age=0, by which clients mean that."""
        return self.no_cache or (self.max_age_s is not None and self.max_age_s <= 0)


@frozen(kw_only=True)
class Present:
    """A tier has the project, and this is its page.

    `cache_status`: what the tier says of how it came by the answer (RFC 9211), None where it says nothing.
    `sidecars`: core metadata that came along, by its SHA-256 and verified by it.  `missing`: the page is made of those
    of several tiers, and lacks that of this one, which did not answer.  `follows`: projects whose pages the tier gives
    next without being asked; who asks for one of them now waits for that.
    """

    page: Page
    head: Head
    cache_status: str | None = None
    sidecars: Mapping[str, bytes] = field(factory=dict)
    missing: Unreachable | None = None
    follows: tuple[ProjectName, ...] = ()


@frozen(kw_only=True)
class NotModified:
    """The tier that the entry came from says that its page has not changed (304); `cache_status` as in `Present`."""

    head: Head
    cache_status: str | None = None


@frozen(kw_only=True)
class Absent:
    """Every tier that may be asked says that it has no such project."""

    head: Head


@frozen(kw_only=True)
class Unreachable:
    """At least one tier that may be asked said nothing usable, and none that did has the project."""

    tier: str
    reason: str
    retry_after_s: float | None = None


Answer = Present | NotModified | Absent | Unreachable
"""What the chain makes of asking every tier that it may ask."""
