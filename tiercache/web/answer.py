"""What a route gives back: an answer as a value, and the short ones that many routes give.

Routes make answers; only `tiercache.web.respond` writes them to a client.  No request and no socket here.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from attrs import field, frozen

from tiercache.cache.body import IBody
from tiercache.policy.cache_status import Outcome

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"  # RFC 9457
NO_STORE = "no-store"
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@frozen(kw_only=True)
class Answer:
    """A response to be: status, header fields, body.

    `body` None: what a GET would have sent is not at hand, since this answers a HEAD.  `length`: the Content-Length
    where the body does not tell it (None: unknown, sent in chunks).  `outcome` becomes Cache-Status, and is logged.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes | IBody | None = b""
    length: int | None = None
    outcome: Outcome | None = None

    @property
    def stated_length(self) -> int | None:
        """What Content-Length says, in bytes; None for a body of unknown length, and where there is to be no body."""
        if self.status in BODILESS:
            return None
        return len(self.body) if isinstance(self.body, bytes) else self.length


def text(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A short answer for people."""
    return Answer(
        status=status,
        headers={"Content-Type": TEXT, "Cache-Control": NO_STORE, **(headers or {})},
        body=f"{sentence}\n".encode(),
    )


def json(value: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Answer:
    """A JSON answer; kept by nobody unless `headers` say so."""
    return Answer(
        status=status,
        headers={"Content-Type": JSON, "Cache-Control": NO_STORE, **(headers or {})},
        body=msgspec.json.encode(value),
    )


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error of the JSON API (RFC 9457), its type being the status itself."""
    stated = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return json(stated, {"Content-Type": PROBLEM, **(headers or {})}, status)


def moved(location: str) -> Answer:
    """A permanent redirect that keeps the method (RFC 9110 section 15.4.9), to a relative location."""
    return Answer(status=308, headers={"Content-Type": TEXT, "Location": location}, body=f"{location}\n".encode())
