"""Gzip of small answers, undone within a bound."""

import gzip
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.retry import Fault
from tiercache.upstream.decoding import decoded
from tiercache.upstream.failure import Unanswered


def undone(data: bytes, coding: str = "gzip", limit_bytes: int = 2**20) -> bytes:
    return decoded(data, coding, limit_bytes=limit_bytes, reason_if_larger="too large")


@given(
    st.lists(st.binary(max_size=5000), min_size=1, max_size=4),
    st.sampled_from(["gzip", "x-gzip", "GZIP", "identity, gzip"]),
)
def test_what_was_gzipped_comes_back_whole_member_after_member(members: list[bytes], coding: str) -> None:
    assert undone(b"".join(map(gzip.compress, members)), coding) == b"".join(members)


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=3))
def test_nothing_larger_than_the_limit_comes_out(members: list[bytes]) -> None:
    size = sum(map(len, members))
    data = b"".join(map(gzip.compress, members))
    assert len(undone(data, limit_bytes=size)) == size
    if size:
        with pytest.raises(Unanswered, match="too large"):
            undone(data, limit_bytes=size - 1)


def test_a_bomb_is_not_even_made() -> None:
    bomb = gzip.compress(b"\0" * (64 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(Unanswered, match="too large"):
            undone(bomb, limit_bytes=1000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2**20


def test_a_bomb_costs_no_more_than_the_limit_once() -> None:
    bomb = gzip.compress(b"\0" * (64 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(Unanswered, match="too large"):
            undone(bomb, limit_bytes=16 * 2**20)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20 * 2**20


@given(st.binary(max_size=2000))
def test_noise_is_undone_or_refused_but_nothing_else(data: bytes) -> None:
    with suppress(Unanswered):
        assert len(undone(data, limit_bytes=1000)) <= 1000


@given(st.binary(max_size=3000), st.data())
def test_a_cut_stream_is_never_taken_for_a_whole_one(text: bytes, data: st.DataObject) -> None:
    whole = gzip.compress(text)
    cut = whole[: data.draw(st.integers(min_value=1, max_value=len(whole) - 1))]
    with pytest.raises(Unanswered) as refused:
        undone(cut)
    assert refused.value.fault is Fault.BROKEN


@pytest.mark.parametrize("coding", ["", "identity", " Identity , identity"])
def test_what_was_not_coded_stays_as_it_is(coding: str) -> None:
    assert undone(b"abc", coding, limit_bytes=0) == b"abc"


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br"])
def test_another_coding_is_refused(coding: str) -> None:
    with pytest.raises(Unanswered, match="not asked for"):
        undone(gzip.compress(b"abc"), coding)
