from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.given import NOON
from tiercache.policy.entry import Ask, Head
from tiercache.policy.freshness import (
    GREATEST_SERIAL,
    LONGEST_DELTA_S,
    LONGEST_ETAG,
    ask_from_headers,
    head_from_response,
)

NOVEMBER = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


def said(headers: Mapping[str, str]) -> Head:
    return head_from_response(tier="office", headers=headers, requested_at=NOON, received_at=NOON + 1)


# -- what a tier said -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cache_control", "lifetime"),
    [
        ("max-age=600", 600),
        ("max-age=600, public", 600),
        ("Public , MAX-AGE=600", 600),
        ("max-age=0", 0),
        ("s-maxage=30, max-age=600", 30),
        ("max-age=600, s-maxage=30", 30),
        ("s-maxage=soon, max-age=600", 600),
        ("max-age=600, max-age=10", 600),
        ("max-age=soon, max-age=10", 10),
        ('max-age="600"', 600),
        ("max-age = 600", 600),
        ("max-age=600;public", 600),
        (",,, max-age=600,", 600),
        ('private="set-cookie, max-age=5", max-age=600', 600),
        ('ext="a\\", max-age=5", max-age=600', 600),
        ('ext="never closed, max-age=5', None),
        ("max-age=600, no-cache", 0),
        ("no-cache", 0),
        ('no-cache="set-cookie", max-age=600', 0),
        ("x-no-cache", None),
        ("max-age=-1", 0),
        ("max-age=-" + "9" * 5000, 0),
        (f"max-age={LONGEST_DELTA_S + 1}", LONGEST_DELTA_S),
        ("max-age=" + "9" * 5000, LONGEST_DELTA_S),
        ("max-age", None),
        ("max-age=", None),
        ("max-age=soon", None),
        ("max-age=6e2", None),
        ("max-age=1_0", None),
        ("max-age=٦٠٠", None),
        ("max-age=1.5", None),
        ("must-revalidate", None),
        ("", None),
        ('=,="', None),
    ],
)
def test_lifetime_is_read_from_cache_control(cache_control: str, lifetime: float | None) -> None:
    assert said({"cache-control": cache_control}).lifetime_s == lifetime


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ({"date": "Sun, 06 Nov 1994 08:49:37 GMT", "expires": "Sun, 06 Nov 1994 08:59:37 GMT"}, 600),
        ({"date": "Sun, 06 Nov 1994 08:49:37 GMT", "expires": "Sun, 06 Nov 1994 08:49:36 GMT"}, 0),
        ({"date": "Sun, 06 Nov 1994 08:49:37 GMT", "expires": "0"}, 0),
        ({"expires": "-1"}, 0),
        ({"expires": ""}, 0),
        ({"date": "yesterday", "expires": "Tue, 14 Nov 2023 22:23:21 GMT"}, 600),
        ({"date": "Thu, 01 Jan 1970 00:00:00 GMT", "expires": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_DELTA_S),
        ({"cache-control": "max-age=5", "expires": "0"}, 5),
        ({"cache-control": "max-age=soon", "expires": "0"}, 0),
        ({"cache-control": "no-cache", "expires": "Fri, 31 Dec 9999 23:59:59 GMT"}, 0),
    ],
)
def test_expires_counts_from_date_where_cache_control_states_nothing(
    headers: Mapping[str, str], lifetime: float
) -> None:
    assert said(headers).lifetime_s == lifetime


@pytest.mark.parametrize(
    ("cache_control", "storable"),
    [
        ("no-store", False),
        ("max-age=600, No-Store", False),
        ("private", True),
        ("private, max-age=600", True),
        ('ext="no-store"', True),
        ("must-revalidate, max-age=0", True),
        ("", True),
    ],
)
def test_no_store_alone_forbids_storing(cache_control: str, storable: bool) -> None:
    assert said({"cache-control": cache_control}).storable is storable


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", NOVEMBER),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOVEMBER),
        ("Sun Nov  6 08:49:37 1994", NOVEMBER),
        ("Sun, 06 Nov 1994 08:49:37 -0000", NOVEMBER),
        ("Sun, 45 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994", None),
        ("now", None),
        ("", None),
        ("9" * 65, None),
    ],
)
def test_date_is_read_in_all_three_forms(text: str, date: float | None) -> None:
    assert said({"date": text}).date == date


@pytest.mark.parametrize(
    ("text", "age"),
    [("600", 600), (" 600 ", 600), ("5, 600", 5), ("-5", 0), ("soon", 0), ("", 0), ("9" * 30, LONGEST_DELTA_S)],
)
def test_age_is_read_and_bounded(text: str, age: float) -> None:
    assert said({"age": text}).age_s == age


@pytest.mark.parametrize(
    ("text", "etag"),
    [
        ('"abc"', '"abc"'),
        ('W/"abc"', 'W/"abc"'),
        (' "abc" ', '"abc"'),
        ('""', '""'),
        ("abc", "abc"),
        ('"a", "b"', None),
        ('"a\r\nx: y"', None),
        ('"é"', None),
        ('"abc', None),
        ("", None),
        ('"' + "a" * (LONGEST_ETAG - 2) + '"', '"' + "a" * (LONGEST_ETAG - 2) + '"'),
        ('"' + "a" * (LONGEST_ETAG - 1) + '"', None),
    ],
)
def test_etag_is_kept_as_sent_or_not_at_all(text: str, etag: str | None) -> None:
    assert said({"etag": text}).validators.etag == etag


@pytest.mark.parametrize(
    ("text", "last_modified"),
    [
        ("Sunday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"),
        ("long ago", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT\r\nx: y", None),
    ],
)
def test_last_modified_is_kept_as_sent_if_it_is_a_date(text: str, last_modified: str | None) -> None:
    assert said({"last-modified": text}).validators.last_modified == last_modified


@pytest.mark.parametrize(
    ("text", "serial"),
    [
        ("27000001", 27000001),
        ("0", 0),
        (str(GREATEST_SERIAL), GREATEST_SERIAL),
        (str(GREATEST_SERIAL + 1), None),
        ("9" * 5000, None),
        ("-1", None),
        ("1.0", None),
        ("", None),
    ],
)
def test_serial_is_read_or_dropped(text: str, serial: int | None) -> None:
    assert said({"x-pypi-last-serial": text}).serial == serial


def test_response_without_any_header_states_nothing() -> None:
    assert said({}) == Head(tier="office", requested_at=NOON, received_at=NOON + 1)


HEADER_TEXT = st.text(max_size=80) | st.text(alphabet='max-ge=no,;" \t\\019-', max_size=80)


@given(
    st.sampled_from(["cache-control", "age", "date", "expires", "etag", "last-modified", "x-pypi-last-serial"]),
    HEADER_TEXT,
)
def test_no_header_text_breaks_the_reading(name: str, text: str) -> None:
    read = said({name: text})
    assert 0 <= read.age_s <= LONGEST_DELTA_S
    assert read.lifetime_s is None or 0 <= read.lifetime_s <= LONGEST_DELTA_S
    assert read.serial is None or 0 <= read.serial <= GREATEST_SERIAL
    assert all(value is None or value.isascii() for value in (read.validators.etag, read.validators.last_modified))


# -- what a client asked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cache_control", "pragma", "ask"),
    [
        (None, None, Ask()),
        ("", None, Ask()),
        ("no-cache", None, Ask(no_cache=True)),
        ("max-age=0", None, Ask(max_age_s=0)),
        ("max-age=600, no-cache", None, Ask(no_cache=True, max_age_s=600)),
        ("Only-If-Cached", None, Ask(only_if_cached=True)),
        ("only-if-cached, max-stale=600", None, Ask(only_if_cached=True)),
        ("no-store, min-fresh=5, max-stale", None, Ask()),
        ("max-age=soon", None, Ask()),
        ("s-maxage=5", None, Ask()),
        (None, "no-cache", Ask(no_cache=True)),
        (None, "foo, No-Cache", Ask(no_cache=True)),
        (None, "max-age=0", Ask()),
        ("max-age=600", "no-cache", Ask(max_age_s=600)),
        ("", "no-cache", Ask()),
    ],
)
def test_ask_is_read_from_the_request(cache_control: str | None, pragma: str | None, ask: Ask) -> None:
    assert ask_from_headers(cache_control, pragma, local=False) == ask
    assert ask_from_headers(cache_control, pragma, local=True) == evolve(ask, local=True)


@given(HEADER_TEXT | st.none(), HEADER_TEXT | st.none())
def test_no_request_text_breaks_the_reading(cache_control: str | None, pragma: str | None) -> None:
    ask = ask_from_headers(cache_control, pragma, local=False)
    assert ask.max_age_s is None or 0 <= ask.max_age_s <= LONGEST_DELTA_S
