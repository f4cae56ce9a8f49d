"""A project page as the store keeps it: every value of `Page`, without loss.

The format is this node's own and carries a number; a page of another format is unusable, and is fetched anew.
"""

from __future__ import annotations

import msgspec
from attrs import evolve, fields, frozen

from tiercache.errors import PageUnusable
from tiercache.simple.model import File, Page
from tiercache.simple.pieces import fields_of, items_of

FORMAT = 1
"""Counted up whenever a page written before can no longer be read as what it meant."""


@frozen(kw_only=True)
class _Stored:
    format: int
    page: msgspec.Raw


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Stored)
_PAGE_DECODER = msgspec.json.Decoder(Page)
_FILE_DECODER = msgspec.json.Decoder(File)
_PAGE_FIELDS = tuple(field.name for field in fields(Page))


def dump_page(page: Page) -> bytes:
    """A page as bytes for the store; values of unknown keys must be what JSON can say."""
    told = {name: getattr(page, name) for name in _PAGE_FIELDS}
    told["files"] = [msgspec.Raw(_ENCODER.encode(file)) for file in page.files]
    return _ENCODER.encode({"format": FORMAT, "page": told})


def load_page(data: bytes) -> Page:
    """The inverse of `dump_page`.  Raises PageUnusable for anything else, pages of another format included."""
    try:
        stored = _DECODER.decode(data)
        if stored.format != FORMAT:
            raise PageUnusable(reason=f"what is stored has format {stored.format}, not {FORMAT}")
        told = fields_of(stored.page)
        files = [_FILE_DECODER.decode(file) for file in items_of(told.pop("files", b"[]"))]
        return evolve(_PAGE_DECODER.decode(_ENCODER.encode(told)), files=tuple(files))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PageUnusable(reason="what is stored is no page of this version's format") from None
