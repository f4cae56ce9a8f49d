"""Statements that the driver runs itself: what they tell, and what they refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, literal, select

from tiercache.storage import prepared
from tiercache.storage.database import writing_connection
from tiercache.storage.prepared import Prepared
from tiercache.storage.tables import METADATA, PINS, SETTINGS

SETTING = select(SETTINGS.c.value, (SETTINGS.c.name == literal("offline")).label("is_offline")).where(
    SETTINGS.c.name == bindparam("name")
)
STORE = insert(SETTINGS)


@pytest.fixture
def statements(tmp_path: Path) -> Iterator[Prepared]:
    connection = writing_connection(tmp_path / "some.sqlite", patience_s=1.0)
    METADATA.create_all(connection)
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


def test_statements_that_are_made_for_one_use_do_not_gather(statements: Prepared) -> None:
    for number in range(prepared.MOST_STATEMENTS + 10):
        statements.run(insert(PINS), {"project": f"p{number}"})
    assert len(statements._compiled) <= prepared.MOST_STATEMENTS
