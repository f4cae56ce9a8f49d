"""The SQL of a catalogue: what it asks, and the steps of each change.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Delete, Executable, Select, Table, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.sql.selectable import FromClause

from tiercache.interfaces import Attachment, FileRecord, StoredEntry
from tiercache.policy.entry import Head
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
FILE_PROJECTS = select(FILES.c.project).distinct().order_by(FILES.c.project)
STORED_BYTES = select(TOTALS.c.bytes).where(TOTALS.c.name == "files")


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
PINNED = select(PINS.c.project).order_by(PINS.c.project)
SETTING = select(SETTINGS.c.value).where(SETTINGS.c.name == bindparam("name"))

# -- what is changed: each function gives the steps of one change, to be taken together -------------------------

_OLD_SIZE = (
    select(FILES.c.size_bytes).where(FILES.c.sha256 == bindparam("old_sha256")).scalar_subquery()
)  # NULL where there is no such file
_COUNT = (
    update(TOTALS)
    .where(TOTALS.c.name == "files")
    .values(bytes=TOTALS.c.bytes + bindparam("more_bytes") - func.coalesce(_OLD_SIZE, 0))
)
_FRESHEN = update(ENTRIES).where(ENTRIES.c.project == bindparam("of")).values(head=bindparam("new_head"))
_TOUCH = update(FILES).where(FILES.c.sha256 == bindparam("of")).values(used_at=bindparam("now"))


def store_entry(entry: StoredEntry) -> list[Step]:
    steps = forget_entry(entry.project)
    steps.append((insert(ENTRIES), {"project": entry.project, "head": head_bytes(entry.head)}))
    if entry.body is not None:
        coding, data = packed(entry.body)
        steps.append((insert(BODIES), {"project": entry.project, "coding": coding, "data": data}))
    return steps


def freshen_entry(project: ProjectName, head: Head) -> list[Step]:
    return [(_FRESHEN, {"of": project, "new_head": head_bytes(head)})]


def forget_entry(project: ProjectName) -> list[Step]:
    return [(_without(table, "project"), {"the_project": project}) for table in (ENTRIES, BODIES)]


def store_file(record: FileRecord) -> list[Step]:
    names = identities_of(record)
    return [
        *_forget_file(record.sha256, then_bytes=record.size_bytes),
        (
            _without(IDENTITIES, "algorithm", "value"),  # a name means the file that was stored under it last
            [{"the_algorithm": name.algorithm, "the_value": name.value} for name in names],
        ),
        (
            insert(FILES),
            {
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
            insert(IDENTITIES),
            [
                {"algorithm": name.algorithm, "value": name.value, "sha256": record.sha256, "position": position}
                for position, name in enumerate(names)
            ],
        ),
    ]


def forget_file(sha256: str) -> list[Step]:
    return _forget_file(sha256, then_bytes=0)


def touch_files(used_at: Mapping[str, float]) -> list[Step]:
    return [(_TOUCH, [{"of": sha256, "now": now} for sha256, now in used_at.items()])] if used_at else []


def store_attachment(attachment: Attachment) -> list[Step]:
    coding, data = (None, None) if attachment.data is None else packed(attachment.data)
    return [
        *forget_attachment(attachment.identity, attachment.kind),
        (
            insert(ATTACHMENTS),
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
            _without(ATTACHMENTS, "algorithm", "value", "kind"),
            {"the_algorithm": identity.algorithm, "the_value": identity.value, "the_kind": kind},
        )
    ]


def note_odd_file(identity: FileIdentity, project: ProjectName) -> list[Step]:
    return [
        (
            _without(ODD_FILES, "algorithm", "value"),
            {"the_algorithm": identity.algorithm, "the_value": identity.value},
        ),
        (insert(ODD_FILES), {"algorithm": identity.algorithm, "value": identity.value, "project": project}),
    ]


def pin(project: ProjectName, pinned: bool) -> list[Step]:
    steps: list[Step] = [(_without(PINS, "project"), {"the_project": project})]
    return [*steps, (insert(PINS), {"project": project})] if pinned else steps


def store_setting(name: str, value: str | None) -> list[Step]:
    steps: list[Step] = [(_without(SETTINGS, "name"), {"the_name": name})]
    return steps if value is None else [*steps, (insert(SETTINGS), {"name": name, "value": value})]


def _forget_file(sha256: str, *, then_bytes: int) -> list[Step]:
    return [
        (_COUNT, {"old_sha256": sha256, "more_bytes": then_bytes}),
        (_without(IDENTITIES, "sha256"), {"the_sha256": sha256}),
        (_without(FILES, "sha256"), {"the_sha256": sha256}),
    ]


@cache
def _without(table: Table, *columns: str) -> Delete:
    """Delete the rows whose `columns` are the parameters `the_<column>`."""
    return delete(table).where(*(table.c[column] == bindparam(f"the_{column}") for column in columns))
