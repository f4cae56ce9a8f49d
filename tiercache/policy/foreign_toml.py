"""TOML that anybody may have written: of what is made to be slow, no more is read than tells so.  Pure."""

from __future__ import annotations

import tomllib
from typing import Any

MOST_KEY_WORK = 2_000_000_000
"""The sum over lines of the square of their dots: tomllib's work at a dotted key grows so, and a key is on one line."""


def read_toml(text: str) -> dict[str, Any]:
    """A TOML document; raises ValueError, whose text says why, for what is none, or is made to be slow."""
    if sum(line.count(".") ** 2 for line in text.split("\n")) > MOST_KEY_WORK:
        raise ValueError("it is no TOML that anybody wrote: its keys have too many parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from None
    except (ValueError, RecursionError):  # numbers, dates and nestings beyond what Python reads
        raise ValueError("it is no TOML that can be read") from None
