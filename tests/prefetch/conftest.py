"""What the tests of prefetches share: no node of one goes on after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.prefetch.prefetching import STARTED


@pytest.fixture(autouse=True)
def _everything_is_stopped() -> Iterator[None]:
    yield
    while STARTED:
        STARTED.pop().stop()
