"""Settings that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# No deadline: how long an example takes on a busy machine is no property of the code.  No database: nothing is left.
settings.register_profile("house", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak SECONDS`: how long clients go on while nodes are restarted under them; the whole soak is 60."""
    parser.addoption("--soak", type=float, default=15.0, metavar="SECONDS", help="how long the soak tests last")
