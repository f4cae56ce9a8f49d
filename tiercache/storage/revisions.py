"""Which revision a catalogue's tables are at, and bringing them up to date.

SQLAlchemy and Alembic are loaded only where something has to be changed: they take as long as all the rest of a start.
A new catalogue is given at once what all the migrations would leave, which is written down (`sqlite/schema`).
"""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from tiercache.storage.prepared import Prepared

REVISION = "0006"
"""The newest script in `migrations/versions`: what a database has to be at to be used as it is."""

_ALEMBICS_TABLE = (
    "CREATE TABLE alembic_version (\n\tversion_num VARCHAR(32) NOT NULL, \n\t"
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n)"
)
"""As Alembic makes it."""


def revision_of(connection: sqlite3.Connection) -> str | None:
    """The revision that a database is at, or None for one that is empty, or no catalogue.  Raises sqlite3.Error."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def bring_up_to_date(connection: sqlite3.Connection, path: Path, *, patience_s: float) -> None:
    """Make the tables of the database at `path`, to which `connection` leads, or run the migrations that it lacks.

    All or nothing of it is done, once no other process writes.  Raises sqlite3.Error; and as
    `tiercache.storage.migrating`.
    """
    if not _made_anew(connection):
        from tiercache.storage.migrating import migrate  # here, for the reason above

        migrate(path, patience_s=patience_s)


def _made_anew(connection: sqlite3.Connection) -> bool:
    """Whether the database was empty, and has its tables now."""
    from tiercache.storage.sqlite.schema import SCHEMA  # which most starts do not need

    with Prepared(connection).transaction():
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return False
        for text in (_ALEMBICS_TABLE, *SCHEMA):
            connection.execute(text)
        connection.execute("INSERT INTO alembic_version VALUES (?)", (REVISION,))
        connection.execute("INSERT INTO totals (name, bytes) VALUES ('files', 0), ('hosted', 0)")
        # By chance, so that no journal is taken for another: a store that is wiped begins a new one.
        connection.execute("INSERT INTO position (epoch, serial) VALUES (?, 0)", (secrets.token_hex(8),))
    return True
