"""What a node tells SQLite is what the statements say that are written for SQLAlchemy."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from tiercache.storage.core.spelling import WRITTEN_FROM, spelled, spelled_schema, statements_of
from tiercache.storage.sqlite import schema
from tiercache.storage.statement import Statement


def told(names: dict[str, object]) -> dict[str, object]:
    """What each statement consists of, by its name."""
    return {
        name: (" ".join(value.text.split()), value.names, value.columns, value.flags, dict(value.values))
        for name, value in names.items()
        if isinstance(value, Statement)
    }


@pytest.mark.parametrize("module", WRITTEN_FROM, ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_is_written_down_is_what_sqlalchemy_makes_of_it_now(module: ModuleType) -> None:
    written = importlib.import_module(module.__name__.replace(".core.", ".sqlite."))
    made: dict[str, object] = {}
    exec(spelled(module), made)
    assert told(vars(written)) == told(made), "run: python -m tiercache.storage.core && ruff format"
    assert list(told(made)) == [name for name, _ in statements_of(module)] != []
    assert written.__doc__ == made["__doc__"]


def test_tables_that_are_written_down_are_what_sqlalchemy_makes_now() -> None:
    made: dict[str, object] = {}
    exec(spelled_schema(), made)
    assert made["SCHEMA"] == schema.SCHEMA != (), "run: python -m tiercache.storage.core && ruff format"
    assert schema.__doc__ == made["__doc__"]
