"""Durations and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.config.units import duration_s, duration_text, size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("3s", 3.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1.5h", 5400.0),
        ("30d", 2592000.0),
        ("2w", 1209600.0),
        ("3 s", 3.0),
        ("0s", 0.0),
        ("0.1ms", 0.0001),
    ],
)
def test_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512B", 512),
        ("512KiB", 524288),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1MB", 1000000),
        ("1.5MiB", 1572864),
        ("20GiB", 21474836480),
        ("2 TB", 2 * 10**12),
        ("1TiB", 2**40),
    ],
)
def test_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["5", "0", "1.5", "3 "])
def test_bare_number_needs_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs a unit: .*ms"):
        duration_s(text.strip())
    with pytest.raises(ValueError, match=r"needs a unit: .*GiB"):
        size_bytes(text.strip())


@pytest.mark.parametrize(
    "text", ["3sec", "3S", "3M", "3GiB", "1h30m", "-3s", "+3s", "1e3s", ".5s", "s", "", "٣s", "3\ns"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        duration_s(text)


@pytest.mark.parametrize("text", ["20G", "20gib", "3Mb", "3s", "-1GiB", "1,5GiB", "GiB", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        size_bytes(text)


def test_size_that_is_no_whole_number_of_bytes_is_refused() -> None:
    assert size_bytes("0.5KiB") == 512
    with pytest.raises(ValueError, match="no whole number of bytes"):
        size_bytes("0.0001KiB")


@given(st.integers(min_value=0, max_value=10**15))
def test_duration_survives_being_written(milliseconds: int) -> None:
    assert duration_s(duration_text(milliseconds / 1000)) == milliseconds / 1000


@given(st.integers(min_value=0, max_value=2**55))
def test_size_survives_being_written(size: int) -> None:
    assert size_bytes(size_text(size)) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500ms"), (60.0, "1m"), (90.0, "90s"), (86400.0, "1d"), (0.0, "0s"), (0.0001, "0.0001s")],
)
def test_duration_is_written_as_people_would(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(20 * 1024**3, "20GiB"), (1000, "1000B"), (0, "0B"), (1536, "1536B")])
def test_size_is_written_as_people_would(size: int, text: str) -> None:
    assert size_text(size) == text
