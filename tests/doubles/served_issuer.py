"""The small issuer on a real socket of this machine, with what a job of a CI system finds in its environment."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field

from tests.doubles.issuer import SmallIssuer

JOB_SECRET = "what-this-job-may-ask-for-a-token-with"


@define(kw_only=True)
class ServedIssuer:
    """`says` is what it claims of the job that asks; `asked` are the paths that it was asked for."""

    issuer: SmallIssuer
    says: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)

    @property
    def url(self) -> str:
        return self.issuer.url

    def github(self) -> Mapping[str, str]:
        """The environment of a job that asks for its token itself."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?job=7",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB_SECRET,
        }

    def gitlab(self, variable: str, audience: str) -> Mapping[str, str]:
        """The environment of a job that is given its token."""
        return {"GITLAB_CI": "true", variable: self.issuer.token(aud=audience, **self.says)}

    def answer(self, path: str, authorization: str | None) -> bytes | None:
        """What is answered, or None for what there is not."""
        self.asked.append(path)
        parts = urlsplit(path)
        match parts.path:
            case "/.well-known/openid-configuration":
                return self.issuer.discovery()
            case "/keys":
                return self.issuer.jwks()
            case "/token" if (authorization or "").lower() == f"bearer {JOB_SECRET}".lower():
                (audience,) = parse_qs(parts.query)["audience"]
                return json.dumps({"value": self.issuer.token(aud=audience, **self.says)}).encode()
        return None


@contextmanager
def served_issuer(**says: Any) -> Iterator[ServedIssuer]:
    """One that serves until the end."""
    made: ServedIssuer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            body = made.answer(self.path, self.headers.get("Authorization"))
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = ServedIssuer(issuer=SmallIssuer(url=f"http://127.0.0.1:{server.server_port}", now=time.time), says=says)
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
