"""Whether a node above vouches for a stored page now, and what its news does to one.  Pure.

A page that is vouched for is fresh without asking, whatever its lifetime: every change of it would have been heard of.
Where nobody vouches any more, lifetimes apply again, from the moment on when somebody last did.  Who follows the feeds
is `cache/follower`, who keeps what is known of them `cache/vouching`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from attrs import evolve, field, frozen

from tiercache.policy.entry import Head
from tiercache.policy.hops import MOST_HOPS
from tiercache.policy.news import Position

LONGEST_SILENCE_S = 45.0
"""A feed of which nothing was heard for longer, not even three heartbeats, vouches for nothing, whatever its connection
looks like: a machine that slept finds its connections as it left them."""


@frozen(kw_only=True)
class Reset:
    """What was got of a tier before this is stale: changes of it may have been missed.

    `position`: in the tier's journal.  `at`: in seconds since 1970, for what came without a position in that journal.
    """

    at: float
    position: Position

    def covers(self, head: Head) -> bool:
        """Whether this was got before; of the tiers it is known that they are the same."""
        if head.at is not None and head.at.epoch == self.position.epoch:
            return head.at.serial < self.position.serial
        return head.received_at <= self.at


@frozen(kw_only=True)
class TierNews:
    """What is known of one tier's feed.

    `position`: how far it was read, None for nowhere yet.  `live`: the nodes whose news it brings without a gap, by id,
    with their distance from the tier; nobody's while it is broken.  `heard_at`: when anything came of it last, if only
    that it is well.  `until`: by the tier's epoch and a node's id, until when that node's news came without a gap.
    Times in seconds since 1970 by this node's clock.
    """

    position: Position | None = None
    live: Mapping[str, int] = field(factory=dict)
    heard_at: float = -math.inf
    until: Mapping[tuple[str, str], float] = field(factory=dict)
    reset: Reset | None = None

    def is_live(self, now: float) -> bool:
        """Whether it is followed without a gap now."""
        # A clock that was set, to or fro, counts as silence: the next heartbeat ends it.
        return bool(self.live) and abs(now - self.heard_at) <= LONGEST_SILENCE_S


NOTHING_HEARD = TierNews()


def is_vouched(head: Head, news: TierNews, now: float) -> bool:
    """Whether a page of this tier can do without asking now."""
    if head.at is None or news.position is None or head.outdated or is_cut_off(head, news):
        return False
    return head.home in news.live and head.at.epoch == news.position.epoch and news.is_live(now)


def is_cut_off(head: Head, news: TierNews) -> bool:
    """Whether changes of a page of this tier may have been missed; who follows this node has been told so."""
    return news.reset is not None and news.reset.covers(head)


def vouched_until(head: Head, news: TierNews) -> float | None:
    """Until when a page of this tier is known to have been what it is, if it is any longer than since it came."""
    if head.at is None or head.home is None:
        return None
    place = head.at.epoch, head.home
    is_live = news.position is not None and news.position.epoch == place[0] and head.home in news.live
    until = news.heard_at if is_live else news.until.get(place, -math.inf)
    return until if until > head.received_at else None


def as_it_counts(head: Head, news: TierNews, now: float) -> Head:
    """The head of a page of this tier, as it counts now: its age goes from when it was last vouched for.

    One that is outdated has its age too from when the news of its home last came without a gap: it is not fresh, but
    nor has it been left alone for as long as nobody had to ask for it.
    """
    counted = head
    until = vouched_until(head, news)
    if until is not None:
        counted = evolve(counted, requested_at=until, received_at=until, date=None, age_s=0.0)
    if is_vouched(head, news, now):
        return evolve(counted, vouched=True)
    return evolve(counted, outdated=True) if is_cut_off(head, news) else counted


def outdates(tier: str, position: Position, head: Head, *, is_known: bool) -> bool:
    """Whether news of a project, at this position of a tier's journal, makes the page outdated that is stored of it.

    What the tier gave after that knows of it already.  Where the page is another tier's, the news may be that this one
    has it now, or be about the same page by another way; unless it `is_known`: the same news came before, and the page
    was marked then if it had to be.
    """
    if head.merged:
        return tier in head.merged or not is_known
    if head.tier != tier:
        return not is_known
    if head.at is None or head.at.epoch != position.epoch:
        return True
    return position.serial > head.at.serial


def step(heard: Position | None, position: Position, *, is_change: bool) -> Literal["next", "known", "gap"]:
    """What an event at this position is to who has read a journal as far as `heard`.

    Every change has the serial after the one before it; other events have the serial of the last change.
    """
    if heard is None or heard.epoch != position.epoch or position.serial > heard.serial + is_change:
        return "gap"
    return "next" if position.serial == heard.serial + is_change else "known"


def live_below(live: Mapping[str, int], own_id: str) -> Mapping[str, int]:
    """The nodes whose news this node passes on, from what a tier says: one hop further away, itself aside.

    What is too far away is left out: a node that is gone would else be kept alive by two that hear of it from each
    other.
    """
    return {node: hops + 1 for node, hops in live.items() if node != own_id and 0 <= hops < MOST_HOPS}
