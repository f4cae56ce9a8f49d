"""Tokens in SQLite and in memory: the contract, restarts, damage, full disks."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tests.storage.contract_tokens import TokensContract, issued
from tiercache.errors import StoreFull
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES


class TestTokensInSqlite(TokensContract):
    """The contract, for a catalogue in SQLite."""


class TestTokensInMemory(TokensContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()


def test_tokens_outlive_a_restart_and_so_does_that_one_is_gone(catalogue: SqlCatalogue, path: Path) -> None:
    result_of(catalogue.store_token(issued("a")))
    result_of(catalogue.store_token(issued("b")))
    result_of(catalogue.forget_tokens(["a"]))
    result_of(catalogue.close())
    again = SqlCatalogue.open(path, writer=at_once)
    assert again.tokens() == [issued("b")]
    result_of(again.close())


@pytest.mark.parametrize("change", ["may = 'x'", "may = '[\"everything\"]'", "projects = '{}'", "kind = 'king'"])
def test_a_damaged_token_is_worth_nothing(catalogue: SqlCatalogue, path: Path, change: str) -> None:
    result_of(catalogue.store_token(issued("a")))
    result_of(catalogue.store_token(issued("b")))
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE tokens SET {change} WHERE id = 'a'")
    database.close()
    assert catalogue.token(issued("a").digest) is None
    assert catalogue.tokens() == [issued("b")]


def test_a_full_store_takes_no_token_and_one_less_makes_room() -> None:
    full = MemoryCatalogue(room_bytes=ROW_BYTES)
    result_of(full.store_token(issued("a")))
    with pytest.raises(StoreFull):
        result_of(full.store_token(issued("b")))
    result_of(full.forget_tokens(["a"]))
    result_of(full.store_token(issued("b")))
    assert full.tokens() == [issued("b")]
