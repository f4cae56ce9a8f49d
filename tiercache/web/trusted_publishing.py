"""`/_/oidc/…`: where a job of a CI system exchanges its identity token for one of this node.

The paths, fields and codes are those of the public index, since twine, uv and the actions of CI systems know these.
"""

from __future__ import annotations

import msgspec
from attrs import define
from twisted.web.server import Request

from tiercache.access.identity import LONGEST_BYTES, MALFORMED
from tiercache.cache.minting import Mint
from tiercache.errors import IdentityRefused
from tiercache.web.answer import Answer, json
from tiercache.web.refusals import TRUSTED_PUBLISHING
from tiercache.web.route import Route

MOST_BODY_BYTES = 2 * LONGEST_BYTES
"""A token, and what JSON needs around it."""


@define(kw_only=True)
class TrustedPublishing:
    """The two routes of a node's mint."""

    _mint: Mint

    def routes(self) -> tuple[Route, ...]:
        """Both are for whoever comes: a job has no other credentials than what it shows here."""
        return (
            Route(verb="GET", path=f"{TRUSTED_PUBLISHING}audience", act=self.audience, permission=None),
            Route(verb="POST", path=f"{TRUSTED_PUBLISHING}mint-token", act=self.mint_token, permission=None),
        )

    async def audience(self, request: Request) -> Answer:
        """For whom identity tokens have to be made."""
        return json({"audience": self._mint.audience})

    async def mint_token(self, request: Request) -> Answer:
        """A token, to be sent as the password of `__token__`."""
        body = b"" if request.content is None else request.content.read(MOST_BODY_BYTES + 1)
        minted = await self._mint.exchange(_shown(body))
        return json({"success": True, "token": minted.text, "expires": minted.expires_at})


def _shown(body: bytes) -> str:
    """The identity token of `{"token": ...}`; other keys are not looked at.  Raises IdentityRefused."""
    if len(body) > MOST_BODY_BYTES:
        raise IdentityRefused(code=MALFORMED, reason=f"the request has more than {MOST_BODY_BYTES} bytes")
    try:
        stated = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise IdentityRefused(code=MALFORMED, reason="the request is no JSON") from None
    token = stated.get("token") if isinstance(stated, dict) else None
    if not isinstance(token, str):
        raise IdentityRefused(code=MALFORMED, reason='the request is not {"token": "..."}')
    return token
