"""What a catalogue asks of what is hosted, pages, acts on them and deleted files; and what changes that."""

from __future__ import annotations

from sqlalchemy import Double, Text, bindparam, func, insert, select

from tiercache.storage.core.statements import without
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

# -- what is changed --------------------------------------------------------------------------------------------

# One writer: the next number is that of no other act.
APPEND_ACT = insert(ACTS).from_select(
    ["number", "at", "what", "project", "filename", "by", "detail"],
    select(
        func.coalesce(select(func.max(ACTS.c.number)).scalar_subquery(), 0) + 1,
        bindparam("then", type_=Double),
        *(bindparam(name, type_=Text) for name in ("done", "of", "file", "who", "about")),
    ),
)
STORE_HOSTED, FORGET_HOSTED = insert(HOSTED), without(HOSTED, "project")
STORE_DELETED, FORGET_DELETED = insert(DELETED), without(DELETED, "project", "filename")
