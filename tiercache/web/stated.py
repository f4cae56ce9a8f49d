"""What a request of the JSON API states in its body and its query, as values of the types that its operation has."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from twisted.web.server import Request

from tiercache.errors import RequestMalformed
from tiercache.web.request import parameter_of

T = TypeVar("T")

LONGEST_REASON = 1000
"""In characters: a reason stands on every page that it is about."""

Reason = Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)]


def body_of(request: Request, kind: type[T]) -> T:
    """The JSON of a request's body, which may be empty where every field has a default.  Raises RequestMalformed."""
    data = request.content.read() if request.content is not None else b""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestMalformed(reason=f"its body is not what it is to be: {error}") from None


def one_line(text: str | None) -> str | None:
    """A reason as it is shown: one line of what can be printed, None for none.  Raises RequestMalformed."""
    if text is not None and len(text) > LONGEST_REASON:
        raise RequestMalformed(reason=f"a reason is of at most {LONGEST_REASON} characters")
    return " ".join("".join(one if one.isprintable() else " " for one in text or "").split()) or None


def number_of(request: Request, name: str, *, least: int, most: int) -> int | None:
    """A whole number in the query, None where it is not there.  Raises RequestMalformed."""
    stated = parameter_of(request, name)
    if stated is None:
        return None
    if not stated.isascii() or not stated.isdecimal() or len(stated) > 18 or not least <= int(stated) <= most:
        raise RequestMalformed(reason=f"{name} is a whole number from {least} to {most}")
    return int(stated)
