from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.given import NOON
from tiercache.policy.breaker import Breaker, BreakerRules

RULES = BreakerRules(failures=3, probe_every_s=10, longest_s=600, probe_lost_after_s=60)
CLOSED = Breaker(rules=RULES)
OPEN = CLOSED.failed(NOON).failed(NOON).failed(NOON)


def test_breaker_opens_at_the_last_of_so_many_failures() -> None:
    second = CLOSED.failed(NOON).failed(NOON)
    assert (second.state, second.failures) == ("closed", 2)
    assert second.may_ask(NOON)
    assert not second.wants_probe(NOON)
    assert (OPEN.state, OPEN.until) == ("open", NOON + 10)
    assert not OPEN.may_ask(NOON)


def test_success_in_between_begins_the_count_anew() -> None:
    assert CLOSED.failed(NOON).failed(NOON).succeeded() == CLOSED


@pytest.mark.parametrize(("passed", "due"), [(0, False), (9.999, False), (10, True), (1e9, True)])
def test_probe_is_due_after_its_interval_and_clients_never_pay_for_it(passed: float, due: bool) -> None:
    assert OPEN.wants_probe(NOON + passed) is due
    assert not OPEN.may_ask(NOON + passed)


def test_time_to_the_probe_is_told() -> None:
    assert CLOSED.seconds_to_probe(NOON) == 0
    assert OPEN.seconds_to_probe(NOON + 4) == 6
    assert OPEN.seconds_to_probe(NOON + 11) == 0
    assert OPEN.probing(NOON + 10).seconds_to_probe(NOON + 11) == 59


def test_one_probe_at_a_time() -> None:
    under_way = OPEN.probing(NOON + 10)
    assert under_way.state == "half-open"
    assert not under_way.wants_probe(NOON + 69.999)
    assert not under_way.may_ask(NOON + 69.999)


def test_probe_that_is_never_heard_of_again_counts_as_lost() -> None:
    assert OPEN.probing(NOON + 10).wants_probe(NOON + 70)


def test_probe_that_succeeds_closes_and_one_that_fails_opens_again() -> None:
    under_way = OPEN.probing(NOON + 10)
    assert under_way.succeeded() == CLOSED
    again = under_way.failed(NOON + 12)
    assert (again.state, again.until) == ("open", NOON + 22)


def test_probe_of_a_closed_breaker_changes_nothing() -> None:
    assert CLOSED.probing(NOON) == CLOSED


@pytest.mark.parametrize(("asked", "given_s"), [(30, 30), (599, 599), (600, 600), (601, 600), (float("inf"), 600)])
def test_retry_after_opens_at_once_for_a_bounded_time(asked: float, given_s: float) -> None:
    told = CLOSED.failed(NOON, retry_after_s=asked)
    assert (told.state, told.until) == ("open", NOON + given_s)
    assert not told.wants_probe(NOON + given_s - 1)
    assert told.wants_probe(NOON + given_s)


@pytest.mark.parametrize("asked", [0, -5, float("nan")])
def test_retry_after_that_asks_for_nothing_is_a_plain_failure(asked: float) -> None:
    assert CLOSED.failed(NOON, retry_after_s=asked) == CLOSED.failed(NOON)


def test_late_failure_puts_the_probe_off_only_where_the_tier_says_so() -> None:
    assert OPEN.failed(NOON + 5) == OPEN
    assert OPEN.failed(NOON + 5, retry_after_s=60).until == NOON + 65
    assert OPEN.failed(NOON + 5, retry_after_s=1).until == NOON + 10


def test_probe_that_is_told_to_wait_waits() -> None:
    assert OPEN.probing(NOON + 10).failed(NOON + 11, retry_after_s=100).until == NOON + 111


@pytest.mark.parametrize(("set_back", "due"), [(590, False), (591, True), (1e9, True)])
def test_clock_set_back_does_not_shut_a_tier_out(set_back: float, due: bool) -> None:
    assert OPEN.wants_probe(NOON - set_back) is due


def test_rules_of_one_failure_open_at_the_first() -> None:
    assert Breaker(rules=evolve(RULES, failures=1)).failed(NOON).state == "open"


EVENTS = st.lists(
    st.tuples(st.sampled_from(["failed", "succeeded", "probing", "told"]), st.floats(min_value=0, max_value=1000)),
    max_size=30,
)


@given(EVENTS)
def test_breaker_never_lets_a_client_ask_unless_the_tier_answered_last(events: list[tuple[str, float]]) -> None:
    breaker, now, failures, told = CLOSED, NOON, 0, False
    for event, passed in events:
        now += passed
        if event == "failed":
            breaker, failures = breaker.failed(now), failures + 1
        elif event == "told":
            breaker, told = breaker.failed(now, retry_after_s=passed + 1), True
        elif event == "probing" and breaker.wants_probe(now):
            breaker = breaker.probing(now)
            assert not breaker.wants_probe(now)  # never a second one beside it
        elif event == "succeeded":
            breaker, failures, told = breaker.succeeded(), 0, False
        assert breaker.may_ask(now) is (failures < RULES.failures and not told)
        assert breaker.wants_probe(now + 600) is not breaker.may_ask(now)
        assert 0 <= breaker.seconds_to_probe(now) <= 600


def test_a_failure_in_doubt_opens_at_once_and_one_of_a_tier_that_is_down_already_changes_nothing_more() -> None:
    opened = CLOSED.failed_in_doubt(NOON)
    assert (opened.state, opened.until) == ("open", NOON + RULES.probe_every_s)
    assert CLOSED.failed_in_doubt(NOON, retry_after_s=60).until == NOON + 60
    assert OPEN.failed_in_doubt(NOON + 1).until == OPEN.until
