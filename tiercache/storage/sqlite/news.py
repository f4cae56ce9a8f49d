"""What a catalogue asks of its news, the journal and what is reserved; and what changes that.

Made of `tiercache.storage.core.news` by `python -m tiercache.storage.core`: change that.
"""

from __future__ import annotations

from tiercache.storage.statement import Statement

POSITION_NOW = Statement(
    """
    SELECT position.epoch, position.serial FROM position
    """,
    columns=("epoch", "serial"),
)
CHANGES_AFTER = Statement(
    """
    SELECT changes.serial, changes.project, changes.what, changes.at, changes.origin FROM changes WHERE
    changes.serial > ? ORDER BY changes.serial LIMIT ? OFFSET ?
    """,
    names=("since", "most", "param_1"),
    columns=("serial", "project", "what", "at", "origin"),
    values={"param_1": 0},
)
ALL_RESERVATIONS = Statement(
    """
    SELECT reservations.tier, reservations.epoch, reservations.names FROM reservations ORDER BY reservations.tier
    """,
    columns=("tier", "epoch", "names"),
)
COUNT_UP = Statement(
    """
    UPDATE position SET serial=(position.serial + ?)
    """,
    names=("more",),
)
APPEND = Statement(
    """
    INSERT INTO changes (serial, project, what, at, origin) SELECT position.serial - ? AS anon_1, ? AS anon_2, ? AS
    anon_3, ? AS anon_4, coalesce(?, position.epoch || ? || CAST(position.serial - ? AS TEXT)) AS coalesce_1 FROM
    position
    """,
    names=("before_the_last", "of", "about", "then", "from", "epoch_1", "before_the_last"),
    values={"epoch_1": ":"},
)
APPENDED = Statement(
    """
    SELECT changes.serial, changes.project, changes.what, changes.at, changes.origin FROM changes WHERE
    changes.serial > (SELECT position.serial FROM position) - ? ORDER BY changes.serial
    """,
    names=("more",),
    columns=("serial", "project", "what", "at", "origin"),
)
PRUNE = Statement(
    """
    DELETE FROM changes WHERE changes.serial <= (SELECT position.serial FROM position) - ?
    """,
    names=("most_kept",),
)
STORE_RESERVATION = Statement(
    """
    INSERT INTO reservations (tier, epoch, names) VALUES (?, ?, ?)
    """,
    names=("tier", "epoch", "names"),
)
FORGET_RESERVATION = Statement(
    """
    DELETE FROM reservations WHERE reservations.tier = ?
    """,
    names=("the_tier",),
)
