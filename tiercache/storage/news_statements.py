"""The SQL of a catalogue's news: the journal, and what is reserved.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Double, Text, bindparam, cast, delete, func, insert, select, update

from tiercache.interfaces import NewChange, Reservation
from tiercache.storage.rows import names_bytes
from tiercache.storage.statements import Step, without
from tiercache.storage.tables import CHANGES, POSITION, RESERVATIONS

# -- what is asked ----------------------------------------------------------------------------------------------

POSITION_NOW = select(POSITION.c.epoch, POSITION.c.serial)
CHANGES_AFTER = (
    select(CHANGES.c.serial, CHANGES.c.project, CHANGES.c.what, CHANGES.c.at, CHANGES.c.origin)
    .where(CHANGES.c.serial > bindparam("since"))
    .order_by(CHANGES.c.serial)
    .limit(bindparam("most"))
)
ALL_RESERVATIONS = select(RESERVATIONS.c.tier, RESERVATIONS.c.epoch, RESERVATIONS.c.names).order_by(RESERVATIONS.c.tier)

# -- what is changed: each function gives the steps of one change, to be taken together -------------------------

_LAST = select(POSITION.c.serial).scalar_subquery()
_COUNT_UP = update(POSITION).values(serial=POSITION.c.serial + bindparam("more"))
_ITS_SERIAL = POSITION.c.serial - bindparam("before_the_last")
_APPEND = insert(CHANGES).from_select(
    ["serial", "project", "what", "at", "origin"],
    select(
        _ITS_SERIAL,
        bindparam("of", type_=Text),
        bindparam("about", type_=Text),
        bindparam("then", type_=Double),
        # As `str(Position)` has it.
        func.coalesce(bindparam("from", type_=Text), POSITION.c.epoch + ":" + cast(_ITS_SERIAL, Text)),
    ),
)
_APPENDED = (
    select(CHANGES.c.serial, CHANGES.c.project, CHANGES.c.what, CHANGES.c.at, CHANGES.c.origin)
    .where(CHANGES.c.serial > _LAST - bindparam("more"))
    .order_by(CHANGES.c.serial)
)
_PRUNE = delete(CHANGES).where(CHANGES.c.serial <= _LAST - bindparam("most_kept"))


def append_changes(changes: Sequence[NewChange], at: float, most_kept: int) -> list[Step]:
    """The rows that these steps tell are what the changes became."""
    if not changes:
        return []
    return [
        (_COUNT_UP, {"more": len(changes)}),
        (
            _APPEND,
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
        (_APPENDED, {"more": len(changes)}),
        (_PRUNE, {"most_kept": most_kept}),
    ]


def store_reservation(reservation: Reservation) -> list[Step]:
    steps: list[Step] = [(without(RESERVATIONS, "tier"), {"the_tier": reservation.tier})]
    if reservation.names or reservation.epoch:
        row = {"tier": reservation.tier, "epoch": reservation.epoch, "names": names_bytes(reservation.names)}
        steps.append((insert(RESERVATIONS), row))
    return steps
