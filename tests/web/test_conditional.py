"""Entity tags and ranges, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.web.conditional import Slice, Unsatisfiable, etag_matches, wanted_slice

TAG = '"abc"'


@pytest.mark.parametrize(
    ("field", "matches"),
    [
        (None, False),
        ("", False),
        ("*", True),
        (" * ", True),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x","abc","y"', True),
        ('"x,\\"abc"', False),
        ('"a,b", "abc"', True),
        ('"abcd"', False),
        ('"ABC"', False),
        ("abc", False),
        ('w/"abc"', False),
        ('x, "abc"', False),
        ('"x" "abc"', False),
        ('"x", *', False),
        ('"', False),
    ],
)
def test_if_none_match_is_a_list_compared_weakly(field: str | None, matches: bool) -> None:
    assert etag_matches(field, TAG) is matches


@given(st.text())
def test_no_if_none_match_field_breaks_the_reader(field: str) -> None:
    assert etag_matches(field, TAG) in (True, False)


@given(st.lists(st.from_regex(r'(W/)?"[a-z,]{0,5}"', fullmatch=True)), st.from_regex(r'"[a-z,]{0,5}"', fullmatch=True))
def test_every_member_of_a_list_is_compared(members: list[str], tag: str) -> None:
    expected = tag in [member.removeprefix("W/") for member in members]
    assert etag_matches(", ".join(members), tag) is expected


@given(st.text(), st.none() | st.text(), st.none() | st.integers(0, 1 << 40))
def test_no_range_field_leads_outside_the_file(field: str, if_range: str | None, size_bytes: int | None) -> None:
    wanted = wanted_slice(field, if_range, TAG, size_bytes)
    if isinstance(wanted, Slice):
        assert size_bytes is not None
        assert 0 <= wanted.start < wanted.stop <= size_bytes


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 50))
def test_a_slice_holds_exactly_the_bytes_asked_for(first: int, last: int, size_bytes: int) -> None:
    data = bytes(range(size_bytes))
    for field, expected in (
        (f"bytes={first}-{last}", data[first : last + 1]),
        (f"bytes={first}-", data[first:]),
        (f"bytes=-{last}", data[-last:] if last else b""),
    ):
        match wanted_slice(field, None, TAG, size_bytes):
            case Slice(start=start, stop=stop):
                assert data[start:stop] == expected
            case Unsatisfiable():
                assert expected == b""
            case None:
                assert last < first


def test_a_number_of_absurd_length_is_no_range() -> None:
    assert wanted_slice("bytes=" + "9" * 20 + "-", None, TAG, 10) is None
    assert wanted_slice("bytes=" + "9" * 19 + "-", None, TAG, 10) == Unsatisfiable()


def test_range_of_a_file_of_unknown_length_is_ignored() -> None:
    assert wanted_slice("bytes=0-5", None, TAG, None) is None


def test_if_range_compares_strongly() -> None:
    assert wanted_slice("bytes=0-5", TAG, TAG, 10) == Slice(0, 6)
    assert wanted_slice("bytes=0-5", f"W/{TAG}", TAG, 10) is None
