"""What reading a page gives, whichever syntax it came in."""

from __future__ import annotations

import re

from attrs import frozen

from tiercache.errors import PageUnusable
from tiercache.simple.model import Page

_API_VERSION = re.compile(r"(\d{1,9})(?:\.\d{1,9})*", re.ASCII)


@frozen(kw_only=True)
class Dropped:
    """A file or link that the page had and the result has not: what it was, fit for a log, and why."""

    what: str
    reason: str


@frozen(kw_only=True)
class Parsed:
    """A page, and what came with it: the server's serial, if it told one, and the api-version that it claims."""

    page: Page
    dropped: tuple[Dropped, ...] = ()
    serial: int | None = None
    api_version: str = "1.0"


def checked_api_version(text: str) -> str:
    """The api-version of a page that can be read: any minor version of 1 (PEP 629, 691).  Raises PageUnusable."""
    match = _API_VERSION.fullmatch(text.strip())
    if match is None:
        raise PageUnusable(reason=f"its api-version {text[:20]!r} is no version")
    if int(match[1]) > 1:
        raise PageUnusable(reason=f"its api-version {match[0]} is greater than 1, and cannot be understood")
    return match[0]
