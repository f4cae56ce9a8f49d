"""A plain HTTP client for tests: one exchange, everything of the answer, no redirects, no retries.

It stands on the standard library, so that it has no part in common with what is tested.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import frozen


@frozen(kw_only=True)
class Answer:
    """Status, headers by their lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = 60.0,
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


def connect(url: str, timeout_s: float = 60.0) -> tuple[http.client.HTTPConnection, str]:
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
