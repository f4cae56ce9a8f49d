from __future__ import annotations

from collections.abc import MutableMapping
from typing import cast

import pytest

from tiercache.stats import Stats

NAMES = [
    "requests",
    "hits",
    "revalidated",
    "forwarded",
    "refused",
    "collapsed",
    "came_along",
    "served_stale",
    "absent",
    "unavailable",
    "tier_requests",
    "tier_failures",
    "breakers_opened",
    "serial_regressions",
    "conflicts",
    "fills_begun",
    "fills_completed",
    "fills_failed",
    "digest_mismatches",
    "bytes_from_tiers",
    "bytes_to_clients",
    "sidecars_passed",
    "sidecars_made",
    "sidecars_failed",
    "direct_urls_refused",
    "direct_urls_warned",
    "guessed",
    "guesses_used",
    "evicted",
    "evicted_bytes",
    "quarantined",
]
"""What operators' dashboards know: names are added to this list, never taken from it or changed."""


def test_counters_keep_their_names_and_the_order_of_a_requests_life() -> None:
    assert list(Stats().snapshot()) == NAMES


def test_counters_begin_at_nothing() -> None:
    assert set(Stats().snapshot().values()) == {0}


@pytest.mark.parametrize("name", NAMES)
def test_each_counter_is_counted_by_itself(name: str) -> None:
    stats = Stats()
    setattr(stats, name, getattr(stats, name) + 3)
    assert {counter: count for counter, count in stats.snapshot().items() if count} == {name: 3}


def test_snapshot_stays_as_it_was_taken() -> None:
    stats = Stats()
    before = stats.snapshot()
    stats.hits += 1
    assert before["hits"] == 0
    assert stats.snapshot()["hits"] == 1
    with pytest.raises(TypeError):
        cast("MutableMapping[str, int]", before)["hits"] = 5


def test_counter_that_nobody_knows_is_refused() -> None:
    with pytest.raises(AttributeError):
        setattr(Stats(), "hist", 1)  # noqa: B010 -- a misspelling that mypy would find, made at run time
