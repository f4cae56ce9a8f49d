"""What the tests of the store share: a catalogue in SQLite; and contract suites assert as tests do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tiercache.storage.catalogue import SqlCatalogue

pytest.register_assert_rewrite(
    "tests.storage.contract_acts",
    "tests.storage.contract_files",
    "tests.storage.contract_catalogue",
    "tests.storage.contract_dropped",
    "tests.storage.contract_kept_jobs",
    "tests.storage.contract_news",
    "tests.storage.contract_records",
    "tests.storage.contract_tokens",
    "tests.storage.contract_uses",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def catalogue(path: Path) -> Iterator[SqlCatalogue]:
    opened = SqlCatalogue.open(path, writer=at_once)
    yield opened
    result_of(opened.close())
