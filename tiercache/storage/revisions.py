"""Bringing a catalogue's tables up to date.

Alembic is imported only when there is something to do, since that costs more than all the rest of a warm start.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Text, column, select, table

from tiercache.errors import StoreUnusable
from tiercache.storage.tables import REVISION

if TYPE_CHECKING:  # see above
    from alembic.config import Config

_FOUND = select(column("version_num", Text)).select_from(table("alembic_version"))


def revision_of(connection: Connection) -> str | None:
    """The revision that a database is at, or None for one that is empty, or no catalogue."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(_FOUND).scalar()


def bring_up_to_date(connection: Connection, path: Path) -> None:
    """Run the migrations that the database at `path` lacks, all or none of them.

    `connection` must exclude other writers from the beginning of its transaction on.  Raises StoreUnusable for a
    database that a newer tiercache has been at, or that is no catalogue.
    """
    from alembic import command  # here, for the reason above
    from alembic.script import ScriptDirectory

    with connection.begin():
        found = revision_of(connection)
        if found is None and connection.dialect.get_table_names(connection):
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


def config(connection: Connection) -> Config:
    """Alembic's configuration for this connection.

    For a new script: `alembic.command.revision(config(connection), "what it does", autogenerate=True, rev_id="0002")`.
    """
    from alembic.config import Config  # here, for the reason above

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
