"""Which identity tokens were used: each opens something once, also across a restart.

A token is remembered for as long as it is good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec
from attrs import define, field
from twisted.logger import Logger

from tiercache.access.identity import Identity
from tiercache.errors import IdentityRefused
from tiercache.interfaces import ICatalogue

SETTING = "used-identities"

MOST = 5000
"""More genuine tokens than that at once are not to be thought of: then those are forgotten that would expire first."""

USED_BEFORE = "invalid-reuse-token"
"""The code of the error as the public index has it."""

log = Logger()


@define(kw_only=True)
class UsedIdentities:
    """Until when (seconds) each is remembered, by a digest of what it is."""

    _catalogue: ICatalogue
    _now: Callable[[], float]
    _until: dict[str, float] = field(init=False)

    @_until.default
    def _from_before(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(self._catalogue.setting(SETTING) or "{}", type=dict[str, float])
        except msgspec.DecodeError:
            log.warn("which identity tokens were used before this start is not known any more")
            return {}

    async def use(self, identity: Identity) -> None:
        """Use a token; when this returns, it is durable that it was.

        Raises IdentityRefused where it was used before, and StoreFull.
        """
        now = self._now()
        if identity.expires_at <= now:
            raise IdentityRefused(code=USED_BEFORE, reason="the token has expired meanwhile")
        name = _name(identity)
        if self._until.get(name, now) > now:
            raise IdentityRefused(code=USED_BEFORE, reason="the token was used before")
        kept = sorted((until, one) for one, until in self._until.items() if until > now)
        self._until = {one: until for until, one in kept[-(MOST - 1) :]}
        self._until[name] = identity.expires_at
        await self._catalogue.store_setting(SETTING, msgspec.json.encode(self._until).decode())


def _name(identity: Identity) -> str:
    return hashlib.sha256(f"{identity.issuer}\0{identity.id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
