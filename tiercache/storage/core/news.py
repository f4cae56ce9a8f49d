"""What a catalogue asks of its news, the journal and what is reserved; and what changes that."""

from __future__ import annotations

from sqlalchemy import Double, Text, bindparam, cast, delete, func, insert, select, update

from tiercache.storage.core.statements import without
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

# -- what is changed --------------------------------------------------------------------------------------------

_LAST = select(POSITION.c.serial).scalar_subquery()
COUNT_UP = update(POSITION).values(serial=POSITION.c.serial + bindparam("more"))
_ITS_SERIAL = POSITION.c.serial - bindparam("before_the_last")
APPEND = insert(CHANGES).from_select(
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
APPENDED = (
    select(CHANGES.c.serial, CHANGES.c.project, CHANGES.c.what, CHANGES.c.at, CHANGES.c.origin)
    .where(CHANGES.c.serial > _LAST - bindparam("more"))
    .order_by(CHANGES.c.serial)
)
PRUNE = delete(CHANGES).where(CHANGES.c.serial <= _LAST - bindparam("most_kept"))
STORE_RESERVATION, FORGET_RESERVATION = insert(RESERVATIONS), without(RESERVATIONS, "tier")
