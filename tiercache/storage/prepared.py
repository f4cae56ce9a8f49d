"""Statements, run by the driver of SQLite.

A point read takes SQLite 10 µs; with SQLAlchemy in between it takes five times as long, and pages, sidecars and files
are made of point reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from tiercache.storage.statement import Rows, Statement


@frozen(eq=False)
class Prepared:
    """Runs statements on a connection.  What goes wrong is an error of the driver (`sqlite3.Error`)."""

    connection: sqlite3.Connection

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Rows:
        """All rows that a statement tells, read at once."""
        told = self.connection.execute(statement.text, statement.parameters(parameters)).fetchall()
        return list(map(statement.row, told))

    def run(self, statement: Statement, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Rows | None:
        """Run a statement, or with several parameters once for each; its rows, None where it tells none."""
        if not isinstance(parameters, Mapping):
            self.connection.executemany(statement.text, [statement.parameters(one) for one in parameters])
            return None
        if statement.columns:
            return self.rows(statement, parameters)
        self.connection.execute(statement.text, statement.parameters(parameters))
        return None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Have all that is run meanwhile happen, once nobody else writes, or nothing of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # SQLite has ended some that went wrong by itself
                self.connection.execute("ROLLBACK")
            raise

    def pragma(self, name: str, value: str) -> None:
        """Set one of SQLite's own settings; outside a transaction."""
        self.connection.execute(f"PRAGMA {name} = {value}")
