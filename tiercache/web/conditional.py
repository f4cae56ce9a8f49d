"""Conditional and partial requests (RFC 9110 sections 13 and 14), as far as a cache of immutable files needs them.

Pure: header values in, decisions out.  There is no Last-Modified here, so every condition is about entity tags.
"""

from __future__ import annotations

import re

from attrs import frozen

_TAG = re.compile(r'\s*(?:(W/)?("[\x21\x23-\x7e\x80-\xff]*"))\s*(?:,|$)')
_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,19})[ \t]*-[ \t]*([0-9]{0,19})[ \t]*", re.IGNORECASE)


@frozen
class Slice:
    """The bytes [start, stop) of a file."""

    start: int
    stop: int


@frozen
class Unsatisfiable:
    """A valid range that has none of the file's bytes (RFC 9110 section 15.5.17)."""


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """Whether If-None-Match names the tag: a list, compared weakly, or `*` (RFC 9110 section 13.1.2).

    A malformed list matches nothing from its first malformed member on.
    """
    if if_none_match is None:
        return False
    if if_none_match == etag or if_none_match.strip() == "*":
        return True
    at = 0
    while at < len(if_none_match):
        tag = _TAG.match(if_none_match, at)
        if tag is None:
            return False
        if tag[2] == etag:
            return True
        at = tag.end()
    return False


def wanted_slice(
    range_field: str | None, if_range: str | None, etag: str, size_bytes: int | None
) -> Slice | Unsatisfiable | None:
    """The part of a file that a GET asks for; None for the whole.

    Whole are also: a Range that is malformed, of another unit, or of several parts (RFC 9110 section 14.2 lets a
    server ignore it); one whose If-Range is not this very tag, strongly compared (section 13.1.5); and any while
    the file's length is unknown.
    """
    if range_field is None or size_bytes is None:
        return None
    if if_range is not None and if_range.strip() != etag:
        return None
    parts = _RANGE.fullmatch(range_field.strip())
    if parts is None:
        return None
    first, last = parts.groups()
    if first == "":
        return None if last == "" else _suffix(int(last), size_bytes)
    start = int(first)
    if last != "" and int(last) < start:
        return None  # an invalid range is ignored
    if start >= size_bytes:
        return Unsatisfiable()
    return Slice(start, size_bytes if last == "" else min(int(last) + 1, size_bytes))


def _suffix(count: int, size_bytes: int) -> Slice | Unsatisfiable:
    if count == 0 or size_bytes == 0:
        return Unsatisfiable()
    return Slice(max(0, size_bytes - count), size_bytes)
