"""The dropped files that are known, in the tables of a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tiercache.interfaces import DroppedFile, IDropped
from tiercache.policy.dropped import Stamp
from tiercache.storage.group_commit import GroupCommit
from tiercache.storage.sqlite import kept
from tiercache.storage.statement import Rows
from tiercache.storage.steps import Step


@implementer(IDropped)
@define(kw_only=True, eq=False)
class SqlDropped:
    """`rows` executes what asks."""

    _rows: Callable[..., Rows]
    _changes: GroupCommit

    def all(self) -> list[DroppedFile]:
        return [
            DroppedFile(
                path=row.path,
                stamp=Stamp(size_bytes=row.size_bytes, mtime_ns=row.mtime_ns, inode=int(row.inode)),
                project=row.project,
                filename=row.filename,
                sha256=row.sha256,
                is_ours=row.is_ours,
                is_gone=row.is_gone,
            )
            for row in self._rows(kept.ALL_DROPPED)
        ]

    def store(self, file: DroppedFile) -> Deferred[None]:
        return self._changes.submit(partial(_store, file))

    def forget(self, path: str) -> Deferred[None]:
        return self._changes.submit(partial(_forget, path))


def _store(file: DroppedFile) -> list[Step]:
    row = {
        "path": file.path,
        "size_bytes": file.stamp.size_bytes,
        "mtime_ns": file.stamp.mtime_ns,
        "inode": str(file.stamp.inode),  # some file systems have numbers that no signed integer of SQL holds
        "project": file.project,
        "filename": file.filename,
        "sha256": file.sha256,
        "is_ours": file.is_ours,
        "is_gone": file.is_gone,
    }
    return [*_forget(file.path), (kept.STORE_DROPPED, row)]


def _forget(path: str) -> list[Step]:
    return [(kept.FORGET_DROPPED, {"the_path": path})]
