"""The jobs that are kept, in the tables of a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from tiercache.interfaces import IKeptJobs, KeptJob
from tiercache.storage.group_commit import GroupCommit
from tiercache.storage.rows import Unreadable, packed, unpacked
from tiercache.storage.sqlite import kept
from tiercache.storage.statement import Rows
from tiercache.storage.steps import Step

log = Logger()


@implementer(IKeptJobs)
@define(kw_only=True, eq=False)
class SqlKeptJobs:
    """`rows` executes what asks."""

    _rows: Callable[..., Rows]
    _changes: GroupCommit

    def all(self) -> list[KeptJob]:
        found = []
        for row in self._rows(kept.ALL_JOBS):
            try:
                data = unpacked(row.coding, row.data)
            except Unreadable as error:  # whoever wants it asks for it again
                log.warn("the stored job {id} is damaged: {error}", id=row.id, error=error)
            else:
                found.append(KeptJob(id=row.id, created_at=row.created_at, data=data))
        return found

    def store(self, job: KeptJob) -> Deferred[None]:
        return self._changes.submit(partial(_store, job))

    def forget(self, job: str) -> Deferred[None]:
        return self._changes.submit(partial(_forget, job))


def _store(job: KeptJob) -> list[Step]:
    coding, data = packed(job.data)
    row = {"id": job.id, "created_at": job.created_at, "coding": coding, "data": data}
    return [*_forget(job.id), (kept.STORE_JOB, row)]


def _forget(job: str) -> list[Step]:
    return [(kept.FORGET_JOB, {"the_id": job})]
