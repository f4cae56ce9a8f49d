"""The SQL of a catalogue: what it asks, and the steps of each change.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Delete,
    Double,
    Executable,
    Insert,
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

from tiercache.interfaces import Attachment, FileRecord, StoredEntry
from tiercache.policy.entry import Head
from tiercache.policy.selection import HERE
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.storage.identity import identities_of
from tiercache.storage.rows import head_bytes, listing_bytes, packed
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

Step = tuple[Executable, Mapping[str, Any] | Sequence[Mapping[str, Any]]]
"""A statement and its parameters, or the parameters of each of its runs."""

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
ALL_FILES, HOSTED_FILES = "files", "hosted"
"""The names of totals."""


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

# -- what is changed: each function gives the steps of one change, to be taken together -------------------------

_USED = USES.alias("used")
_OLD = FILES.alias("old")  # a name of its own, or it would be the row that a statement is at
_OLD_SIZE = select(_OLD.c.size_bytes).where(_OLD.c.sha256 == bindparam("the_sha256"))
_HOSTED_SIZE = _OLD_SIZE.where(_OLD.c.tier == HERE)
_STAYS = exists(_HOSTED_SIZE.where(bindparam("new_tier", type_=Text) != HERE))
"""Whether the record that is there is of a hosted file, and the new one of another tier."""
_COUNT, _COUNT_HOSTED = (
    update(TOTALS)
    .where(TOTALS.c.name == name, ~_STAYS)
    .values(bytes=TOTALS.c.bytes + bindparam("more_bytes") - func.coalesce(old_size.scalar_subquery(), 0))
    for name, old_size in ((ALL_FILES, _OLD_SIZE), (HOSTED_FILES, _HOSTED_SIZE))
)
_FORGET_NAMES = delete(IDENTITIES).where(IDENTITIES.c.sha256 == bindparam("the_sha256"), ~_STAYS)
_FORGET_FILE = delete(FILES).where(FILES.c.sha256 == bindparam("the_sha256"), ~_STAYS)
_TAKE_NAME = delete(IDENTITIES).where(
    IDENTITIES.c.algorithm == bindparam("the_algorithm"), IDENTITIES.c.value == bindparam("the_value"), ~_STAYS
)
_STORE_FILE, _STORE_NAME = (
    insert(table).from_select(
        [column.name for column in table.c],
        select(*(bindparam(column.name, type_=column.type) for column in table.c)).where(~_STAYS),
    )
    for table in (FILES, IDENTITIES)
)
_FRESHEN = update(ENTRIES).where(ENTRIES.c.project == bindparam("of")).values(head=bindparam("new_head"))
_NOTE = insert(USES).from_select(
    ["project", "used_at"],
    select(bindparam("project", type_=Text), bindparam("used_at", type_=Double)).where(
        ~exists(select(_USED.c.project).where(_USED.c.project == bindparam("project")))
    ),
)
_TOUCH_PROJECT = update(USES).where(USES.c.project == bindparam("of")).values(used_at=bindparam("now"))
_TOUCH = update(FILES).where(FILES.c.sha256 == bindparam("of")).values(used_at=bindparam("now"))


def store_entry(entry: StoredEntry) -> list[Step]:
    steps = [_noted(entry.project, entry.head.received_at), *forget_entry(entry.project)]
    steps.append((into(ENTRIES), {"project": entry.project, "head": head_bytes(entry.head)}))
    if entry.body is not None:
        coding, data = packed(entry.body)
        steps.append((into(BODIES), {"project": entry.project, "coding": coding, "data": data}))
    return steps


def freshen_entry(project: ProjectName, head: Head) -> list[Step]:
    return [(_FRESHEN, {"of": project, "new_head": head_bytes(head)})]


def forget_entry(project: ProjectName) -> list[Step]:
    return [(without(table, "project"), {"the_project": project}) for table in (ENTRIES, BODIES)]


def store_file(record: FileRecord) -> list[Step]:
    names = identities_of(record)
    which = {"the_sha256": record.sha256, "new_tier": record.tier}
    return [
        *_forget_file(record.sha256, then_bytes=record.size_bytes, then_tier=record.tier),
        (
            _TAKE_NAME,  # a name means the file that was stored under it last
            [{"the_algorithm": name.algorithm, "the_value": name.value, **which} for name in names],
        ),
        (
            _STORE_FILE,
            {
                **which,
                "sha256": record.sha256,
                "project": record.project,
                "filename": record.listing.filename,
                "size_bytes": record.size_bytes,
                "tier": record.tier,
                "stored_at": record.stored_at,
                "used_at": record.used_at,
                "listing": listing_bytes(record.listing),
            },
        ),
        (
            _STORE_NAME,
            [
                {"algorithm": name.algorithm, "value": name.value, "sha256": record.sha256, "position": position}
                | which
                for position, name in enumerate(names)
            ],
        ),
    ]


def forget_file(sha256: str) -> list[Step]:
    return _forget_file(sha256, then_bytes=0, then_tier=HERE)  # whatever it was


def touch_files(used_at: Mapping[str, float]) -> list[Step]:
    return [(_TOUCH, [{"of": sha256, "now": now} for sha256, now in used_at.items()])] if used_at else []


def store_attachment(attachment: Attachment) -> list[Step]:
    coding, data = (None, None) if attachment.data is None else packed(attachment.data)
    return [
        _noted(attachment.project),
        *forget_attachment(attachment.identity, attachment.kind),
        (
            into(ATTACHMENTS),
            {
                "algorithm": attachment.identity.algorithm,
                "value": attachment.identity.value,
                "kind": attachment.kind,
                "project": attachment.project,
                "sha256": attachment.sha256,
                "made": attachment.made,
                "coding": coding,
                "data": data,
            },
        ),
    ]


def forget_attachment(identity: FileIdentity, kind: str) -> list[Step]:
    return [
        (
            without(ATTACHMENTS, "algorithm", "value", "kind"),
            {"the_algorithm": identity.algorithm, "the_value": identity.value, "the_kind": kind},
        )
    ]


def note_odd_file(identity: FileIdentity, project: ProjectName) -> list[Step]:
    return [
        _noted(project),
        (
            without(ODD_FILES, "algorithm", "value"),
            {"the_algorithm": identity.algorithm, "the_value": identity.value},
        ),
        (into(ODD_FILES), {"algorithm": identity.algorithm, "value": identity.value, "project": project}),
    ]


def touch_projects(used_at: Mapping[ProjectName, float]) -> list[Step]:
    return [(_TOUCH_PROJECT, [{"of": project, "now": now} for project, now in used_at.items()])] if used_at else []


def forget_project(project: ProjectName) -> list[Step]:
    tables = (USES, ENTRIES, BODIES, ATTACHMENTS, ODD_FILES)
    return [(without(table, "project"), {"the_project": project}) for table in tables]


def pin(project: ProjectName, pinned: bool) -> list[Step]:
    steps: list[Step] = [(without(PINS, "project"), {"the_project": project})]
    return [*steps, (into(PINS), {"project": project})] if pinned else steps


def store_setting(name: str, value: str | None) -> list[Step]:
    steps: list[Step] = [(without(SETTINGS, "name"), {"the_name": name})]
    return steps if value is None else [*steps, (into(SETTINGS), {"name": name, "value": value})]


def _forget_file(sha256: str, *, then_bytes: int, then_tier: str) -> list[Step]:
    which = {"the_sha256": sha256, "new_tier": then_tier}
    return [
        (_COUNT, {**which, "more_bytes": then_bytes}),
        (_COUNT_HOSTED, {**which, "more_bytes": then_bytes if then_tier == HERE else 0}),
        (_FORGET_NAMES, which),
        (_FORGET_FILE, which),
    ]


def _noted(project: ProjectName, used_at: float = 0.0) -> Step:
    return _NOTE, {"project": project, "used_at": used_at}


@cache
def without(table: Table, *columns: str) -> Delete:
    """Delete the rows whose `columns` are the parameters `the_<column>`."""
    return delete(table).where(*(table.c[column] == bindparam(f"the_{column}") for column in columns))


@cache
def into(table: Table) -> Insert:
    """Insert a row, with every column for a parameter."""
    return insert(table)
