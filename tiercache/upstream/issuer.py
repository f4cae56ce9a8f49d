"""An issuer of identity tokens over HTTP: its discovery document, and the keys that this points to.

OpenID Connect Discovery 1.0, sections 3 and 4.  As with tiers, over an `IAgent`: see `requests`.  What keys are good
for is known in `access`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from attrs import define
from zope.interface import implementer

from tiercache.access.signing_keys import SigningKey, keys_of
from tiercache.config.addresses import is_loopback
from tiercache.errors import IssuerUnreachable, TierUnreachable
from tiercache.interfaces import IIssuer, Pool, Tier
from tiercache.policy.retry import RetryRules
from tiercache.upstream.body import body_of, read_whole
from tiercache.upstream.connections import http_agent
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.proxies import proxies_from
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Deadlines, Requests
from tiercache.upstream.target import Target
from tiercache.upstream.trust import ca_bundle, https_policy, trusted

DISCOVERY = "/.well-known/openid-configuration"

MOST_DISCOVERY_BYTES = 64 * 1024
MOST_KEYS_BYTES = 256 * 1024

CONNECT_TIMEOUT_S = 2.0
DEADLINES = Deadlines(first_byte_s=2.0, silence_s=2.0, whole_s=4.0)
"""Both documents within four seconds: twine waits five for its token, and is to be told rather than to give up."""

_JSON = {"Accept": "application/json"}


def issuer_at(
    url: str,
    *,
    ca: str | None,
    reactor: Any,  # one interface for all that a reactor has to be here does not exist
    pool: Pool,
    now: Callable[[], float],
    environ: Mapping[str, str],
) -> IIssuer:
    """The issuer whose tokens call it `url`.  Blocking, for the start.  Raises ConfigInvalid.

    `ca`: the path of a PEM file by which to trust it.  `environ` is where proxies and bundles stand.
    """
    bundle = ca_bundle(None if ca is None else Path(ca), environ)
    reach = Reach(own=Target.parse(url).host.name)
    agent = http_agent(
        reactor,
        https=https_policy(trusted(bundle)),
        reach=reach,
        connect_timeout_s=CONNECT_TIMEOUT_S,
        proxies=proxies_from(environ),
    )
    requests = Requests(
        tier=Tier(name=url, kind="issuer"),
        agent=agent,
        clock=reactor,
        now=now,
        jitter=random.random,
        reach=reach,
        deadlines=DEADLINES,
        retries=RetryRules(attempts=2),
    )
    return Issuer(url=url, requests=requests, pool=pool)


@implementer(IIssuer)
@define(kw_only=True)
class Issuer:
    """`requests` go to `url` and to where its discovery document points, and follow no redirect."""

    url: str
    _requests: Requests
    _pool: Pool

    async def keys(self) -> tuple[SigningKey, ...]:
        """See `IIssuer`."""
        try:
            return await self._requests.in_time("GET", self._keys)
        except TierUnreachable as error:
            raise IssuerUnreachable(issuer=self.url, reason=error.reason) from None

    async def _keys(self) -> tuple[SigningKey, ...]:
        discovered = await self._document(Target.parse(self.url.rstrip("/") + DISCOVERY), MOST_DISCOVERY_BYTES)
        document = await self._document(self._keys_target(discovered), MOST_KEYS_BYTES)
        try:
            return await self._pool(keys_of, document)
        except ValueError as error:
            raise Unanswered(reason=str(error)) from None

    def _keys_target(self, discovered: bytes) -> Target:
        """Where the keys are, as the discovery document says, if it may be believed."""
        try:
            stated = msgspec.json.decode(discovered)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            stated = None
        if not isinstance(stated, dict) or not isinstance(stated.get("jwks_uri"), str):
            raise Unanswered(reason="its discovery document is none")
        if stated.get("issuer") != self.url:  # section 4.3: exactly
            raise Unanswered(reason="its discovery document is another issuer's")
        try:
            target = Target.parse(stated["jwks_uri"]).bare()
        except ValueError as error:
            raise Unanswered(reason=f"its keys are where nothing can be asked: {error}") from None
        is_own_http = target.host.scheme == "http" and self.url.startswith("http:") and is_loopback(target.host.name)
        if target.host.scheme != "https" and not is_own_http:
            raise Unanswered(reason="its keys are not behind https")
        if not self._requests.reach.admits_url(target.url):
            raise Unanswered(reason="its keys are at a private address that is not its own")
        return target

    async def _document(self, target: Target, most_bytes: int) -> bytes:
        reply = await self._requests.ask("GET", target, _JSON, follow=False)
        if 300 <= reply.status < 400:
            self._requests.refused(reply)
            raise Unanswered(reason="it redirects, which an issuer has no need to")
        if reply.status != 200:
            raise self._requests.refused(reply)
        body = body_of(
            reply.response,
            self._requests.clock,
            silence_s=self._requests.deadlines.silence_s,
            limit_bytes=most_bytes,
            reason_if_larger=f"it answers with more than {most_bytes} bytes",
        )
        return await read_whole(body)
