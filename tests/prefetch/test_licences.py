"""The licence that core metadata states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.prefetch.licences import LONGEST, licence_in


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other\n", "MIT OR Apache-2.0"),
        (
            "License: x\nClassifier: License :: OSI :: MIT\nClassifier: License :: BSD\nClassifier: Topic :: X\n",
            "MIT, BSD",
        ),
        ("License: BSD\n        Copyright (c) somebody\n", "BSD"),
        ("License: UNKNOWN\n", None),
        ("License:\n", None),
        ("", None),
        ("License: " + "x" * 500 + "\n", "x" * (LONGEST - 1) + "…"),
        ("License: a\x07b\tc\n", "a b c"),
    ],
)
def test_the_licence_is_what_is_stated_most_exactly(lines: str, licence: str | None) -> None:
    assert licence_in(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{lines}".encode()) == licence


@given(st.binary())
def test_metadata_that_is_none_states_no_error(metadata: bytes) -> None:
    licence_in(metadata)


@given(st.binary())
def test_whatever_is_stated_is_short_and_printable(stated: bytes) -> None:
    licence = licence_in(b"License: " + stated)
    assert licence is None or (len(licence) <= LONGEST and licence.isprintable())
