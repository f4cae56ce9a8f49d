"""A plain HTTP client for tests: one exchange, everything of the answer, no redirects, no retries.

It stands on the standard library, so that it has no part in common with what is tested.
"""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from attrs import field, frozen

PATIENCE_S = 120.0
"""How long a connection may keep silent: a busy machine is no failure, and who is to be quick is told so."""

_SHOWN_BYTES = 200


def _shown(body: bytes) -> str:
    return repr(body) if len(body) <= _SHOWN_BYTES else f"{body[:_SHOWN_BYTES]!r}… ({len(body)} bytes)"


@frozen(kw_only=True)
class Answer:
    """Status, headers by their lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=_shown)


def assert_whole(answer: Answer, path: Path) -> None:
    """It is a 200 with the very bytes of that file.  What is amiss is told in a few words: the bodies may be large."""
    __tracebackhide__ = True
    expected = path.read_bytes()
    if answer.status == 200 and answer.body == expected:
        return
    raise AssertionError(
        f"{path.name} has {len(expected)} bytes with the SHA-256 {hashlib.sha256(expected).hexdigest()}, but the answer"
        f" is a {answer.status} of {len(answer.body)} bytes with {hashlib.sha256(answer.body).hexdigest()}:"
        f" {_shown(answer.body)}"
    )


def fetch(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = PATIENCE_S,
) -> Answer:
    """One request on a connection of its own.

    Raises OSError where the connection fails, and http.client.HTTPException (IncompleteRead) where the body is short.
    """
    connection, path = connect(url, timeout_s)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return answer_of(response)
    finally:
        connection.close()


def connect(url: str, timeout_s: float = PATIENCE_S) -> tuple[http.client.HTTPConnection, str]:
    """An HTTP connection to the host of `url`, not yet opened, and the path with its query."""
    parts = urlsplit(url)
    assert parts.scheme == "http"
    assert parts.hostname is not None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s), path


def answer_of(response: http.client.HTTPResponse) -> Answer:
    """A response read to its end."""
    named = {name.lower(): text for name, text in response.getheaders()}
    return Answer(status=response.status, headers=named, body=response.read())
