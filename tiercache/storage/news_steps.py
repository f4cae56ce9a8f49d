"""The steps of each change of a catalogue's news: the journal, and what is reserved.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Sequence

from tiercache.interfaces import NewChange, Reservation
from tiercache.storage.rows import names_bytes
from tiercache.storage.sqlite import news
from tiercache.storage.steps import Step


def append_changes(changes: Sequence[NewChange], at: float, most_kept: int) -> list[Step]:
    """The rows that these steps tell are what the changes became."""
    if not changes:
        return []
    return [
        (news.COUNT_UP, {"more": len(changes)}),
        (
            news.APPEND,
            [
                {
                    "before_the_last": len(changes) - number,
                    "of": change.project,
                    "about": change.what,
                    "then": at,
                    "from": change.origin or None,
                }
                for number, change in enumerate(changes, 1)
            ],
        ),
        (news.APPENDED, {"more": len(changes)}),
        (news.PRUNE, {"most_kept": most_kept}),
    ]


def store_reservation(reservation: Reservation) -> list[Step]:
    steps: list[Step] = [(news.FORGET_RESERVATION, {"the_tier": reservation.tier})]
    if reservation.names or reservation.epoch:
        row = {"tier": reservation.tier, "epoch": reservation.epoch, "names": names_bytes(reservation.names)}
        steps.append((news.STORE_RESERVATION, row))
    return steps
