"""Tokens: issued, found by their text, listed and revoked.

What a token is worth is looked up at each request, so that one which is revoked is worth nothing from then on.  Who may
have one issued is `web.tokens`' affair.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from math import inf

from attrs import define, field
from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from tiercache.access.tokens import (
    ID_BYTES,
    PREFIX,
    SECRET_BYTES,
    IssuedToken,
    OwnerKind,
    Permission,
    token_digest,
    token_text,
)
from tiercache.errors import StoreFailed, TokenAbsent, TooManyTokens
from tiercache.interfaces import ICatalogue
from tiercache.simple.patterns import ProjectPatterns

USE_NOTED_EVERY_S = 60.0
"""A token that is shown all the time costs one small write in this time."""

EXPIRED_KEPT_S = 7 * 86400.0
"""So long one that expired is listed, for who wonders why it works no longer."""

MOST_OF_ONE_OWNER = 1000

log = Logger()


@define(kw_only=True, eq=False)
class Tokens:
    """The tokens that a node has issued.  `now` in seconds since 1970; `random` gives so many random bytes."""

    _catalogue: ICatalogue
    _now: Callable[[], float]
    _random: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    _noted: dict[str, float] = field(factory=dict, init=False)

    async def issue(
        self,
        *,
        name: str,
        owner: str,
        kind: OwnerKind,
        may: frozenset[Permission],
        projects: ProjectPatterns,
        lasts_s: float | None,
    ) -> tuple[IssuedToken, str]:
        """A new token, and its text, which is to be had here only.  Raises TooManyTokens, StoreFailed.

        `lasts_s`: after so many seconds it expires; None for never.
        """
        now = self._now()
        issued = self._catalogue.tokens()
        long_gone = {one.id for one in issued if not one.is_live(now - EXPIRED_KEPT_S)}
        live = sum(one.owner == owner and one.kind == kind and one.is_live(now) for one in issued)
        if live >= MOST_OF_ONE_OWNER:
            raise TooManyTokens(limit=MOST_OF_ONE_OWNER)
        text = token_text(self._random(SECRET_BYTES))
        token = IssuedToken(
            id=self._random(ID_BYTES).hex(),
            digest=token_digest(text),
            name=name,
            owner=owner,
            kind=kind,
            may=may,
            projects=projects,
            made_at=now,
            expires_at=None if lasts_s is None else now + lasts_s,
        )
        await self._forget(long_gone)
        await self._catalogue.store_token(token)
        return token, text

    def find(self, text: str) -> IssuedToken | None:
        """The token with this text, if it is one of ours, not revoked and not expired; that it was used is noted."""
        if not text.startswith(PREFIX):
            return None
        token = self._catalogue.token(token_digest(text))
        now = self._now()
        if token is None or not token.is_live(now):
            return None
        noted_at = max(-inf if token.used_at is None else token.used_at, self._noted.get(token.id, -inf))
        if now - noted_at >= USE_NOTED_EVERY_S:
            self._noted[token.id] = now
            ensureDeferred(self._note(token, now))
        return token

    def listed(self) -> list[IssuedToken]:
        """Every token, oldest first; of the expired those of late."""
        since = self._now() - EXPIRED_KEPT_S
        return [token for token in self._catalogue.tokens() if token.is_live(since)]

    def by_id(self, token_id: str) -> IssuedToken:
        """The token that is listed under an id.  Raises TokenAbsent."""
        for token in self.listed():
            if token.id == token_id:
                return token
        raise TokenAbsent(id=token_id)

    def is_live(self, token: IssuedToken) -> bool:
        """Whether it has not expired by now."""
        return token.is_live(self._now())

    async def revoke(self, token: IssuedToken) -> None:
        """Have it worth nothing from now on.  Raises StoreFailed."""
        await self._forget({token.id})

    async def _forget(self, ids: set[str]) -> None:
        await self._catalogue.forget_tokens(ids)
        for one in ids:
            self._noted.pop(one, None)

    async def _note(self, token: IssuedToken, now: float) -> None:
        try:
            await self._catalogue.touch_tokens({token.id: now})
        except StoreFailed as error:
            log.warn("the use of token {name} ({id}) was not noted: {error}", name=token.name, id=token.id, error=error)
