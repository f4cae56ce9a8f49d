"""What a tier's answer means for the store and for the client that waits.

A conclusion is a value; `tiercache.cache` acts on it.  What was decided before asking is in
`tiercache.policy.decide`.
"""

from __future__ import annotations

from typing import assert_never

from attrs import evolve, frozen

from tiercache.policy.decide import Forward, Revalidate
from tiercache.policy.entry import Absent, Answer, Entry, Head, NotModified, Present, Unreachable
from tiercache.policy.freshness import FreshnessRules, freshened, serves_when_stale
from tiercache.simple.model import ProjectName

PARTIAL = "partial"
SERIAL_REGRESSION = "serial-regression"
UNEXPECTED_NOT_MODIFIED = "unexpected-304"


@frozen(kw_only=True)
class Store:
    """Keep the entry, and answer from it."""

    entry: Entry


@frozen(kw_only=True)
class Serve:
    """Answer from the entry this once, and keep nothing of the answer.

    It may not be kept (no-store, RFC 9111 §5.2.2.5), or it is not the whole of what there is (`detail` says so).
    """

    entry: Entry
    detail: str | None = None


@frozen(kw_only=True)
class Freshen:
    """The page is unchanged: `entry` is the stored one with its new `head`; answer from it and keep the head."""

    entry: Entry
    head: Head


@frozen(kw_only=True)
class ServeStale:
    """Answer from the entry as it is stored; `reason` says why, for `detail` in Cache-Status."""

    entry: Entry
    reason: str


@frozen(kw_only=True)
class StoreAbsent:
    """Keep the knowledge that no tier has the project, instead of any page, and say so."""

    entry: Entry


@frozen(kw_only=True)
class Unavailable:
    """There is nothing to answer with; `retry_after_s` is what the tier asked for, or None."""

    reason: str
    retry_after_s: float | None


Conclusion = Store | Serve | Freshen | ServeStale | StoreAbsent | Unavailable


def conclude(
    decision: Revalidate | Forward, project: ProjectName, answer: Answer, rules: FreshnessRules, now: float
) -> Conclusion:
    """What follows from the chain's answer; `now` in seconds since 1970."""
    entry = decision.entry if isinstance(decision, Revalidate) else None
    match answer:
        case Present(page=page, head=head, missing=Unreachable(reason=reason)):
            # The stored page lacks nothing, if it is not what it was; what some tiers list is not what there is.
            if entry is not None and serves_when_stale(entry, rules, now):
                return ServeStale(entry=entry, reason=reason)
            return Serve(entry=Entry(project=project, head=head, page=page), detail=PARTIAL)
        case Present(page=page, head=head):
            if entry is not None and _goes_back(entry.head, head) and serves_when_stale(entry, rules, now):
                return ServeStale(entry=entry, reason=SERIAL_REGRESSION)
            new = Entry(project=project, head=head, page=page)
            return Store(entry=new) if head.storable else Serve(entry=new)
        case NotModified(head=head):
            # A 304 confirms only what was got from that very tier.  Whether it repeats the ETag is not asked: servers
            # that compress are known to answer with another one for the same page.
            if entry is None or entry.head.tier != head.tier:
                return _without_answer(entry, UNEXPECTED_NOT_MODIFIED, None, rules, now)
            confirmed = evolve(entry, head=freshened(entry.head, head))
            return Freshen(entry=confirmed, head=confirmed.head) if head.storable else Serve(entry=confirmed)
        case Absent(head=head):
            # Remembered by the owner's rule whatever the tier said about storing: no answer is kept, only its fact.
            return StoreAbsent(entry=Entry(project=project, head=head, page=None))
        case Unreachable(reason=reason, retry_after_s=retry_after_s):
            return _without_answer(entry, reason, retry_after_s, rules, now)
        case _:
            assert_never(answer)


def _goes_back(old: Head, new: Head) -> bool:
    """Whether a tier's page is older than the one that it gave before: a mirror behind it that lags."""
    return old.tier == new.tier and old.serial is not None and new.serial is not None and new.serial < old.serial


def _without_answer(
    entry: Entry | None, reason: str, retry_after_s: float | None, rules: FreshnessRules, now: float
) -> ServeStale | Unavailable:
    if entry is not None and serves_when_stale(entry, rules, now):
        return ServeStale(entry=entry, reason=reason)
    return Unavailable(reason=reason, retry_after_s=retry_after_s)
