"""Large JSON in pieces, so that no single call is long.

While msgspec reads or writes a value no other thread of Python runs: a page of thousands of files in one call would
keep every client waiting that asks for something else meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def fields_of(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The values of a JSON object, not read yet.

    Raises msgspec.ValidationError for another value; MsgspecError or RecursionError for what is no JSON, as far as
    that shows without reading them.
    """
    return _FIELDS.decode(data)


def is_array(value: msgspec.Raw) -> bool:
    """Whether a value that is not read yet is an array."""
    return bytes(memoryview(value)[:1]) == b"["


def items_of(data: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The same as `fields_of` for the values of a JSON array."""
    return _ITEMS.decode(data)


def values_of(data: bytes | msgspec.Raw) -> Iterator[Any]:
    """The values of a JSON array, each read when it is its turn; raises as msgspec does."""
    return map(msgspec.json.decode, items_of(data))
