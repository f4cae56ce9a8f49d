"""Byte ranges of files (RFC 9110 §14), as text on the wire and as values."""

from __future__ import annotations

import re

from attrs import frozen

_CONTENT_RANGE = re.compile(r"bytes[ \t]+(?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)", re.IGNORECASE)


@frozen(kw_only=True)
class ContentRange:
    """What a part is of: bytes [start, stop) of a file of `size_bytes`, None where the tier does not know it.

    `start` and `stop` are None where no range could be given (416).
    """

    start: int | None
    stop: int | None
    size_bytes: int | None


def content_range(text: str | None) -> ContentRange | None:
    """Read a Content-Range header; None for a missing one and for what makes no sense."""
    match = _CONTENT_RANGE.fullmatch((text or "").strip())
    if match is None:
        return None
    first, last, size = match.groups()
    size_bytes = None if size == "*" else int(size)
    if first is None:
        return None if size_bytes is None else ContentRange(start=None, stop=None, size_bytes=size_bytes)
    start, stop = int(first), int(last) + 1
    if stop <= start or (size_bytes is not None and stop > size_bytes):
        return None
    return ContentRange(start=start, stop=stop, size_bytes=size_bytes)


def range_from(start: int, size_bytes: int | None = None) -> str:
    """The Range header for `size_bytes` from `start` on, or for all from there on."""
    return f"bytes={start}-" if size_bytes is None else f"bytes={start}-{start + size_bytes - 1}"


def range_of_last(size_bytes: int) -> str:
    """The Range header for the last bytes of a file."""
    return f"bytes=-{size_bytes}"
