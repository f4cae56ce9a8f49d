"""Which syntax and encoding a client gets: RFC 9110 section 12.5 and the rules of PEP 691.

A malformed header never raises: what cannot be read of it is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Literal

from attrs import frozen


class Syntax(Enum):
    """What a page can be written as; the value is its media type (PEP 691)."""

    JSON = "application/vnd.pypi.simple.v1+json"
    HTML = "application/vnd.pypi.simple.v1+html"
    LEGACY_HTML = "text/html"

    @property
    def content_type(self) -> str:
        """The Content-Type header's value."""
        return self.value if self is Syntax.JSON else f"{self.value}; charset=utf-8"

    @property
    def is_json(self) -> bool:
        return self is Syntax.JSON


_NAMED = {
    **{syntax.value: syntax for syntax in Syntax},
    "application/vnd.pypi.simple.latest+json": Syntax.JSON,
    "application/vnd.pypi.simple.latest+html": Syntax.HTML,
}
# What a wildcard gives, where it leaves the choice to us; PEP 691: text/html for who asks for nothing in particular.
_BEHIND_WILDCARD = {"*/*": Syntax.LEGACY_HTML, "application/*": Syntax.JSON, "text/*": Syntax.LEGACY_HTML}
_PREFERRED = (Syntax.JSON, Syntax.HTML, Syntax.LEGACY_HTML)
_QUALITY = re.compile(r"0(?:\.\d*)?|1(?:\.0*)?|\.\d+", re.ASCII)
_MEDIA_RANGE = re.compile(r"\*/\*|[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+", re.ASCII)
_CODING = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


@frozen
class _Weighted:
    value: str
    quality: float


def negotiate(accept: str | None, format_parameter: str | None = None) -> Syntax | None:
    """The syntax for a request with this Accept header and this `?format=`, or None if nothing will do (406).

    `format` wins over the header (PEP 691).  Among what the client likes equally, what it names comes before what
    it only allows by a wildcard, and JSON before HTML.
    """
    if format_parameter is not None:
        # A plus that was not escaped arrives as a space.
        return _NAMED.get(format_parameter.strip().replace(" ", "+").lower())
    ranges = [item for item in _weighted(accept or "") if _MEDIA_RANGE.fullmatch(item.value)]
    if not ranges:
        return Syntax.LEGACY_HTML
    best: tuple[float, int, bool, int] | None = None
    chosen: Syntax | None = None
    for place, syntax in enumerate(_PREFERRED):
        quality, specificity, through = _quality_of(syntax, ranges)
        rank = (quality, specificity, _BEHIND_WILDCARD.get(through) is syntax, -place)
        if quality > 0 and (best is None or rank > best):
            best, chosen = rank, syntax
    return chosen


def _quality_of(syntax: Syntax, ranges: list[_Weighted]) -> tuple[float, int, str]:
    """How much a syntax is liked: by the most specific range that matches it, and through which range."""
    found: tuple[int, float, str] = (-1, 0.0, "")
    kind = syntax.value.partition("/")[0]
    for item in ranges:
        if _NAMED.get(item.value) is syntax:
            specificity = 2
        elif item.value == f"{kind}/*":
            specificity = 1
        elif item.value == "*/*":
            specificity = 0
        else:
            continue
        found = max(found, (specificity, item.quality, item.value))
    specificity, quality, through = found
    return quality, specificity, through


def choose_media(accept: str | None, offered: Sequence[str]) -> str:
    """The media type, of those that are offered, which the client likes best; where none will do, the first.

    Of those that it likes equally what it names comes before what it only allows, and then the first.
    """
    ranges = [item for item in _weighted(accept or "") if _MEDIA_RANGE.fullmatch(item.value)]
    best, chosen = (0.0, -1), offered[0]
    for media in offered:
        behind = {media: 2, f"{media.partition('/')[0]}/*": 1, "*/*": 0}
        liked = max(((behind[item.value], item.quality) for item in ranges if item.value in behind), default=None)
        if liked is not None and liked[1] > 0 and (liked[1], liked[0]) > best:
            best, chosen = (liked[1], liked[0]), media
    return chosen


def choose_encoding(accept_encoding: str | None) -> Literal["gzip", "identity"]:
    """gzip if the client takes it and does not like identity better (RFC 9110 section 12.5.3); else identity."""
    qualities: dict[str, float] = {}
    for item in _weighted(accept_encoding or ""):
        if _CODING.fullmatch(item.value):
            name = "gzip" if item.value == "x-gzip" else item.value  # RFC 9110 §8.4.1.3
            qualities[name] = max(qualities.get(name, 0.0), item.quality)
    gzip = qualities.get("gzip", qualities.get("*", 0.0))
    identity = qualities.get("identity", 0.0)  # where it is not named, it is allowed, and last
    return "gzip" if gzip > 0 and gzip >= identity else "identity"


def _weighted(header: str) -> list[_Weighted]:
    """The elements of a header that is a list with weights, in lower case; one with a malformed weight is left out."""
    items: list[_Weighted] = []
    for element in header.split(","):  # no type or coding of ours has a parameter that could hold a comma
        value, *parameters = element.split(";")
        quality = 1.0
        for parameter in parameters:
            name, _, text = parameter.partition("=")
            if name.strip().lower() == "q":
                text = text.strip()
                quality = float(text) if _QUALITY.fullmatch(text) and text != "." else -1.0
                break  # what follows the weight is not the media type's
        if quality >= 0:
            items.append(_Weighted(value.strip().lower(), quality))
    return items
