"""The node that runs on this machine, as its store tells of it, and asking it something.

A running node keeps `running.json` in its store, readable by its user alone: who may read it may tell the node what
to do.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from attrs import frozen

from tiercache.errors import TiercacheError

if TYPE_CHECKING:
    from tiercache.wire import NodeState

ANSWER_WITHIN_S = 30.0
ANSWER_LIMIT_BYTES = 1 << 24

_OTHERWISE = "its answer is not what was asked for"

T = TypeVar("T")


@frozen(kw_only=True, slots=False)
class NoNodeRuns(TiercacheError):
    """No node is running on the store {store}."""

    store: str


@frozen(kw_only=True, slots=False)
class NodeRefused(TiercacheError):
    """The node at {url} does not do it: {reason}."""

    url: str
    reason: str
    status: int | None = None


@frozen(kw_only=True)
class ReservedNameSaid:
    """One reserved name: whether it is hosted on the node, and the tiers that announce it."""

    name: str
    hosted: bool
    announced_by: tuple[str, ...]


@frozen(kw_only=True)
class ReservedNamesSaid:
    """All of them; not `complete` while a parent has not said all of its own."""

    complete: bool
    names: tuple[ReservedNameSaid, ...]


@frozen(kw_only=True)
class IssuedTokenSaid:
    """A token without its text; `owner` None: the operator's.  Times in seconds since 1970."""

    id: str
    name: str
    owner: str | None
    may: tuple[str, ...]
    projects: tuple[str, ...]
    expires_at: float | None
    used_at: float | None
    is_expired: bool


@frozen(kw_only=True)
class NewTokenSaid:
    """A new token with its text."""

    token: str
    issued: IssuedTokenSaid


@frozen(kw_only=True)
class TokensSaid:
    """All of them."""

    tokens: tuple[IssuedTokenSaid, ...]


@frozen(kw_only=True)
class RunningNode:
    """What `running.json` says: the process, the addresses to reach it at, and the word that it trusts.

    Of one that runs elsewhere (`far_node`) the process is 0, and `authorization` is what is shown to it.
    """

    pid: int
    urls: tuple[str, ...]
    token: str
    authorization: str | None = None

    def ask(self, method: str, path: str, body: object = None, *, within_s: float = ANSWER_WITHIN_S) -> Any:
        """The JSON that the node answers to `method path`; `body`, if any, is sent as JSON.

        `within_s`: how long it may be silent.  Raises NodeRefused, also when the node cannot be reached.
        """
        with self.opened(method, path, body, within_s=within_s) as answer:
            try:
                data = answer.read(ANSWER_LIMIT_BYTES + 1)
            except (OSError, http.client.HTTPException) as error:
                raise NodeRefused(url=self._url(path), reason=str(error)) from error
        if len(data) > ANSWER_LIMIT_BYTES:
            raise NodeRefused(url=self._url(path), reason="its answer is too long")
        try:
            return json.loads(data)
        except ValueError as error:
            raise NodeRefused(url=self._url(path), reason="its answer is not JSON") from error

    def said(
        self, method: str, path: str, kind: type[T], body: object = None, *, within_s: float = ANSWER_WITHIN_S
    ) -> T:
        """The same as a value.  Raises NodeRefused."""
        return self._as(self.ask(method, path, body, within_s=within_s), kind)

    def opened(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float = ANSWER_WITHIN_S,
    ) -> http.client.HTTPResponse:
        """The answer to `method path`, still to be read, and to be closed.  Raises NodeRefused."""
        url = self._url(path)
        authorization = self.authorization or (f"Bearer {self.token}" if self.token else "")
        request = urllib.request.Request(  # noqa: S310  # http and https alone come so far
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": authorization} if authorization else {}),
                **(headers or {}),
            },
        )
        # No proxy stands between a node and its own machine; to another the environment may name one.
        proxies = [urllib.request.ProxyHandler({})] if self.pid else []
        opener = urllib.request.build_opener(*proxies, _NoRedirect)
        try:
            return cast("http.client.HTTPResponse", opener.open(request, timeout=within_s))
        except urllib.error.HTTPError as error:
            raise NodeRefused(url=url, reason=_told_by(error), status=error.code) from error
        except (OSError, http.client.HTTPException) as error:
            raise NodeRefused(url=url, reason=str(getattr(error, "reason", error))) from error

    def _url(self, path: str) -> str:
        return self.urls[0].rstrip("/") + path

    def switch_offline(self, offline: bool | None) -> bool:
        """Whether the node is offline, after having switched it unless `offline` is None.  Raises NodeRefused."""
        path = "/api/v1/offline"
        answer = self.ask("GET", path) if offline is None else self.ask("PUT", path, {"offline": offline})
        match answer:
            case {"offline": bool(is_offline)}:
                return is_offline
        raise NodeRefused(url=self.urls[0], reason=_OTHERWISE)

    def about(self) -> tuple[Any, NodeState]:
        """What the node says of itself and its tiers, as JSON and as values.  Raises NodeRefused."""
        from tiercache.wire import NodeState

        said = self.ask("GET", "/api/v1/node")
        return said, self._as(said, NodeState)

    def reserved(self) -> ReservedNamesSaid:
        """The reserved names, and who reserves them.  Raises NodeRefused."""
        return self._as(self.ask("GET", "/api/v1/reservations"), ReservedNamesSaid)

    def release(self, project: str) -> ReservedNameSaid:
        """Drop what tiers announced of a name; what is left of it.  Raises NodeRefused."""
        path = f"/api/v1/reservations/{quote(project, safe='')}"
        return self._as(self.ask("DELETE", path), ReservedNameSaid)

    def tokens(self) -> tuple[IssuedTokenSaid, ...]:
        """Every token.  Raises NodeRefused."""
        return self._as(self.ask("GET", "/api/v1/tokens"), TokensSaid).tokens

    def issue_token(
        self, *, name: str, owner: str | None, may: Sequence[str], projects: Sequence[str], lasts_s: float | None
    ) -> NewTokenSaid:
        """A new token.  Raises NodeRefused."""
        wanted = {"name": name, "owner": owner, "may": list(may), "projects": list(projects), "lasts_s": lasts_s}
        return self._as(self.ask("POST", "/api/v1/tokens", wanted), NewTokenSaid)

    def revoke_token(self, token_id: str) -> IssuedTokenSaid:
        """Revoke a token; what it was.  Raises NodeRefused."""
        return self._as(self.ask("DELETE", f"/api/v1/tokens/{quote(token_id, safe='')}"), IssuedTokenSaid)

    def _as(self, said: object, kind: type[T]) -> T:
        import msgspec

        try:
            return msgspec.convert(said, kind)
        except msgspec.ValidationError as error:
            raise NodeRefused(url=self.urls[0], reason=_OTHERWISE) from error


def find_running_node(store: Path) -> RunningNode:
    """The node that runs on the store in the folder `store`.  Raises NoNodeRuns.

    What a node that was killed left behind is no node.
    """
    try:
        said = json.loads((store / "running.json").read_text(encoding="utf-8"))
        urls = tuple(url for url in said["urls"] if url.startswith(("http://", "https://")))
        node = RunningNode(pid=int(said["pid"]), urls=urls, token=str(said["token"]))
        runs = node.pid > 0 and _is_alive(node.pid)
    except PermissionError as error:
        raise NoNodeRuns(store=f"{store} that this user may speak to") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoNodeRuns(store=str(store)) from error
    if not runs:
        raise NoNodeRuns(store=str(store))
    if not node.urls:
        raise NoNodeRuns(store=f"{store} that can be reached by plain HTTP: let it listen on loopback, too")
    return node


def far_node(url: str, token: str | None) -> RunningNode:
    """The node at a URL, which may carry a user and a password; `token` is shown instead of them.

    Raises NodeRefused for what is no such URL.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise NodeRefused(url=host or "that address", reason="a node is found at http://host:port/ or https://host/")
    authorization = None
    if token is None and parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(pair.encode()).decode()}"
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    root = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
    return RunningNode(pid=0, urls=(root,), token=token or "", authorization=authorization)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Credentials go to the node that they are for, and nowhere else."""

    def redirect_request(self, *_what: object) -> None:
        """None: what redirects is an error."""
        return


def _told_by(error: urllib.error.HTTPError) -> str:
    """What an answer that is an error says (RFC 9457), or its status alone."""
    try:
        detail = json.loads(error.read(ANSWER_LIMIT_BYTES))["detail"]
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        detail = None
    status = f"it answered {error.code} {error.reason}"
    # The sentence around it has a full stop of its own.
    return f"{status}: {detail.rstrip('.')}" if isinstance(detail, str) and detail.isprintable() else status


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
