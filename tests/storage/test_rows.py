"""Nothing is lost between a value and its row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.samples import FULL_HEAD, FULL_LISTING
from tiercache.policy.entry import Head, Validators
from tiercache.simple.model import File
from tiercache.storage.rows import (
    PACK_ABOVE_BYTES,
    Unreadable,
    head_bytes,
    head_of,
    listing_bytes,
    listing_of,
    packed,
    unpacked,
)

text = st.text(max_size=20)
seconds = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | seconds | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)
digests = st.dictionaries(text, text, max_size=3)
heads = st.builds(
    Head,
    tier=text,
    requested_at=seconds,
    received_at=seconds,
    date=st.none() | seconds,
    age_s=seconds,
    lifetime_s=st.none() | seconds,
    storable=st.booleans(),
    validators=st.builds(Validators, etag=st.none() | text, last_modified=st.none() | text),
    serial=st.none() | st.integers(0, 2**63),
)
listings = st.builds(
    File,
    filename=text,
    url=text,
    hashes=digests,
    requires_python=st.none() | text,
    core_metadata=st.none() | st.booleans() | digests,
    gpg_sig=st.none() | st.booleans(),
    yanked=st.booleans() | text,
    size=st.none() | st.integers(0, 2**64 - 1),
    upload_time=st.none() | text,
    provenance=st.none() | text,
    extra=st.dictionaries(text, json_values, max_size=3),
)


@given(heads)
def test_a_head_comes_back_whole(head: Head) -> None:
    assert head_of(head_bytes(head)) == head


@given(listings)
def test_a_listing_comes_back_whole(listing: File) -> None:
    assert listing_of(listing_bytes(listing)) == listing


@given(st.binary(max_size=100), st.integers(0, 200))
def test_bytes_come_back_whole(seed: bytes, times: int) -> None:
    assert unpacked(*packed(seed * times)) == seed * times


def test_bytes_are_packed_from_one_above_the_limit_on() -> None:
    assert packed(b"x" * PACK_ABOVE_BYTES) == ("", b"x" * PACK_ABOVE_BYTES)
    coding, data = packed(b"x" * (PACK_ABOVE_BYTES + 1))
    assert coding == "gzip"
    assert len(data) < 200


@given(st.data())
def test_damaged_gzip_is_unreadable_or_whole_and_never_other_bytes(data: st.DataObject) -> None:
    whole = b"".join(b"line %d\n" % number for number in range(1000))
    coding, coded = packed(whole)
    damaged = bytearray(coded)
    damaged[data.draw(st.integers(0, len(coded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = unpacked(coding, bytes(damaged))
    except Unreadable:
        return
    assert found == whole  # the flipped bit stood in a part of the head that says nothing


@given(st.integers(0, 10_000))
def test_shortened_gzip_is_unreadable(length: int) -> None:
    coding, coded = packed(b"".join(b"line %d\n" % number for number in range(3000)))
    with pytest.raises(Unreadable):
        unpacked(coding, coded[: length % len(coded)])


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[]", b"null", b"\xff", b'{"filename": 1, "url": ""}'])
def test_what_is_no_head_or_listing_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        head_of(data)
    with pytest.raises(Unreadable):
        listing_of(data)


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert head_of(head_bytes(FULL_HEAD)[:-1] + b',"later":1}') == FULL_HEAD
    assert listing_of(listing_bytes(FULL_LISTING)[:-1] + b',"later":1}') == FULL_LISTING
