"""What to do about a request for a project page, before any tier is asked.

A decision is a value; `tiercache.cache` acts on it.  What a tier's answer then means is in
`tiercache.policy.conclude`.
"""

from __future__ import annotations

from attrs import frozen

from tiercache.policy.entry import Ask, Entry
from tiercache.policy.freshness import FreshnessRules, current_age_s, is_fresh, time_to_live_s


@frozen(kw_only=True)
class Reuse:
    """Answer from the entry; one without a page means that the project is absent.

    `ttl_s`: what is left of its lifetime, negative for a stale one (which only a local ask is given).
    """

    entry: Entry
    ttl_s: float


@frozen(kw_only=True)
class Revalidate:
    """Ask the tiers about an entry that has a page; `reason` is `stale` or `request` (RFC 9211 §2.2).

    `patience_s`: after so long the client gets the entry as it is.  None: it waits for the answer however long
    the tiers' own deadlines let it, since it said itself that the entry would not do.
    """

    entry: Entry
    reason: str
    patience_s: float | None


@frozen(kw_only=True)
class Forward:
    """Ask the tiers, with nothing to fall back on; `reason` is `miss`, `stale` or `request` (RFC 9211 §2.2)."""

    reason: str


@frozen(kw_only=True)
class Refuse:
    """Nothing usable is stored, and the client wanted no tier to be asked."""


Decision = Reuse | Revalidate | Forward | Refuse


def decide(entry: Entry | None, ask: Ask, rules: FreshnessRules, now: float) -> Decision:
    """What to do, given what is stored and what the client allows; `now` in seconds since 1970.

    A local ask takes any page whatever its age, and no known absence: that was a tier's word.  `only-if-cached`
    takes what is fresh (RFC 9111 §5.2.1.7).
    """
    if ask.local:
        if entry is None or entry.page is None:
            return Refuse()
        return Reuse(entry=entry, ttl_s=time_to_live_s(entry, rules, now))
    if entry is None:
        return Refuse() if ask.only_if_cached else Forward(reason="miss")
    fresh = is_fresh(entry, rules, now)
    unwanted = ask.no_cache or _too_old(entry, ask, now)
    if fresh and not unwanted:
        return Reuse(entry=entry, ttl_s=time_to_live_s(entry, rules, now))
    if ask.only_if_cached:
        return Refuse()
    reason = "request" if fresh else "stale"
    if entry.page is None:
        return Forward(reason=reason)
    return Revalidate(entry=entry, reason=reason, patience_s=None if unwanted else rules.patience_s)


def _too_old(entry: Entry, ask: Ask, now: float) -> bool:
    if ask.max_age_s is None:
        return False
    # RFC 9111 §5.2.1.1 would let an age of exactly 0 pass a max-age=0, by which clients mean "ask".
    return ask.max_age_s <= 0 or current_age_s(entry.head, now) > ask.max_age_s
