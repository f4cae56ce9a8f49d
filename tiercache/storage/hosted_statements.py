"""The SQL of what is hosted: pages, the acts on them, deleted files.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Double, Text, bindparam, func, insert, select

from tiercache.interfaces import DeletedFile, NewChange
from tiercache.policy.acts import NewAct
from tiercache.simple.model import ProjectName
from tiercache.storage.news_statements import append_changes
from tiercache.storage.rows import listing_bytes, packed
from tiercache.storage.statements import Step, without
from tiercache.storage.tables import ACTS, DELETED, HOSTED

# -- what is asked ----------------------------------------------------------------------------------------------

HOSTED_PAGE = select(HOSTED.c.coding, HOSTED.c.data).where(HOSTED.c.project == bindparam("project"))
HOSTED_NAMES = select(HOSTED.c.project).order_by(HOSTED.c.project)

_SOME_ACTS = select(*ACTS.c).limit(bindparam("most"))
_AFTER = _SOME_ACTS.where(ACTS.c.number > bindparam("since")).order_by(ACTS.c.number)
_NEWEST = _SOME_ACTS.order_by(ACTS.c.number.desc())
_OF_PROJECT = ACTS.c.project == bindparam("project")
ACTS_AFTER, ACTS_OF_PROJECT_AFTER = _AFTER, _AFTER.where(_OF_PROJECT)
NEWEST_ACTS, NEWEST_ACTS_OF_PROJECT = _NEWEST, _NEWEST.where(_OF_PROJECT)

_DELETED = select(*DELETED.c)
_OF = DELETED.c.project == bindparam("project")
DELETED_FILE = _DELETED.where(_OF, DELETED.c.filename == bindparam("filename"))
DELETED_OF = _DELETED.where(_OF).order_by(DELETED.c.filename)
DELETED_UNTIL = (
    _DELETED.where(DELETED.c.is_kept, DELETED.c.at <= bindparam("until"))
    .order_by(DELETED.c.at, DELETED.c.project, DELETED.c.filename)
    .limit(bindparam("most"))
)

# -- what is changed: each function gives the steps of one change, to be taken together -------------------------

# One writer: the next number is that of no other act.
_ACT = insert(ACTS).from_select(
    ["number", "at", "what", "project", "filename", "by", "detail"],
    select(
        func.coalesce(select(func.max(ACTS.c.number)).scalar_subquery(), 0) + 1,
        bindparam("then", type_=Double),
        *(bindparam(name, type_=Text) for name in ("done", "of", "file", "who", "about")),
    ),
)


def append_acts(acts: Sequence[NewAct], at: float) -> list[Step]:
    return [
        (
            _ACT,
            {
                "then": at,
                "done": act.what,
                "of": act.project,
                "file": act.filename,
                "who": act.by,
                "about": act.detail,
            },
        )
        for act in acts
    ]


def store_hosted(
    project: ProjectName,
    body: bytes | None,
    changes: Sequence[NewChange],
    at: float,
    acts: Sequence[NewAct],
    deleted: Sequence[DeletedFile],
    restored: Sequence[str],
    most_kept: int,
) -> list[Step]:
    """As `append_changes`."""
    steps: list[Step] = [(without(HOSTED, "project"), {"the_project": project})]
    if body is not None:
        coding, data = packed(body)
        steps.append((insert(HOSTED), {"project": project, "coding": coding, "data": data}))
    for filename in restored:
        steps.append(_forget_deleted(project, filename))
    for file in deleted:
        steps += _store_deleted(file)
    return [*steps, *append_acts(acts, at), *append_changes(changes, at, most_kept)]


def store_deleted(file: DeletedFile, acts: Sequence[NewAct], at: float) -> list[Step]:
    return [*_store_deleted(file), *append_acts(acts, at)]


def _store_deleted(file: DeletedFile) -> list[Step]:
    return [
        _forget_deleted(file.project, file.listing.filename),
        (
            insert(DELETED),
            {
                "project": file.project,
                "filename": file.listing.filename,
                "sha256": file.sha256,
                "at": file.at,
                "is_kept": file.is_kept,
                "listing": listing_bytes(file.listing),
            },
        ),
    ]


def _forget_deleted(project: ProjectName, filename: str) -> Step:
    return without(DELETED, "project", "filename"), {"the_project": project, "the_filename": filename}
