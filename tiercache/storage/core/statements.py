"""What a catalogue asks of entries, files and what belongs to them, and what changes that."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Delete,
    Double,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.selectable import FromClause

from tiercache.policy.selection import HERE
from tiercache.storage.tables import (
    ATTACHMENTS,
    BODIES,
    ENTRIES,
    FILES,
    IDENTITIES,
    ODD_FILES,
    PINS,
    SETTINGS,
    TOTALS,
    USES,
)

# -- what is asked ----------------------------------------------------------------------------------------------

ENTRY = (
    select(ENTRIES.c.head, BODIES.c.coding, BODIES.c.data)
    .select_from(ENTRIES.outerjoin(BODIES, ENTRIES.c.project == BODIES.c.project))
    .where(ENTRIES.c.project == bindparam("project"))
)
ENTRY_NAMES = select(BODIES.c.project).order_by(BODIES.c.project)
HEADS_OF_PAGES = select(ENTRIES.c.head).join(BODIES, ENTRIES.c.project == BODIES.c.project)
FILE_PROJECTS = select(FILES.c.project).distinct().order_by(FILES.c.project)
TOTAL = select(TOTALS.c.bytes).where(TOTALS.c.name == bindparam("name"))

_NAMES = IDENTITIES.alias("names")


def _records(files: FromClause, found: FromClause) -> Select[*tuple[Any, ...]]:
    """One row for each name of each file; `found` yields rows of `files`, once each."""
    return select(
        files.c.sha256,
        files.c.size_bytes,
        files.c.project,
        files.c.tier,
        files.c.stored_at,
        files.c.used_at,
        files.c.listing,
        PINS.c.project.is_not(None).label("pinned"),
        _NAMES.c.algorithm,
        _NAMES.c.value,
    ).select_from(
        found.join(_NAMES, _NAMES.c.sha256 == files.c.sha256).outerjoin(PINS, PINS.c.project == files.c.project)
    )


FILE = (
    _records(FILES, IDENTITIES.join(FILES, FILES.c.sha256 == IDENTITIES.c.sha256))
    .where(IDENTITIES.c.algorithm == bindparam("algorithm"), IDENTITIES.c.value == bindparam("value"))
    .order_by(_NAMES.c.position)
)
FILES_OF = (
    _records(FILES, FILES)
    .where(FILES.c.project == bindparam("project"))
    .order_by(FILES.c.filename, FILES.c.sha256, _NAMES.c.position)
)

_LEAST_USED = (
    select(FILES)
    .where(tuple_(FILES.c.used_at, FILES.c.sha256) > tuple_(bindparam("used_at"), bindparam("sha256")))
    .order_by(FILES.c.used_at, FILES.c.sha256)
    .limit(bindparam("most"))
    .subquery("least_used")
)
FILES_AFTER = _records(_LEAST_USED, _LEAST_USED).order_by(
    _LEAST_USED.c.used_at, _LEAST_USED.c.sha256, _NAMES.c.position
)
"""The next `most` files in the order of their use, after the one last used at `used_at` (ties by SHA-256)."""

ATTACHMENT = select(
    ATTACHMENTS.c.project, ATTACHMENTS.c.sha256, ATTACHMENTS.c.made, ATTACHMENTS.c.coding, ATTACHMENTS.c.data
).where(
    ATTACHMENTS.c.algorithm == bindparam("algorithm"),
    ATTACHMENTS.c.value == bindparam("value"),
    ATTACHMENTS.c.kind == bindparam("kind"),
)
ATTACHMENT_DIGESTS = select(
    ATTACHMENTS.c.algorithm, ATTACHMENTS.c.value, ATTACHMENTS.c.coding, ATTACHMENTS.c.sha256
).where(ATTACHMENTS.c.project == bindparam("project"), ATTACHMENTS.c.kind == bindparam("kind"))
ODD_FILE = select(ODD_FILES.c.project).where(
    ODD_FILES.c.algorithm == bindparam("algorithm"), ODD_FILES.c.value == bindparam("value")
)
ANY_ODD_FILE = select(ODD_FILES.c.project).limit(1)
PROJECTS_AFTER = (
    select(
        USES.c.project,
        USES.c.used_at,
        exists(select(FILES.c.sha256).where(FILES.c.project == USES.c.project)).label("holds_files"),
        exists(select(PINS.c.project).where(PINS.c.project == USES.c.project)).label("pinned"),
    )
    .where(tuple_(USES.c.used_at, USES.c.project) > tuple_(bindparam("used_at"), bindparam("project")))
    .order_by(USES.c.used_at, USES.c.project)
    .limit(bindparam("most"))
)
"""The next `most` projects in the order of their use, after the one last used at `used_at` (ties by name)."""

PINNED = select(PINS.c.project).order_by(PINS.c.project)
SETTING = select(SETTINGS.c.value).where(SETTINGS.c.name == bindparam("name"))

# -- what is changed ---------------------------------------------------------------------------------------------

_USED = USES.alias("used")
_OLD = FILES.alias("old")  # a name of its own, or it would be the row that a statement is at
_OLD_SIZE = select(_OLD.c.size_bytes).where(_OLD.c.sha256 == bindparam("the_sha256"))
_HOSTED_SIZE = _OLD_SIZE.where(_OLD.c.tier == HERE)
_STAYS = exists(_HOSTED_SIZE.where(bindparam("new_tier", type_=Text) != HERE))
"""Whether the record that is there is of a hosted file, and the new one of another tier."""
COUNT, COUNT_HOSTED = (
    update(TOTALS)
    .where(TOTALS.c.name == name, ~_STAYS)
    .values(bytes=TOTALS.c.bytes + bindparam("more_bytes") - func.coalesce(old_size.scalar_subquery(), 0))
    for name, old_size in (("files", _OLD_SIZE), ("hosted", _HOSTED_SIZE))
)
FORGET_NAMES = delete(IDENTITIES).where(IDENTITIES.c.sha256 == bindparam("the_sha256"), ~_STAYS)
FORGET_FILE = delete(FILES).where(FILES.c.sha256 == bindparam("the_sha256"), ~_STAYS)
TAKE_NAME = delete(IDENTITIES).where(
    IDENTITIES.c.algorithm == bindparam("the_algorithm"), IDENTITIES.c.value == bindparam("the_value"), ~_STAYS
)
STORE_FILE, STORE_NAME = (
    insert(table).from_select(
        [column.name for column in table.c],
        select(*(bindparam(column.name, type_=column.type) for column in table.c)).where(~_STAYS),
    )
    for table in (FILES, IDENTITIES)
)
FRESHEN = update(ENTRIES).where(ENTRIES.c.project == bindparam("of")).values(head=bindparam("new_head"))
NOTE = insert(USES).from_select(
    ["project", "used_at"],
    select(bindparam("project", type_=Text), bindparam("used_at", type_=Double)).where(
        ~exists(select(_USED.c.project).where(_USED.c.project == bindparam("project")))
    ),
)
TOUCH_PROJECT = update(USES).where(USES.c.project == bindparam("of")).values(used_at=bindparam("now"))
TOUCH = update(FILES).where(FILES.c.sha256 == bindparam("of")).values(used_at=bindparam("now"))


def without(table: Table, *columns: str) -> Delete:
    """Delete the rows whose `columns` are the parameters `the_<column>`."""
    return delete(table).where(*(table.c[column] == bindparam(f"the_{column}") for column in columns))


STORE_ENTRY, FORGET_ENTRY = insert(ENTRIES), without(ENTRIES, "project")
STORE_BODY, FORGET_BODY = insert(BODIES), without(BODIES, "project")
STORE_ATTACHMENT, FORGET_ATTACHMENT = insert(ATTACHMENTS), without(ATTACHMENTS, "algorithm", "value", "kind")
FORGET_ATTACHMENTS_OF = without(ATTACHMENTS, "project")
STORE_ODD_FILE, FORGET_ODD_FILE = insert(ODD_FILES), without(ODD_FILES, "algorithm", "value")
FORGET_ODD_FILES_OF = without(ODD_FILES, "project")
STORE_PIN, FORGET_PIN = insert(PINS), without(PINS, "project")
STORE_SETTING, FORGET_SETTING = insert(SETTINGS), without(SETTINGS, "name")
FORGET_USE = without(USES, "project")
