"""TOML and JSON documents as plain values: whatever is wrong with one is a reason not to take it, and no surprise."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from tiercache.prefetch.inputs.gathering import NotTaken

MOST_KEY_WORK = 2_000_000_000
"""The sum over lines of the square of their dots: tomllib's work at a dotted key grows so, and a key is on one line."""

Words = TypeVar("Words")


def toml(text: str) -> dict[str, Any]:
    """A TOML document; raises NotTaken for what is none, or is made to be slow."""
    if sum(line.count(".") ** 2 for line in text.split("\n")) > MOST_KEY_WORK:
        raise NotTaken(reason="it is no TOML that anybody wrote: its keys have too many parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotTaken(reason=f"it is no TOML: {error}") from None
    except (ValueError, RecursionError):  # numbers, dates and nestings beyond what Python reads
        raise NotTaken(reason="it is no TOML that can be read") from None


def json(text: str) -> dict[str, Any]:
    """A JSON document that is an object; raises NotTaken for everything else."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise NotTaken(reason=f"it is no JSON: {error}") from None
    except (ValueError, RecursionError):
        raise NotTaken(reason="it is no JSON that can be read") from None
    if not isinstance(found, dict):
        raise NotTaken(reason="it is JSON, but no object")
    return found


def words(value: object, kind: type[Words]) -> Words:
    """A value as the words of a format; raises NotTaken where a type is wrong.  Unknown keys are passed over."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise NotTaken(reason=f"it is not what this format has: {error}") from None
    except (ValueError, OverflowError, RecursionError):
        raise NotTaken(reason="it is not what this format has") from None


def items(document: Mapping[str, Any], key: str) -> list[object]:
    """A list that a document may have; raises NotTaken where something else has its name."""
    found = document.get(key, [])
    if not isinstance(found, list):
        raise NotTaken(reason=f"its {key} is no list")
    return found


def table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A table that a document may have; raises NotTaken where something else has its name."""
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise NotTaken(reason=f"its {key} is no table")
    return found
