"""Trusted publishing: an identity token of a CI system is exchanged for a token of this node.

    read             what does it say, and whose keys are wanted?  nothing is believed yet
    signing_keys     the issuer's keys, if it is one that is trusted here
    verified         signed, for this node, in force
    publisher_of     the first publisher whose claims it has
    used_identities  never before

What it is worth is the publisher's: to do some things with some projects, for minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import define, field, frozen
from twisted.logger import Logger

from tiercache.access.identity import MALFORMED, Identity, read, verified
from tiercache.access.publishers import TrustedPublisher, owner_of, publisher_of
from tiercache.access.tokens import IssuedToken
from tiercache.cache.signing_keys import SigningKeys
from tiercache.cache.tokens import Tokens
from tiercache.cache.used_identities import UsedIdentities
from tiercache.config import Config
from tiercache.config.publishers import audience_of, publishers_of
from tiercache.errors import IdentityRefused
from tiercache.interfaces import ICatalogue, IIssuer

NO_PUBLISHER = "invalid-publisher"
"""The code of the error as the public index has it."""

_RUNS = ("run_id", "pipeline_id", "build_number")
_LONGEST_RUN = 20

log = Logger()


@frozen(kw_only=True)
class MintedToken:
    """A token that is shown this once; `expires_at` in seconds since 1970: no later than it does."""

    text: str = field(repr=False)
    expires_at: int


@define(kw_only=True)
class Mint:
    """`audience`: for whom identity tokens have to be.  `keys` by the issuer's URL."""

    audience: str
    _publishers: tuple[TrustedPublisher, ...]
    _keys: Mapping[str, SigningKeys]
    _used: UsedIdentities
    _tokens: Tokens
    _now: Callable[[], float]

    async def exchange(self, shown: str) -> MintedToken:
        """A token of this node for an identity token.

        Raises IdentityRefused, IssuerUnreachable, TooManyTokens, StoreFailed.
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

    def trusts(self, token: IssuedToken) -> bool:
        """Whether somebody is trusted still with what a token was issued for: if not, it is worth nothing any more."""
        return any(token.may <= one.may and token.projects == one.projects for one in self._publishers)

    async def _mint(self, identity: Identity, publisher: TrustedPublisher) -> MintedToken:
        token, text = await self._tokens.issue(
            name=_run_of(identity.claims),
            owner=owner_of(identity.claims),
            kind="publisher",
            may=publisher.may,
            projects=publisher.projects,
            lasts_s=publisher.lifetime_s,
        )
        log.info("{owner} ({name}) has a token for {s} s", owner=token.owner, name=token.name, s=publisher.lifetime_s)
        return MintedToken(text=text, expires_at=int(token.expires_at or 0))


def mint_for(
    config: Config,
    issuers: Iterable[IIssuer],
    *,
    tokens: Tokens,
    catalogue: ICatalogue,
    now: Callable[[], float],
) -> Mint | None:
    """What issues tokens to the configured publishers; None where there are none."""
    publishers = publishers_of(config.access)
    if not publishers:
        return None
    return Mint(
        audience=audience_of(config.access, config.node),
        publishers=publishers,
        keys={issuer.url: SigningKeys(issuer=issuer, now=now) for issuer in issuers},
        used=UsedIdentities(catalogue=catalogue, now=now),
        tokens=tokens,
        now=now,
    )


def _run_of(claims: Mapping[str, object]) -> str:
    """What the audit trail calls the token: the run of the job, where the issuer numbers them."""
    runs = (str(value) for name in _RUNS if isinstance(value := claims.get(name), str | int) and value is not True)
    number = next((run for run in runs if run.isascii() and run.isalnum() and len(run) <= _LONGEST_RUN), None)
    return "trusted publishing" if number is None else f"run {number}"
