"""Settings that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ACCEPTANCE = Path(__file__).parent / "acceptance"

# No deadline: how long an example takes on a busy machine is no property of the code.  No database: nothing is left.
settings.register_profile("house", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("house"), max_examples=2000)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the tests are that can be longer.

    `--soak SECONDS`: how long clients go on while nodes are restarted under them; the whole soak is 60.
    `--uploads NUMBER`: how many uploads are made while their node is killed; the whole of it is 1000.
    `--every-pair`: poetry and pdm with each kind of index, as pip and uv, and not with one kind each.
    """
    parser.addoption("--soak", type=float, default=15.0, metavar="SECONDS", help="how long the soak tests last")
    parser.addoption("--uploads", type=int, default=120, metavar="NUMBER", help="how many uploads are made under kills")
    parser.addoption("--every-pair", action="store_true", help="poetry and pdm with each kind of index")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only those that start processes are wanted, whoever runs them need not load what has none of them."""
    named_so = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    if config.option.markexpr != "slow" or not named_so or ACCEPTANCE in collection_path.parents:
        return None
    return True if "slow" not in collection_path.read_text() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All acceptance tests start processes."""
    folder = f"{ACCEPTANCE}{os.sep}"
    for item in items:
        if str(item.path).startswith(folder):
            item.add_marker(pytest.mark.slow)
