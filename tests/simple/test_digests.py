"""Digests by name."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simple.pages import digests
from tiercache.simple.digests import (
    HEX_LENGTHS,
    fragment_digest,
    hasher,
    is_digest,
    read_digests,
    strongest,
    written_digests,
)
from tiercache.simple.model import STRONGEST_FIRST


def test_every_algorithm_that_names_files_can_be_computed_and_has_its_length() -> None:
    assert tuple(HEX_LENGTHS) == STRONGEST_FIRST
    for algorithm in STRONGEST_FIRST:
        instrument = hasher(algorithm)
        instrument.update(b"bytes")
        assert is_digest(algorithm, instrument.hexdigest())


def test_the_two_lengths_of_blake2b_are_two_algorithms() -> None:
    long, short = hasher("blake2b"), hasher("blake2b_256")
    assert long.hexdigest() == hashlib.blake2b().hexdigest()
    assert short.hexdigest() == hashlib.blake2b(digest_size=32).hexdigest()


@pytest.mark.parametrize("algorithm", ["", "crc32", "SHA256", "shake_128", "url"])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    with pytest.raises(ValueError, match="is not an algorithm"):
        hasher(algorithm)


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ({"sha256": "A" * 64}, {"sha256": "a" * 64}),
        ({" SHA256 ": " " + "a" * 64}, {"sha256": "a" * 64}),
        ({"blake2b": "a" * 64}, {"blake2b_256": "a" * 64}),
        ({"blake2b_256": "a" * 64}, {"blake2b_256": "a" * 64}),
        ({"blake2b": "a" * 128}, {"blake2b": "a" * 128}),
        ({"blake2b512": "a" * 128}, {"blake2b": "a" * 128}),
        ({"md5": ""}, {}),
        ({"": "aa"}, {}),
        ({"crc32": "XYZ"}, {"crc32": "xyz"}),
    ],
)
def test_digests_are_read_under_our_names_in_lower_case(given_: dict[str, str], read: dict[str, str]) -> None:
    assert read_digests(given_) == read


@pytest.mark.parametrize(
    "given_", [{"sha256": "a" * 63}, {"sha256": "g" * 64}, {"md5": "a" * 32, "sha1": "x"}, {"blake2b": "a" * 96}]
)
def test_a_malformed_digest_of_a_known_algorithm_is_an_error(given_: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="malformed"):
        read_digests(given_)


SHA256, MD5, SHORT, LONG = "a" * 64, "b" * 32, "c" * 64, "d" * 128


@pytest.mark.parametrize(
    ("digests_", "in_json", "in_html"),
    [
        ({"sha256": SHA256, "md5": MD5}, {"sha256": SHA256, "md5": MD5}, f"sha256={SHA256}"),
        ({"sha3_256": SHORT, "md5": MD5}, {"sha3_256": SHORT, "md5": MD5}, f"md5={MD5}"),
        ({"sha3_256": SHORT}, {"sha3_256": SHORT}, None),
        ({"sha1": "e" * 40}, {"sha1": "e" * 40}, f"sha1={'e' * 40}"),
        ({"blake2b": LONG}, {"blake2b512": LONG}, None),
        ({"blake2b": LONG, "md5": MD5}, {"md5": MD5}, f"md5={MD5}"),
        ({"blake2b_256": SHORT}, {}, f"blake2b={SHORT}"),
        ({"blake2b_256": SHORT, "sha256": SHA256}, {"sha256": SHA256}, f"sha256={SHA256}"),
        ({"of-the-future": "x", "md5": MD5}, {"md5": MD5}, f"md5={MD5}"),
        ({"shake_128": "ab"}, {}, None),
        ({"sha256": "short"}, {}, None),
        ({}, {}, None),
    ],
)
def test_no_client_is_given_a_digest_that_it_stumbles_over(
    digests_: dict[str, str], in_json: dict[str, str], in_html: str | None
) -> None:
    assert written_digests(digests_) == in_json
    assert fragment_digest(digests_) == in_html


@given(digests(st.sampled_from([name for name in STRONGEST_FIRST if name != "blake2b_256"])))
def test_reading_digests_is_the_inverse_of_writing_them(one: dict[str, str]) -> None:
    assert read_digests(written_digests(one)) == one
    assert strongest(one) == next(iter(one.items()))
