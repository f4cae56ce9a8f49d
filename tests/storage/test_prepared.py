"""Statements that the driver runs: what they tell, and what they refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiercache.storage.database import writing_connection
from tiercache.storage.prepared import Prepared
from tiercache.storage.statement import Statement

SETTING = Statement(
    "SELECT value, name = ? AS is_offline FROM settings WHERE name = ?",
    names=("the_switch", "name"),
    columns=("value", "is_offline"),
    flags=("is_offline",),
    values={"the_switch": "offline"},
)
STORE = Statement("INSERT INTO settings (name, value) VALUES (?, ?)", names=("name", "value"))


@pytest.fixture
def statements(tmp_path: Path) -> Iterator[Prepared]:
    connection = writing_connection(tmp_path / "some.sqlite", patience_s=1.0)
    connection.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    yield Prepared(connection)
    connection.close()


def test_rows_go_by_the_names_of_columns_and_truth_values_are_such(statements: Prepared) -> None:
    assert statements.run(STORE, {"name": "offline", "value": "on"}) is None
    (row,) = statements.rows(SETTING, {"name": "offline"})
    assert (row.value, row.is_offline) == ("on", True)
    assert isinstance(row.is_offline, bool)
    assert statements.run(SETTING, {"name": "other"}) == []


def test_one_statement_runs_for_each_of_several_parameters(statements: Prepared) -> None:
    statements.run(STORE, [{"name": "offline", "value": "on"}, {"name": "id", "value": "1"}])
    assert [row.value for row in statements.rows(SETTING, {"name": "id"})] == ["1"]


def test_a_parameter_that_is_missing_is_no_null(statements: Prepared) -> None:
    with pytest.raises(KeyError, match="name"):
        statements.rows(SETTING, {})
    with pytest.raises(KeyError, match="value"):
        statements.run(STORE, {"name": "offline"})


def test_what_the_driver_refuses_is_its_own_error(statements: Prepared) -> None:
    statements.run(STORE, {"name": "offline", "value": "on"})
    with pytest.raises(sqlite3.IntegrityError):
        statements.run(STORE, {"name": "offline", "value": "off"})


def test_a_transaction_happens_as_a_whole_or_not_at_all(statements: Prepared) -> None:
    twice = [{"name": "offline", "value": "on"}, {"name": "offline", "value": "off"}]
    with pytest.raises(sqlite3.IntegrityError), statements.transaction():
        statements.run(STORE, twice)
    assert statements.rows(SETTING, {"name": "offline"}) == []
    with statements.transaction():
        statements.run(STORE, {"name": "offline", "value": "on"})
    assert [row.value for row in statements.rows(SETTING, {"name": "offline"})] == ["on"]


def test_a_transaction_that_sqlite_has_ended_itself_is_told_by_what_ended_it(statements: Prepared) -> None:
    statements.run(STORE, {"name": "offline", "value": "on"})
    instead = Statement("INSERT OR ROLLBACK INTO settings (name, value) VALUES ('offline', 'off')")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"), statements.transaction():
        statements.run(instead, {})
    assert not statements.connection.in_transaction
