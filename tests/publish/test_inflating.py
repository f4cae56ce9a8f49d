"""Deflate streams undone piece by piece, wherever the pieces are cut."""

from __future__ import annotations

import gzip
import io
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.publish.archives import deflated
from tiercache.publish.inflating import GZIP, PIECE_BYTES, RAW, inflated, pieces
from tiercache.publish.members import UnfitArchive


@given(st.lists(st.integers(0, 400), max_size=6))
def test_a_stream_is_undone_wherever_it_is_cut(cuts: list[int]) -> None:
    data = random.Random(5).randbytes(300) + bytes(PIECE_BYTES + 1)
    for packed, window in ((gzip.compress(data), GZIP), (deflated(data), RAW)):
        places = sorted({0, len(packed), *(cut for cut in cuts if cut < len(packed))})
        given_pieces = (packed[start:end] for start, end in itertools.pairwise(places))
        undone = list(inflated(given_pieces, window))
        assert b"".join(undone) == data
        assert max(map(len, undone)) <= PIECE_BYTES


@pytest.mark.parametrize("behind", [[b"x"], [b"", b"x"]])
def test_what_comes_behind_the_end_in_a_piece_of_its_own_is_found(behind: list[bytes]) -> None:
    with pytest.raises(UnfitArchive, match="something behind its end"):
        list(inflated(iter([gzip.compress(b"data"), *behind]), GZIP))


def test_nothing_at_all_is_no_stream() -> None:
    with pytest.raises(UnfitArchive, match="cut off"):
        list(inflated(iter([]), GZIP))


def test_pieces_are_as_many_bytes_as_are_asked_for_or_an_error() -> None:
    assert list(pieces(io.BytesIO(b"abc"), 2)) == [b"ab"]
    with pytest.raises(UnfitArchive, match="cut off"):
        list(pieces(io.BytesIO(b"ab"), 3))
