"""What a node counts, in the order of a request's life.

Plain numbers since the start, in the words of Cache-Status; who shows them, and in which format, is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import asdict, define


@define(kw_only=True)
class Stats:
    """The counters of one node.  Their names are what operators' dashboards know: they are added to, not renamed.

    A request for a page, file or sidecar counts under `requests`, then under one of `hits`, `revalidated`,
    `forwarded` or `refused` (only-if-cached, or `/local/`), and beside these under `collapsed` if it shared another's
    forward.  `came_along` are pages that a tier gave unasked beside others, and that were taken.  How it ended without
    a current answer: `served_stale`, `absent`, `unavailable`.  `direct_urls_refused` are requests for public files that
    are not given out, `direct_urls_warned` files that are shown all the same.  `guessed` are requests to tiers before
    any client asked, `guesses_used` those of them that a client then asked for;
    beside these, a guess counts as a client's request does.
    """

    requests: int = 0
    hits: int = 0
    revalidated: int = 0
    forwarded: int = 0
    refused: int = 0
    collapsed: int = 0
    came_along: int = 0
    served_stale: int = 0
    absent: int = 0
    unavailable: int = 0

    tier_requests: int = 0
    tier_failures: int = 0
    breakers_opened: int = 0
    serial_regressions: int = 0
    conflicts: int = 0

    fills_begun: int = 0
    fills_completed: int = 0
    fills_failed: int = 0
    digest_mismatches: int = 0
    bytes_from_tiers: int = 0
    bytes_to_clients: int = 0

    sidecars_passed: int = 0
    sidecars_made: int = 0
    sidecars_failed: int = 0
    direct_urls_refused: int = 0
    direct_urls_warned: int = 0

    guessed: int = 0
    guesses_used: int = 0

    evicted: int = 0
    evicted_bytes: int = 0
    quarantined: int = 0

    def snapshot(self) -> Mapping[str, int]:
        """Every counter by its name, in order, as it is now; not changed by what is counted later."""
        return MappingProxyType(asdict(self))
