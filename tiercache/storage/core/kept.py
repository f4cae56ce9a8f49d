"""What a catalogue asks of dropped files and of jobs that are kept, and what changes that."""

from __future__ import annotations

from sqlalchemy import insert, select

from tiercache.storage.core.statements import without
from tiercache.storage.tables import DROPPED, KEPT_JOBS

ALL_DROPPED = select(DROPPED).order_by(DROPPED.c.path)
STORE_DROPPED, FORGET_DROPPED = insert(DROPPED), without(DROPPED, "path")

ALL_JOBS = select(KEPT_JOBS).order_by(KEPT_JOBS.c.created_at, KEPT_JOBS.c.id)
STORE_JOB, FORGET_JOB = insert(KEPT_JOBS), without(KEPT_JOBS, "id")
