"""Runs migrations: what Alembic has to be told.  Loaded by what finds a database that is not up to date."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tiercache.errors import StoreUnusable
from tiercache.storage.database import meaning, writing_connection
from tiercache.storage.revisions import REVISION, revision_of


def migrate(path: Path, *, patience_s: float) -> None:
    """Run the migrations that the database at `path` lacks, all or none of them, once no other process writes.

    Raises StoreUnusable for a database that a newer tiercache has been at, or that is no catalogue, and for what keeps
    it from being changed, StoreFull above all.
    """
    engine = engine_at(path, patience_s=patience_s)
    try:
        with engine.connect() as connection, connection.begin():
            _upgrade(connection, path)
    except DBAPIError as error:
        raise (meaning(path, error.orig) if isinstance(error.orig, sqlite3.Error) else error) from error


def engine_at(path: Path, *, patience_s: float) -> Engine:
    """What SQLAlchemy speaks to the database at `path` through; its transactions exclude other writers."""
    connect = partial(writing_connection, path, patience_s=patience_s)
    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def config(connection: Connection) -> Config:
    """Alembic's configuration for this connection.

    For a new script: `alembic.command.revision(config(connection), "what it does", autogenerate=True, rev_id="0002")`.
    """
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def _upgrade(connection: Connection, path: Path) -> None:
    driver: Any = connection.connection.dbapi_connection
    found = revision_of(driver)
    if found is None and inspect(connection).get_table_names():
        raise StoreUnusable(path=str(path), reason="it is a database, but no catalogue of tiercache")
    ours = config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(ours).walk_revisions()}
    if found is not None and found not in known:
        raise StoreUnusable(
            path=str(path),
            reason=f"its revision is {found} and this tiercache knows none after {REVISION}; "
            "run the newer tiercache that wrote it, or give this one a store of its own",
        )
    command.upgrade(ours, REVISION)
