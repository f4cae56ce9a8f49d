"""A project page as the store keeps it: every value of `Page`, without loss.

The format is this node's own and carries a number; a page of another format is unusable, and is fetched anew.
"""

from __future__ import annotations

import msgspec
from attrs import frozen

from tiercache.errors import PageUnusable
from tiercache.simple.model import Page

FORMAT = 1
"""Counted up whenever a page written before can no longer be read as what it meant."""


@frozen(kw_only=True)
class _Stored:
    format: int
    page: Page


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Stored)


def dump_page(page: Page) -> bytes:
    """A page as bytes for the store; values of unknown keys must be what JSON can say."""
    return _ENCODER.encode(_Stored(format=FORMAT, page=page))


def load_page(data: bytes) -> Page:
    """The inverse of `dump_page`.  Raises PageUnusable for anything else, pages of another format included."""
    try:
        stored = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PageUnusable(reason="what is stored is no page of this version's format") from None
    if stored.format != FORMAT:
        raise PageUnusable(reason=f"what is stored has format {stored.format}, not {FORMAT}")
    return stored.page
