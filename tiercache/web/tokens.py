"""`/api/v1/tokens`: issue, list and revoke tokens.

A user has tokens of their own, by showing their password; the operator has them for anybody, or for nobody in
particular.  A token is shown once, in the answer that issues it.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from attrs import define, field, frozen
from msgspec import Meta
from twisted.logger import Logger
from twisted.web.server import Request

from tiercache.access.principals import Principal
from tiercache.access.tokens import IssuedToken, OwnerKind, Permission
from tiercache.cache.tokens import MOST_OF_ONE_OWNER, Tokens
from tiercache.errors import PermissionMissing, TokenAbsent
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.answer import JSON, Answer, json, problem
from tiercache.web.logins import Logins
from tiercache.web.route import Operation, Parameter, Reply, Route
from tiercache.web.visitor import principal_of, scope_of, who_of

PATH = "/api/v1/tokens"
LONGEST_S = 100 * 366 * 86400.0
MOST_PATTERNS = 100
MOST_BODY_BYTES = 64 * 1024

# No spaces: `token ci of alice` is to say one thing in the audit trail.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,99}$")]
Pattern = Annotated[str, Meta(pattern=r"^!?[A-Za-z0-9._*?\[\]-][A-Za-z0-9._*?\[\]!-]{0,199}$")]

log = Logger()


@frozen(kw_only=True)
class TokenWanted:
    """A token to issue: what its owner calls it, what it is for, with which projects, and how long.

    `owner`: the user whose token it is to be; without it, of who asks.
    """

    name: Name
    may: Annotated[tuple[Permission, ...], Meta(min_length=1, max_length=5)]
    projects: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=MOST_PATTERNS)] = ("*",)
    lasts_s: Annotated[float, Meta(gt=0, le=LONGEST_S)] | None = None
    owner: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


@frozen(kw_only=True)
class TokenShown:
    """A token that has been issued, without its text; times in seconds since 1970.

    `owner` None: the node's operator.  `used_at`: about when it was used last.  `is_expired`: it is worth nothing.
    """

    id: str
    name: str
    owner: str | None
    kind: OwnerKind
    may: tuple[Permission, ...]
    projects: tuple[str, ...]
    made_at: float
    expires_at: float | None
    used_at: float | None
    is_expired: bool


@frozen(kw_only=True)
class TokenIssued:
    """A new token: `token` is its text, which is told this once."""

    token: str
    issued: TokenShown


@frozen(kw_only=True)
class TokensShown:
    """Every token that who asks may see, oldest first."""

    tokens: tuple[TokenShown, ...]


@define(kw_only=True)
class TokenRoutes:
    """Issues, lists and revokes tokens."""

    _tokens: Tokens
    _logins: Logins
    _log: Logger = field(default=log)

    def routes(self) -> tuple[Route, ...]:
        """All three are for who has said who they are; what they may do is seen here."""
        show = Operation(
            name="getTokens",
            about="The tokens of who asks; for who may administer all projects, and for the operator, all of them.",
            replies={200: Reply(about="The tokens.", bodies={JSON: TokensShown})},
        )
        issue = Operation(
            name="issueToken",
            about="Issue a token, which is told in this answer only.  A token issues no tokens.",
            body=TokenWanted,
            replies={201: Reply(about="The token.", bodies={JSON: TokenIssued})},
            problems={
                409: f"Its owner has {MOST_OF_ONE_OWNER} tokens already.",
                413: "The body is too large.",
                507: "The store is full.",
            },
        )
        revoke = Operation(
            name="revokeToken",
            about="Revoke a token: it is worth nothing from the next request on.",
            parameters=(Parameter(name="token", place="path", type=str, about="The token's id."),),
            replies={200: Reply(about="What it was.", bodies={JSON: TokenShown})},
            problems={404: "Who asks has no such token."},
        )
        return (
            Route(verb="GET", path=PATH, act=self.show, permission="identify", operation=show),
            Route(verb="POST", path=PATH, act=self.issue, permission="identify", operation=issue),
            Route(verb="DELETE", path=f"{PATH}/<token>", act=self.revoke, permission="identify", operation=revoke),
        )

    async def show(self, request: Request) -> Answer:
        """Those that who asks may see."""
        return json(
            TokensShown(tokens=tuple(self._shown(one) for one in self._tokens.listed() if _may_see(request, one)))
        )

    async def issue(self, request: Request) -> Answer:
        """Issue one."""
        principal = principal_of(request)
        if principal.token is not None:
            raise PermissionMissing(user=str(principal), permission="issue")
        body = request.content.read(MOST_BODY_BYTES + 1) if request.content is not None else b""
        if len(body) > MOST_BODY_BYTES:
            return problem(413, f"The body may have {MOST_BODY_BYTES} bytes.")
        try:
            wanted = _decoded(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return problem(400, f"The body is not what it should be: {error}.")
        if not all(text.isprintable() for text in (wanted.name, *wanted.projects)):  # a newline, which `$` lets pass
            return problem(400, "There is a line break in the name, or in a pattern.")
        if all(pattern.startswith("!") for pattern in wanted.projects):
            return problem(400, "The patterns leave out projects, and let none in.")
        owner = principal.user if wanted.owner is None else wanted.owner
        if not principal.is_operator and owner != principal.user:
            raise PermissionMissing(user=str(principal), permission="issue")
        if owner is not None and not await self._logins.is_user(owner):
            return problem(400, f"There is no user {owner!r}.")
        token, text = await self._tokens.issue(
            name=wanted.name,
            owner=owner or "",
            kind="operator" if owner is None else "user",
            may=frozenset(wanted.may),
            projects=ProjectPatterns(wanted.projects),
            lasts_s=wanted.lasts_s,
        )
        self._log.info("{who} issued the token {name} ({id})", who=who_of(request), name=token.name, id=token.id)
        return json(TokenIssued(token=text, issued=self._shown(token)), status=201)

    async def revoke(self, request: Request, token: str) -> Answer:
        """Revoke one."""
        found = self._tokens.by_id(token)
        if not _may_see(request, found):
            raise TokenAbsent(id=token)
        await self._tokens.revoke(found)
        self._log.info("{who} revoked the token {name} ({id})", who=who_of(request), name=found.name, id=found.id)
        return json(self._shown(found))

    def _shown(self, token: IssuedToken) -> TokenShown:
        return TokenShown(
            id=token.id,
            name=token.name,
            owner=token.owner or None,
            kind=token.kind,
            may=tuple(sorted(token.may)),
            projects=token.projects.patterns,
            made_at=token.made_at,
            expires_at=token.expires_at,
            used_at=token.used_at,
            is_expired=not self._tokens.is_live(token),
        )


def _may_see(request: Request, token: IssuedToken) -> bool:
    """Whether who asks may see and revoke a token: their own, or as a token itself."""
    principal: Principal = principal_of(request)
    if principal.is_operator or scope_of(request, "administer").is_all:
        return True
    if principal.token is not None:
        return principal.token.id == token.id
    return token.kind == "user" and token.owner == principal.user


def _decoded(body: bytes) -> Any:
    return msgspec.json.decode(body, type=TokenWanted)
