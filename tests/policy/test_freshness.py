from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.given import NOON, absence, entry, head
from tiercache.policy.entry import Head, Validators
from tiercache.policy.freshness import (
    LONGEST_DELTA_S,
    FreshnessRules,
    current_age_s,
    freshened,
    head_from_response,
    is_fresh,
    lifetime_s,
    serves_when_stale,
    stated_age,
    time_to_live_s,
)

RULES = FreshnessRules()
MOMENTS = st.floats(min_value=-1e6, max_value=1e6)
SPANS = st.floats(min_value=0, max_value=1e6)
ROUNDING_S = 1e-4
"""What arithmetic on times of today loses in a float."""


# -- how old ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "now", "age"),
    [
        ({}, NOON, 0),
        ({}, NOON + 60, 60),
        ({"age_s": 100.0}, NOON + 60, 160),
        ({"date": NOON - 30}, NOON + 60, 90),
        ({"date": NOON - 30, "age_s": 100.0}, NOON + 60, 160),  # the greater of the two, not their sum
        ({"date": NOON - 300, "age_s": 100.0}, NOON + 60, 360),
        ({"date": NOON + 30}, NOON + 60, 60),  # the tier's clock is ahead
        ({"requested_at": NOON - 5}, NOON, 5),
        ({"requested_at": NOON - 5, "age_s": 100.0}, NOON + 60, 165),
        ({"requested_at": NOON - 5, "date": NOON - 300}, NOON, 300),  # the delay is in the apparent age already
        ({"requested_at": NOON + 5}, NOON, 0),  # the clock was set back during the exchange
        ({}, NOON - 60, 0),  # and after it
        ({"age_s": 100.0}, NOON - 60, 100),
    ],
)
def test_age_is_calculated_as_rfc_9111_has_it(change: dict[str, Any], now: float, age: float) -> None:
    assert current_age_s(evolve(head(), **change), now) == age


@given(requested=MOMENTS, received=MOMENTS, date=st.none() | MOMENTS, age=SPANS, now=MOMENTS)
def test_age_is_never_negative_and_never_less_than_the_tiers(
    requested: float, received: float, date: float | None, age: float, now: float
) -> None:
    known = Head(tier="office", requested_at=requested, received_at=received, date=date, age_s=age)
    assert current_age_s(known, now) >= age


@given(received=MOMENTS, lifetime=SPANS, earlier=SPANS, later=SPANS)
def test_once_stale_an_entry_stays_stale(received: float, lifetime: float, earlier: float, later: float) -> None:
    known = entry(at=received, lifetime_s=lifetime)
    sooner, after = received + min(earlier, later), received + max(earlier, later)
    assert current_age_s(known.head, sooner) <= current_age_s(known.head, after)
    assert is_fresh(known, RULES, sooner) or not is_fresh(known, RULES, after)


@pytest.mark.parametrize(
    ("age", "text"), [(-1.0, 0), (0.0, 0), (0.001, 1), (1.0, 1), (59.2, 60), (1e12, LONGEST_DELTA_S)]
)
def test_stated_age_is_rounded_up(age: float, text: int) -> None:
    assert stated_age(age) == text


@given(
    hops=st.lists(st.tuples(SPANS, st.floats(0, 30), st.floats(0, 30)), min_size=1, max_size=6),
    passed_on=st.booleans(),
    later=SPANS,
)
def test_chain_of_nodes_never_makes_a_page_younger_than_it_is(
    hops: list[tuple[float, float, float]], passed_on: bool, later: float
) -> None:
    """However many hops a page takes, and however long it rests at each, it is fresh for one lifetime in all."""
    headers = {"cache-control": "max-age=600"}
    if passed_on:
        headers["date"] = "Tue, 14 Nov 2023 22:13:20 GMT"  # NOON: when the origin made the page
    known = head()
    for rest, going, coming in hops:
        asked = known.received_at + rest  # so long it lies at the hop before, until the next one asks
        answered = asked + going
        headers["age"] = str(stated_age(current_age_s(known, answered)))
        known = head_from_response(tier="above", headers=headers, requested_at=asked, received_at=answered + coming)
    now = known.received_at + later
    assert current_age_s(known, now) >= now - NOON - ROUNDING_S
    if now - NOON >= 600 + ROUNDING_S:
        assert not is_fresh(evolve(entry(), head=known), RULES, now)


# -- how long ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "lifetime"), [(None, 600), (0, 0), (30, 30), (600, 600), (601, 600), (float(LONGEST_DELTA_S), 600)]
)
def test_configured_lifetime_is_a_ceiling_and_the_default(stated: float | None, lifetime: float) -> None:
    assert lifetime_s(entry(lifetime_s=stated), RULES) == lifetime


def test_absence_lives_by_its_own_rule() -> None:
    assert lifetime_s(absence(), FreshnessRules(page_s=600, absent_s=45)) == 45
    assert lifetime_s(evolve(absence(), head=head(lifetime_s=5000)), RULES) == 60


@pytest.mark.parametrize(("passed", "fresh"), [(0, True), (599.999, True), (600, False), (601, False)])
def test_page_is_fresh_until_its_lifetime_is_over(passed: float, fresh: bool) -> None:
    assert is_fresh(entry(), RULES, NOON + passed) is fresh
    assert time_to_live_s(entry(), RULES, NOON + passed) == pytest.approx(600 - passed, abs=ROUNDING_S)


@pytest.mark.parametrize(("passed", "fresh"), [(59.999, True), (60, False)])
def test_absence_is_fresh_until_its_lifetime_is_over(passed: float, fresh: bool) -> None:
    assert is_fresh(absence(), RULES, NOON + passed) is fresh


def test_page_with_no_lifetime_is_never_fresh() -> None:
    assert not is_fresh(entry(lifetime_s=0), RULES, NOON)


@pytest.mark.parametrize(("set_back", "fresh"), [(1, True), (600, True), (600.5, False), (86400, False)])
def test_clock_set_back_keeps_nothing_fresh_for_longer_than_a_lifetime(set_back: float, fresh: bool) -> None:
    assert is_fresh(entry(), RULES, NOON - set_back) is fresh


@pytest.mark.parametrize(("past", "serves"), [(-700.0, True), (0.0, True), (86400.0, True), (86401.0, False)])
def test_stale_page_stands_in_for_so_long_past_its_lifetime(past: float, serves: bool) -> None:
    rules = FreshnessRules(stale_if_error_s=86400)
    assert serves_when_stale(entry(), rules, NOON + 600 + past) is serves
    assert not serves_when_stale(absence(), rules, NOON + past)


# -- freshening -------------------------------------------------------------------------------------------------

OLD = Head(
    tier="office",
    requested_at=NOON,
    received_at=NOON + 1,
    date=NOON,
    age_s=50,
    lifetime_s=300,
    validators=Validators(etag='"a"', last_modified="Sun, 06 Nov 1994 08:49:37 GMT"),
    serial=7,
)
BARE = Head(tier="office", requested_at=NOON + 900, received_at=NOON + 901)


def test_bare_304_renews_the_times_and_keeps_the_rest() -> None:
    assert freshened(OLD, BARE) == evolve(OLD, requested_at=NOON + 900, received_at=NOON + 901, date=None, age_s=0)
    assert current_age_s(freshened(OLD, BARE), NOON + 901) == 1


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"lifetime_s": 0.0}, {"lifetime_s": 0.0}),
        ({"serial": 8}, {"serial": 8}),
        ({"serial": 6}, {"serial": 7}),
        ({"age_s": 20.0}, {"age_s": 20.0}),
        ({"storable": False}, {"storable": False}),
        (
            {"validators": Validators(etag='"b"')},
            {"validators": Validators(etag='"b"', last_modified="Sun, 06 Nov 1994 08:49:37 GMT")},
        ),
        (
            {"validators": Validators(last_modified="Mon, 07 Nov 1994 08:49:37 GMT")},
            {"validators": Validators(etag='"a"', last_modified="Mon, 07 Nov 1994 08:49:37 GMT")},
        ),
    ],
)
def test_304_has_the_last_word_on_what_it_repeats(change: dict[str, Any], kept: dict[str, Any]) -> None:
    bare = freshened(OLD, BARE)
    assert freshened(OLD, evolve(BARE, **change)) == evolve(bare, **kept)


def test_304_gives_an_entry_the_serial_that_it_did_not_have() -> None:
    assert freshened(evolve(OLD, serial=None), evolve(BARE, serial=3)).serial == 3
    assert freshened(evolve(OLD, serial=None), BARE).serial is None
