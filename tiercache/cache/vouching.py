"""What is known of the tiers' feeds, and what it means for the entries: kept in the store, so that a restart loses none
of it.

The rules are `policy.vouching`'s; who reads a feed, and tells it here, is `follower`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field
from twisted.logger import Logger

from tiercache.cache.knowledge import Knowledge
from tiercache.errors import StoreFailed
from tiercache.interfaces import ICatalogue, IFeed
from tiercache.policy.entry import Entry, Head
from tiercache.policy.news import Position
from tiercache.policy.vouching import NOTHING_HEARD, Reset, TierNews, as_it_counts, is_cut_off, live_below

log = Logger()

MOST_UNTIL = 1000
"""Of so many nodes behind one tier it is remembered until when they vouched; the latest are."""

KEPT_WHILE_LIVE_S = 600.0
"""How old what is stored of that may be while a feed is live: by so much a page may look older after a crash."""


@define(kw_only=True)
class Vouching:
    """What each tier's feed said.  `own_id` is this node's; `knowledge` is what that is part of."""

    _catalogue: ICatalogue
    _now: Callable[[], float]
    _own_id: str = ""
    _knowledge: Knowledge = field(factory=Knowledge)
    _news: dict[str, TierNews] = field(factory=dict, init=False)
    _feeds: dict[str, IFeed] = field(factory=dict, init=False)
    _newest: dict[str, tuple[Position, float]] = field(factory=dict, init=False)
    _stored: dict[str, tuple[TierNews, float]] = field(factory=dict, init=False)

    # -- what it means ----------------------------------------------------------------------------------------

    def news_of(self, tier: str) -> TierNews:
        """What is known of a tier's feed now."""
        news = self._news.get(tier)
        if news is None:
            news = self._news[tier] = self._loaded(tier)
        feed = self._feeds.get(tier)
        return news if feed is None else evolve(news, heard_at=feed.heard_at)

    def counted(self, entry: Entry) -> Entry:
        """An entry as it counts now."""
        head = entry.head
        if entry.page is None:
            resets = [news.reset.at for news in self._news.values() if news.reset is not None]
            is_missed = max(resets, default=-math.inf) >= head.received_at
            return evolve(entry, head=evolve(head, outdated=True)) if is_missed else entry
        for tier in head.merged or (head.tier,):
            news = self.news_of(tier)
            if news is not NOTHING_HEARD:
                head = as_it_counts(head, news, self._now())
        return entry if head is entry.head else evolve(entry, head=head)

    def is_told(self, head: Head) -> bool:
        """Whether those below have been told already that a page is not what it was, or may not be."""
        return head.outdated or any(is_cut_off(head, self.news_of(tier)) for tier in head.merged or (head.tier,))

    def live(self) -> Mapping[str, int]:
        """The nodes above whose news is heard here without a gap, each with its distance from here."""
        found: dict[str, int] = {}
        for tier in self._feeds:
            for node, hops in live_below(self._news[tier].live, self._own_id).items():
                found[node] = min(hops, found.get(node, hops))
        return found

    def lag(self, tier: str) -> int | None:
        """By how many serials what was heard of a tier is behind what is known of it."""
        position = self.news_of(tier).position
        newest, _ = self._newest.get(tier, (position, 0.0))
        if position is None or newest is None or newest.epoch != position.epoch:
            return None
        return max(0, newest.serial - position.serial)

    def behind_since(self, tier: str) -> float | None:
        """Since when a tier is known to be further than what was heard of it; None where it is not."""
        return self._newest[tier][1] if self.lag(tier) else None

    # -- what changes it --------------------------------------------------------------------------------------

    def given(self, head: Head) -> None:
        """A tier gave a page: how far its journal is shows whether its feed keeps up."""
        news = self._news.get(head.tier)
        if head.at is None or news is None or news.position is None or head.at.epoch != news.position.epoch:
            return
        newest = self._newest.get(head.tier)
        if newest is None or newest[0].epoch != head.at.epoch or newest[0].serial <= news.position.serial:
            self._newest[head.tier] = head.at, self._now()
        elif newest[0].serial < head.at.serial:
            self._newest[head.tier] = head.at, newest[1]

    def began(self, tier: str, feed: IFeed) -> None:
        """A tier's feed is being read; it vouches for nothing before it says who is live."""
        self._feeds[tier] = feed
        self._become(tier, live={})

    def read_to(self, tier: str, position: Position) -> None:
        """What stands up to there in the tier's journal has been heeded."""
        self._become(tier, position=position)

    def is_live(self, tier: str, live: Mapping[str, int]) -> None:
        """These nodes' news comes by the tier's feed without a gap from now on, and no other's."""
        self._become(tier, live=dict(live))

    def broke(self, tier: str) -> None:
        """Nothing more comes by the tier's feed."""
        self._become(tier, live={})
        self._feeds.pop(tier, None)

    def forget_position(self, tier: str) -> None:
        """The tier's journal is to be taken up from wherever it is then."""
        self._become(tier, position=None, live={})

    async def reset(self, tier: str, position: Position) -> None:
        """What was got of a tier before may be stale.  It counts at once, also where it cannot be stored.

        Raises StoreFailed.
        """
        self._become(tier, reset=Reset(at=self._now(), position=position), position=position)
        reset = self.news_of(tier).reset
        assert reset is not None  # noqa: S101  # just set
        await self._catalogue.store_setting(f"reset:{tier}", f"{reset.at!r} {reset.position}")

    def _become(self, tier: str, **changes: Any) -> None:
        """Note what is known now, and of who was live until when."""
        old = self.news_of(tier)
        new = evolve(old, **changes)
        if new.live != old.live or new.position is None or old.position is None:
            new = evolve(new, until=_until(old))
        self._news[tier] = new
        if new.live != old.live or new.reset != old.reset:
            self._knowledge.changed_for_all()

    # -- what is kept -----------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Write down what a restart is to begin from.  To be behind with it costs nothing but hearing news twice."""
        for tier in list(self._news):
            news, now = self.news_of(tier), self._now()
            stored, stored_at = self._stored.get(tier, (NOTHING_HEARD, -math.inf))
            is_old = bool(news.live) and not 0 <= now - stored_at < KEPT_WHILE_LIVE_S
            if (news.position, news.until, news.live) == (stored.position, stored.until, stored.live) and not is_old:
                continue
            self._stored[tier] = news, now
            until = [[epoch, node, at] for (epoch, node), at in _until(news).items()]
            position = None if news.position is None else str(news.position)
            try:
                await self._catalogue.store_setting(f"feed:{tier}", position)
                await self._catalogue.store_setting(f"vouched:{tier}", json.dumps(until) if until else None)
            except StoreFailed as error:
                log.warn("how far the news of {tier} was read is not stored: {error}", tier=tier, error=error)

    def _loaded(self, tier: str) -> TierNews:
        position = Position.parse(self._catalogue.setting(f"feed:{tier}") or "")
        reset = _reset(self._catalogue.setting(f"reset:{tier}"))
        until = _read_until(self._catalogue.setting(f"vouched:{tier}"))
        if position is None and reset is None and not until:
            return NOTHING_HEARD
        return TierNews(position=position, reset=reset, until=until)


def _until(news: TierNews) -> Mapping[tuple[str, str], float]:
    """Until when which node vouched, if nothing more comes of those who do now."""
    until = dict(news.until)
    if news.position is not None and news.heard_at > -math.inf:
        for node in news.live:
            place = news.position.epoch, node
            until.pop(place, None)  # to the end: the latest are kept
            until[place] = news.heard_at
    return dict(list(until.items())[-MOST_UNTIL:])


def _reset(text: str | None) -> Reset | None:
    at, _, position = (text or "").partition(" ")
    parsed = Position.parse(position)
    try:
        return None if parsed is None else Reset(at=float(at), position=parsed)
    except ValueError:
        return None


def _read_until(text: str | None) -> Mapping[tuple[str, str], float]:
    try:
        return {(str(epoch), str(node)): float(at) for epoch, node, at in json.loads(text or "[]")}
    except (ValueError, TypeError):
        return {}
