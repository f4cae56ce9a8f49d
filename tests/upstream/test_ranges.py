"""Ranges as text on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.upstream.ranges import ContentRange, content_range, range_from, range_of_last


@given(st.integers(0, 10**15), st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_content_range_means_what_it_says(start: int, length: int, behind: int) -> None:
    stop, total = start + length, start + length + behind
    assert content_range(f"bytes {start}-{stop - 1}/{total}") == ContentRange(start=start, stop=stop, size_bytes=total)
    assert content_range(f"bytes {start}-{stop - 1}/*") == ContentRange(start=start, stop=stop, size_bytes=None)
    assert content_range(f"bytes */{total}") == ContentRange(start=None, stop=None, size_bytes=total)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "bytes",
        "bytes 5-4/10",
        "bytes 0-10/10",
        "bytes 0-9",
        "bytes=0-9/10",
        "items 0-9/10",
        "bytes */*",
        "bytes 0-9/10, bytes 2-3/10",
        "bytes -5/10",
        "bytes 1e3-2000/3000",
        "bytes 0-9/" + "9" * 19,
        "bytes ٠-٩/10",
    ],
)
def test_a_content_range_that_makes_no_sense_counts_as_missing(text: str | None) -> None:
    assert content_range(text) is None


@given(st.text(max_size=30))
def test_no_text_makes_it_fail(text: str) -> None:
    found = content_range("bytes " + text)
    assert found is None or found.stop is None or found.start is None or found.start < found.stop


def test_ranges_are_asked_for_by_first_and_last_byte() -> None:
    assert range_from(0, 1) == "bytes=0-0"
    assert range_from(10, 5) == "bytes=10-14"
    assert range_from(10) == "bytes=10-"
    assert range_of_last(5) == "bytes=-5"
