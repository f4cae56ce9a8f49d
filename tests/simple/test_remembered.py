"""What is recalled of texts that were read before, and what is read again."""

from __future__ import annotations

import pytest

from tiercache.simple.remembered import remembered


def test_a_text_is_read_once_and_a_long_one_each_time() -> None:
    read: list[tuple[str, int]] = []

    @remembered(most=8, longest=3)
    def twice(text: str, times: int = 2) -> str:
        """What it does."""
        read.append((text, times))
        return text * times

    assert [twice("abc"), twice("abc"), twice("abc", 3), twice("abcd"), twice("abcd")] == [
        "abcabc",
        "abcabc",
        "abcabcabc",
        "abcdabcd",
        "abcdabcd",
    ]
    assert read == [("abc", 2), ("abc", 3), ("abcd", 2), ("abcd", 2)]
    assert twice.__doc__ == "What it does."


def test_only_so_many_are_recalled() -> None:
    read: list[str] = []

    @remembered(most=2, longest=1)
    def noted(text: str) -> None:
        read.append(text)

    for text in "abcab":
        noted(text)
    assert read == [*"abcab"]


def test_what_is_raised_is_raised_each_time() -> None:
    read: list[str] = []

    @remembered(most=2, longest=10)
    def refused(text: str) -> None:
        read.append(text)
        raise ValueError(text)

    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            refused("x")
    assert read == ["x", "x"]
