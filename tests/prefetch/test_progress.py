"""How fast something comes, and how long the rest takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.prefetch.progress import STEP_S, WINDOW_S, Progress


def come(*steps: tuple[float, int]) -> Progress:
    progress = Progress()
    for at, size_bytes in steps:
        progress = progress.grown(size_bytes, at)
    return progress


def test_nothing_can_be_said_before_anything_has_come() -> None:
    assert Progress().rate(5.0) is None
    assert Progress().left_s(100, 5.0) is None
    assert Progress().bytes_done == 0


def test_nothing_can_be_said_of_one_moment() -> None:
    assert come((1.0, 100)).rate(1.0 + STEP_S / 2) is None


def test_a_rate_is_what_came_in_the_time_since_the_first_step() -> None:
    assert come((0.0, 0), (1.0, 1000), (2.0, 1000)).rate(2.0) == 1000.0


def test_only_the_last_seconds_count() -> None:
    progress = come((0.0, 0), (1.0, 1_000_000), (20.0, 10), (25.0, 90))
    assert progress.rate(28.0) == pytest.approx(100 / WINDOW_S)


def test_what_has_come_to_rest_has_no_rate_and_no_end() -> None:
    progress = come((0.0, 0), (1.0, 1000))
    assert progress.rate(1.0 + WINDOW_S + 1) == 0.0
    assert progress.left_s(10, 1.0 + WINDOW_S + 1) is None


def test_what_is_left_takes_as_long_as_the_rate_says() -> None:
    assert come((0.0, 0), (2.0, 1000)).left_s(250, 2.0) == 0.5


def test_nothing_left_takes_no_time_whatever_the_rate() -> None:
    assert Progress().left_s(0, 0.0) == 0.0


def test_a_clock_that_is_set_back_begins_anew() -> None:
    progress = come((100.0, 10), (101.0, 10)).grown(5, 50.0)
    assert progress.bytes_done == 25
    assert progress.rate(50.0 + STEP_S) == 0.0


def test_many_small_steps_take_little_room() -> None:
    progress = come(*((number / 1000, 1) for number in range(60_000)))
    assert progress.bytes_done == 60_000
    assert len(progress.steps) <= 2 * WINDOW_S / STEP_S + 3
    assert progress.rate(60.0) == pytest.approx(1000, rel=0.1)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.integers(-(10**6), 10**12)), max_size=60), st.floats(0, 1e9))
def test_whatever_comes_there_is_no_negative_rate(steps: list[tuple[float, int]], now: float) -> None:
    progress = come(*steps)
    rate = progress.rate(now)
    assert rate is None or rate >= 0
    assert progress.bytes_done >= 0
