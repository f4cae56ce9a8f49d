"""SQLite as the catalogue uses it: two connections to one file, and what their errors mean.

Readers never wait for a writer (WAL).  A transaction on the writing connection excludes other writers, in other
processes too, from its beginning on, and is on the disk when it ends.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, BigInteger, Connection, Engine, create_engine, event, literal_column, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tiercache.errors import StoreFull, StoreUnusable

_WAL_KEPT_BYTES = 64 * 1024 * 1024
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


SIZE = select(literal_column("(page_count - freelist_count) * page_size", BigInteger)).select_from(
    text("pragma_page_count, pragma_freelist_count, pragma_page_size")
)
"""What a database takes of its file; the rest of that is used again before the file grows."""


def writing_connection(path: Path, *, patience_s: float) -> Connection:
    """The connection that changes the database at `path`, made if it is not there; used by one thread at a time.

    It waits up to `patience_s` for other processes that write.  Raises StoreFull, StoreUnusable.
    """
    engine = _engine(
        path,
        patience_s,
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",  # a write that has been acknowledged outlives a power cut
        f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}",
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return _connected(engine, path)


def reading_connection(path: Path, *, patience_s: float) -> Connection:
    """A connection that sees, with each statement, all that has been committed by then.  Raises as above."""
    engine = _engine(path, patience_s, "PRAGMA query_only = ON")
    return _connected(engine, path).execution_options(isolation_level="AUTOCOMMIT")


def meaning(path: Path, error: SQLAlchemyError) -> StoreFull | StoreUnusable:
    """What a failure of the database at `path` says about the store."""
    if isinstance(error, InvalidRequestError):  # what SQLAlchemy says of a connection that is closed
        return StoreUnusable(path=str(path), reason="it has been closed")
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = error_name(error)
    if name.startswith(_NO_ROOM):
        return StoreFull(reason=f"{cause} ({path})")
    if name.startswith(_DAMAGED):
        return StoreUnusable(
            path=str(path),
            reason=f"the catalogue is damaged ({cause}); stop the node, move this file and those beside it that end in "
            "-wal and -shm away, and start again: the catalogue begins anew, what was published here is listed again, "
            "and `tiercache fsck --repair` removes the other files that it knows nothing of",
        )
    if name.startswith(_BUSY):
        return StoreUnusable(path=str(path), reason="another process has kept the catalogue locked for too long")
    return StoreUnusable(path=str(path), reason=str(cause))


def is_busy(error: Exception) -> bool:
    """Whether another process was not done in time, so that to try again at once is to wait as long again."""
    return error_name(error).startswith(_BUSY)


def error_name(error: Exception) -> str:
    """SQLite's own name for an error (`SQLITE_FULL`), or an empty string."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlite_errorname", "") if isinstance(cause, sqlite3.Error) else ""


def _engine(path: Path, patience_s: float, *pragmas: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=NullPool,
        # The threads of a pool take turns; SQLAlchemy's lock-free Connection is guarded by its users.
        connect_args={"timeout": patience_s, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where this file says, not where the driver guesses
        for pragma in pragmas:
            connection.execute(pragma)

    return engine


def _connected(engine: Engine, path: Path) -> Connection:
    try:
        return engine.connect()
    except SQLAlchemyError as error:
        raise meaning(path, error) from error
