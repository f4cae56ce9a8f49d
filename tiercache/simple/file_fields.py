"""The values of a file's fields that HTML and JSON share: their checks, and nothing of either syntax."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from tiercache.simple.digests import is_digest, read_digests

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def read_upload_time(text: str) -> str | None:
    """An upload time as given, if it is one; clients stop at the whole page for one that they cannot read.

    One without a zone is in UTC (PEP 700 allows no other), and gets its Z: RFC 3339 asks for it, and so does uv.
    """
    text = text.strip()
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text if match[1] else f"{text}Z"


def read_core_metadata(given: Mapping[str, str] | bool) -> Mapping[str, str] | bool | None:
    """What a page says of a sidecar (PEP 658, 714): its digests, True without any, False; None if it is unreadable.

    A malformed digest makes it None, "unknown": a sidecar that cannot be verified as promised is not advertised.
    """
    if isinstance(given, bool):
        return given
    try:
        return read_digests(given) or True
    except ValueError:
        return None


def read_fragment(fragment: str) -> dict[str, str]:
    """The digests in a URL's fragment (`sha256=…`, several joined by `&`).  Raises ValueError for a malformed one.

    Whatever else stands there (`egg=…`, an anchor) is not looked at.
    """
    if "=" not in fragment:
        return {}
    pairs = (part.partition("=") for part in fragment.split("&"))
    digests = read_digests({name: value for name, _, value in pairs})
    return {name: value for name, value in digests.items() if is_digest(name, value)}
