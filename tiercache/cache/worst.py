"""Of several sources that all failed, the failure that says most: what a client is told in the end.  Pure."""

from __future__ import annotations

from tiercache.errors import FileAbsent, LoopFound, TiercacheError, TierUnreachable


def worse(one: TiercacheError, other: TiercacheError) -> TiercacheError:
    """Which of two says more of why there is no file; of equals the first.

    Wrong bytes more than an outage, that more than tiers that ask each other, and "it is not there" least of all: what
    may be had by another way, or later, is not absent.
    """
    return other if _weight(other) > _weight(one) else one


def _weight(error: TiercacheError) -> int:
    match error:
        case FileAbsent():
            return 0
        case LoopFound():
            return 1
        case TierUnreachable():
            return 2
        case _:
            return 3
