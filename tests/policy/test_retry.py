from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.retry import (
    LONGEST_RECONNECT_S,
    Fault,
    RetryRules,
    is_retryable,
    reconnect_delay_s,
    retry_delay_s,
)

RULES = RetryRules(attempts=3, first_s=0.1, longest_s=2, longest_retry_after_s=2)
TOP = 0.999


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("failure", [502, 503, 504, 520, 523, 527, Fault.CONNECT, Fault.BROKEN])
def test_passing_failures_are_repeated(method: str, failure: int | Fault) -> None:
    assert is_retryable(method, failure)


@pytest.mark.parametrize("failure", [200, 304, 400, 401, 403, 404, 410, 429, 500, 501, 505, 519, 528, Fault.SILENCE])
def test_lasting_failures_are_not_repeated(failure: int | Fault) -> None:
    assert not is_retryable("GET", failure)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "get"])
@pytest.mark.parametrize("failure", [503, Fault.CONNECT])
def test_only_reading_is_repeated(method: str, failure: int | Fault) -> None:
    assert not is_retryable(method, failure)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("retry_after_s", "repeated"), [(0, True), (2, True), (2.001, False), (3600, False)])
def test_retry_after_is_waited_for_only_if_it_is_short(status: int, retry_after_s: float, repeated: bool) -> None:
    assert is_retryable("GET", status, retry_after_s=retry_after_s, rules=RULES) is repeated
    assert (retry_delay_s(1, RULES, retry_after_s, 0.5) is not None) is repeated


@pytest.mark.parametrize(
    ("attempt", "jitter", "delay_s"),
    [(1, 0.0, 0.0), (1, 0.5, 0.05), (2, 0.5, 0.1), (3, 0.5, None), (4, 0.5, None)],
)
def test_wait_doubles_until_it_is_given_up(attempt: int, jitter: float, delay_s: float | None) -> None:
    assert retry_delay_s(attempt, RULES, None, jitter) == delay_s


def test_wait_is_bounded_however_many_attempts_there_are() -> None:
    patient = RetryRules(attempts=10**6, first_s=0.1, longest_s=2)
    assert retry_delay_s(5, patient, None, TOP) == pytest.approx(1.6 * TOP)
    assert retry_delay_s(6, patient, None, TOP) == pytest.approx(2 * TOP)
    assert retry_delay_s(10**5, patient, None, TOP) == pytest.approx(2 * TOP)


def test_tier_is_not_asked_sooner_than_it_said() -> None:
    assert retry_delay_s(1, RULES, 1.5, TOP) == 1.5
    assert retry_delay_s(1, RULES, 0.0, 0.5) == 0.05


def test_a_single_attempt_is_never_repeated() -> None:
    assert retry_delay_s(1, RetryRules(attempts=1), None, 0.5) is None


@given(
    attempt=st.integers(1, 10**6),
    retry_after_s=st.none() | st.floats(min_value=0, max_value=1e6),
    jitter=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_wait_keeps_within_its_bounds(attempt: int, retry_after_s: float | None, jitter: float) -> None:
    delay_s = retry_delay_s(attempt, RULES, retry_after_s, jitter)
    if delay_s is not None:
        assert attempt < RULES.attempts
        assert (retry_after_s or 0) <= delay_s <= RULES.longest_s


@pytest.mark.parametrize(
    ("failures", "jitter", "delay_s"),
    [(0, 0.0, 0.5), (1, 0.0, 0.5), (1, 0.5, 0.75), (2, 0.0, 1.0), (5, 0.0, 8.0), (6, 0.0, 15.0), (10_000, 0.0, 15.0)],
)
def test_a_feed_is_asked_for_again_ever_less_often(failures: int, jitter: float, delay_s: float) -> None:
    assert reconnect_delay_s(failures, jitter) == delay_s


def test_a_feed_is_asked_for_again_at_least_every_half_minute() -> None:
    assert max(reconnect_delay_s(failures, 0.999) for failures in range(100)) < LONGEST_RECONNECT_S
