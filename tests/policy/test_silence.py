"""Since when a tier has not answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.silence import FORGIVEN_AFTER_S, Silence

NOON = 1_700_000_000.0


def test_silence_counts_from_the_first_request_that_was_not_answered() -> None:
    silence = Silence().asked(NOON).asked(NOON + 3)
    assert silence.lasted_s(NOON + 5) == 5


def test_an_answer_ends_it_and_those_still_under_way_count_from_then() -> None:
    silence = Silence().asked(NOON).asked(NOON).answered(NOON + 2)
    assert silence.lasted_s(NOON + 2) == 0
    assert silence.lasted_s(NOON + 3) == 1
    assert silence.answered(NOON + 3).lasted_s(NOON + 100) == 0


def test_a_failure_does_not_end_it() -> None:
    silence = Silence().asked(NOON).failed(NOON + 1)
    assert silence.lasted_s(NOON + 2) == 2
    assert silence.asked(NOON + 5).lasted_s(NOON + 6) == 6


def test_a_failure_of_long_ago_is_forgiven() -> None:
    silence = Silence().asked(NOON).failed(NOON)
    assert silence.lasted_s(NOON + FORGIVEN_AFTER_S) == FORGIVEN_AFTER_S
    assert silence.lasted_s(NOON + FORGIVEN_AFTER_S + 0.1) == 0
    assert silence.asked(NOON + FORGIVEN_AFTER_S + 1).lasted_s(NOON + FORGIVEN_AFTER_S + 2) == 1


def test_a_request_that_is_still_under_way_is_never_forgiven() -> None:
    assert Silence().asked(NOON).lasted_s(NOON + 10 * FORGIVEN_AFTER_S) == 10 * FORGIVEN_AFTER_S


@given(st.lists(st.tuples(st.sampled_from(["asked", "answered", "failed"]), st.floats(-100, 100)), max_size=30))
def test_silence_is_never_negative_and_an_answer_always_ends_it(events: list[tuple[str, float]]) -> None:
    silence, now = Silence(), NOON
    for event, later in events:
        now += later
        silence = getattr(silence, event)(now)
        assert silence.lasted_s(now) >= 0
        assert silence.under_way >= 0
    assert silence.answered(now).lasted_s(now) == 0
