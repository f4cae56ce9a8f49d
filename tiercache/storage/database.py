"""SQLite as the catalogue uses it: two connections to one file, and what their errors mean.

Readers never wait for a writer (WAL).  A transaction on the writing connection excludes other writers, in other
processes too, from its beginning on, and is on the disk when it ends.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self

from attrs import frozen

from tiercache.errors import StoreFull, StoreUnusable
from tiercache.storage.statement import Statement

_WAL_KEPT_BYTES = 64 * 1024 * 1024
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


SIZE = Statement(
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    columns=("size_bytes",),
)
"""What a database takes of its file; the rest of that is used again before the file grows."""


def writing_connection(path: Path, *, patience_s: float) -> sqlite3.Connection:
    """The connection that changes the database at `path`, made if it is not there; used by one thread at a time.

    It waits up to `patience_s` for other processes that write.  Raises StoreFull, StoreUnusable.
    """
    return _connected(
        path,
        patience_s,
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",  # a write that has been acknowledged outlives a power cut
        f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}",
    )


def reading_connection(path: Path, *, patience_s: float) -> sqlite3.Connection:
    """A connection that sees, with each statement, all that has been committed by then.  Raises as above."""
    return _connected(path, patience_s, "PRAGMA query_only = ON")


@frozen(kw_only=True, eq=False)
class Stamps:
    """Whether a database was changed: on a connection of its own, so that to ask waits for nobody's long read."""

    _path: Path
    _connection: sqlite3.Connection

    @classmethod
    def open(cls, path: Path, *, patience_s: float) -> Self:
        """Those of the database at `path`.  Raises StoreUnusable."""
        return cls(path=path, connection=reading_connection(path, patience_s=patience_s))

    def newest(self) -> int:
        """Another number than before once anybody has changed something.  Raises StoreUnusable."""
        try:
            ((stamp,),) = self._connection.execute("PRAGMA data_version")
        except sqlite3.Error as error:
            raise meaning(self._path, error) from error
        return int(stamp)

    def close(self) -> None:
        """Not to be asked any more."""
        self._connection.close()


def meaning(path: Path, error: sqlite3.Error) -> StoreFull | StoreUnusable:
    """What a failure of the database at `path` says about the store."""
    name = error_name(error)
    if name.startswith(_NO_ROOM):
        return StoreFull(reason=f"{error} ({path})")
    if name.startswith(_DAMAGED):
        return StoreUnusable(
            path=str(path),
            reason=f"the catalogue is damaged ({error}); stop the node, move this file and those beside it that end in "
            "-wal and -shm away, and start again: the catalogue begins anew, what was published here is listed again, "
            "and `tiercache fsck --repair` removes the other files that it knows nothing of",
        )
    if name.startswith(_BUSY):
        return StoreUnusable(path=str(path), reason="another process has kept the catalogue locked for too long")
    if isinstance(error, sqlite3.ProgrammingError) and "closed database" in str(error):
        return StoreUnusable(path=str(path), reason="it has been closed")
    return StoreUnusable(path=str(path), reason=str(error))


def is_busy(error: Exception) -> bool:
    """Whether another process was not done in time, so that to try again at once is to wait as long again."""
    return error_name(error).startswith(_BUSY)


def error_name(error: Exception) -> str:
    """SQLite's own name for an error (`SQLITE_FULL`), or an empty string."""
    return getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""


def _connected(path: Path, patience_s: float, *pragmas: str) -> sqlite3.Connection:
    try:
        # The threads of a pool take turns: a connection is guarded by its users.  Transactions begin where these say,
        # not where the driver guesses.
        connection = sqlite3.connect(path, timeout=patience_s, check_same_thread=False, isolation_level=None)
        try:
            for pragma in pragmas:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise meaning(path, error) from error
    return connection
