"""Which revision a catalogue's tables are at, and bringing them up to date.

SQLAlchemy and Alembic are loaded only when there is something to do, since that takes as long as all the rest of a
warm start.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

REVISION = "0006"
"""The newest script in `migrations/versions`: what a database has to be at to be used as it is."""


def revision_of(connection: sqlite3.Connection) -> str | None:
    """The revision that a database is at, or None for one that is empty, or no catalogue.  Raises sqlite3.Error."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def bring_up_to_date(path: Path, *, patience_s: float) -> None:
    """Run the migrations that the database at `path` lacks, all or none of them; see `tiercache.storage.migrating`."""
    from tiercache.storage.migrating import migrate  # here, for the reason above

    migrate(path, patience_s=patience_s)
