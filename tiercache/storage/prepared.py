"""Statements of SQLAlchemy, compiled once for a connection and run by its driver.

A point read takes SQLite 10 µs; what SQLAlchemy does for each of its executions takes five times as long, and pages,
sidecars and files are made of point reads.  What is asked is written in SQLAlchemy's words all the same (`statements`).
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import Boolean, Connection, Executable, Select

Row = Any
"""A tuple whose fields go by the names of the statement's columns."""

Rows = Sequence[Row]

MOST_STATEMENTS = 500
"""More than there are in `statements`: only such as are made anew for each use come to so many."""


@frozen
class _Compiled:
    """`names` of the parameters in the order of the text; `defaults` for those that stand in the statement itself.

    `row` makes one of what the driver gives; None where nothing is told.
    """

    text: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    row: Callable[[Sequence[Any]], Row] | None

    def values(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Raises KeyError for one that is missing."""
        return tuple(parameters[name] if name in parameters else self.defaults[name] for name in self.names)


@define(eq=False)
class Prepared:
    """Runs statements on a connection.  What goes wrong is an error of the driver (`sqlite3.Error`)."""

    connection: Connection
    _compiled: dict[Executable, _Compiled] = field(factory=dict, init=False)

    def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
        """All rows that a statement tells, read at once."""
        compiled = self._of(statement)
        told = self._driver.execute(compiled.text, compiled.values(parameters)).fetchall()
        return told if compiled.row is None else list(map(compiled.row, told))

    def run(self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Rows | None:
        """Run a statement, or with several parameters once for each; its rows, None where it tells none."""
        compiled = self._of(statement)
        if not isinstance(parameters, Mapping):
            self._driver.executemany(compiled.text, [compiled.values(one) for one in parameters])
            return None
        if compiled.row is not None:
            return self.rows(statement, parameters)
        self._driver.execute(compiled.text, compiled.values(parameters))
        return None

    def pragma(self, name: str, value: str) -> None:
        """Set one of SQLite's own settings; outside a transaction."""
        self._driver.execute(f"PRAGMA {name} = {value}")

    @property
    def _driver(self) -> Any:
        return self.connection.connection.dbapi_connection

    def _of(self, statement: Executable) -> _Compiled:
        compiled = self._compiled.get(statement)
        if compiled is None:
            if len(self._compiled) >= MOST_STATEMENTS:
                self._compiled.clear()
            compiled = self._compiled[statement] = _compiled(statement, self.connection.dialect)
        return compiled


def _compiled(statement: Any, dialect: Any) -> _Compiled:
    made = statement.compile(dialect=dialect)
    return _Compiled(
        text=str(made),
        names=tuple(made.positiontup or ()),
        defaults={name: bound.effective_value for name, bound in made.binds.items() if not bound.required},
        row=_row_of(statement) if isinstance(statement, Select) else None,
    )


def _row_of(statement: Select[Any]) -> Callable[[Sequence[Any]], Row]:
    columns = list(statement.selected_columns)
    # Columns that have no name of their own are not read by one.
    row = namedtuple("Row", [column.key or "_" for column in columns], rename=True)  # type: ignore[misc]  # known at run time
    flags = [index for index, column in enumerate(columns) if isinstance(column.type, Boolean)]
    if not flags:
        return row._make

    def with_flags(told: Sequence[Any]) -> Row:
        values = list(told)
        for index in flags:  # SQLite has no truth values
            values[index] = bool(values[index])
        return row._make(values)

    return with_flags
