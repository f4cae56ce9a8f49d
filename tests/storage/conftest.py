"""Contract suites assert as tests do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.storage.contract_acts",
    "tests.storage.contract_files",
    "tests.storage.contract_catalogue",
    "tests.storage.contract_news",
    "tests.storage.contract_records",
    "tests.storage.contract_uses",
)
