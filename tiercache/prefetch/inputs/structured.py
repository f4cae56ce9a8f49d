"""TOML and JSON documents as plain values: whatever is wrong with one is a reason not to take it, and no surprise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from tiercache.policy.foreign_toml import read_toml
from tiercache.prefetch.inputs.gathering import Gathering, NotTaken
from tiercache.wire.prefetch import Document

Words = TypeVar("Words")


def toml(text: str) -> dict[str, Any]:
    """A TOML document; raises NotTaken for what is none, or is made to be slow."""
    try:
        return read_toml(text)
    except ValueError as error:
        raise NotTaken(reason=str(error)) from None


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


def each(
    content: Mapping[str, Any], key: str, kind: type[Words], document: Document, gathering: Gathering
) -> Iterator[Words]:
    """The releases in a list of a lock; those that are not what the format has are noted, and left out."""
    for entry in items(content, key):
        try:
            yield words(entry, kind)
        except NotTaken as error:
            name = entry.get("name") if isinstance(entry, dict) else None
            gathering.note(document.name, name if isinstance(name, str) else "a release", error.reason)
