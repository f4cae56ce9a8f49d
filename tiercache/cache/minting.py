"""Trusted publishing: an identity token of a CI system is exchanged for a token of this node.

    read             what does it say, and whose keys are wanted?  nothing is believed yet
    signing_keys     the issuer's keys, if it is one that is trusted here
    verified         signed, for this node, in force
    publisher_of     the first publisher whose claims it has
    used_identities  never before

What it is worth is the publisher's: to do some things with some projects, for minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from attrs import define, field, frozen
from twisted.logger import Logger

from tiercache.access.identity import MALFORMED, Identity, read, verified
from tiercache.access.publishers import TrustedPublisher, owner_of, publisher_of
from tiercache.access.tokens import ID_BYTES, SECRET_BYTES, IssuedToken, token_digest, token_text
from tiercache.cache.signing_keys import SigningKeys
from tiercache.cache.used_identities import UsedIdentities
from tiercache.errors import IdentityRefused
from tiercache.interfaces import ICatalogue

NO_PUBLISHER = "invalid-publisher"
"""The code of the error as the public index has it."""

_RUNS = ("run_id", "pipeline_id", "build_number")
_LONGEST_RUN = 20

log = Logger()


@frozen(kw_only=True)
class MintedToken:
    """A token that is shown this once; `expires_at` in seconds since 1970."""

    text: str = field(repr=False)
    expires_at: int


@define(kw_only=True)
class Mint:
    """`audience`: for whom identity tokens have to be.  `keys` by the issuer's URL.  `random` gives so many bytes."""

    audience: str
    _publishers: tuple[TrustedPublisher, ...]
    _keys: Mapping[str, SigningKeys]
    _used: UsedIdentities
    _catalogue: ICatalogue
    _now: Callable[[], float]
    _random: Callable[[int], bytes]

    async def exchange(self, shown: str) -> MintedToken:
        """A token of this node for an identity token.

        Raises IdentityRefused, IssuerUnreachable, StoreFull.
        """
        claimed = read(shown)
        keys = self._keys.get(claimed.issuer)
        if keys is None:
            raise IdentityRefused(code=MALFORMED, reason="the token is of an issuer that is not trusted here")
        named = await keys.named(claimed.key_id)
        identity = verified(claimed, named, audience=self.audience, now=self._now())
        publisher = publisher_of(identity.issuer, identity.claims, self._publishers)
        if publisher is None:
            log.info("{owner} is no trusted publisher", owner=owner_of(identity.claims), issuer=identity.issuer)
            raise IdentityRefused(
                code=NO_PUBLISHER, reason="the token is genuine, but no trusted publisher has its claims"
            )
        await self._used.use(identity)
        return await self._mint(identity, publisher)

    async def _mint(self, identity: Identity, publisher: TrustedPublisher) -> MintedToken:
        text = token_text(self._random(SECRET_BYTES))
        made_at = self._now()
        expires_at = math.ceil(made_at + publisher.lifetime_s)
        token = IssuedToken(
            id=self._random(ID_BYTES).hex(),
            digest=token_digest(text),
            name=_run_of(identity.claims),
            owner=owner_of(identity.claims),
            kind="publisher",
            may=publisher.may,
            projects=publisher.projects,
            made_at=made_at,
            expires_at=expires_at,
        )
        await self._catalogue.store_token(token)
        log.info("{owner} ({name}) has a token until {until}", owner=token.owner, name=token.name, until=expires_at)
        return MintedToken(text=text, expires_at=expires_at)


def _run_of(claims: Mapping[str, object]) -> str:
    """What the audit trail calls the token: the run of the job, where the issuer numbers them."""
    runs = (str(value) for name in _RUNS if isinstance(value := claims.get(name), str | int))
    number = next((run for run in runs if run.isascii() and run.isalnum() and len(run) <= _LONGEST_RUN), None)
    return "trusted publishing" if number is None else f"run {number}"
