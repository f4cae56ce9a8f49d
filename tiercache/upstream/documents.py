"""The documents that a node keeps warm: files of this machine, and what is behind URLs.

As with tiers, over an `IAgent`: see `requests`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define
from zope.interface import implementer

from tiercache.errors import DocumentUnavailable, TierUnreachable
from tiercache.interfaces import Pool, Tier
from tiercache.interfaces.documents import IDocuments
from tiercache.upstream.body import body_of, read_whole
from tiercache.upstream.connections import http_agent
from tiercache.upstream.proxies import proxies_from
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Requests
from tiercache.upstream.target import Target
from tiercache.upstream.trust import ca_bundle, https_policy, trusted
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES

CONNECT_TIMEOUT_S = 5.0

_TEXT = {"Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}


@implementer(IDocuments)
@define(kw_only=True)
class Documents:
    """`requests_to` gives what asks the host of a URL, and no private one that it redirects to."""

    _requests_to: Callable[[Target], Requests]
    _pool: Pool

    async def content(self, place: str) -> bytes:
        """See `IDocuments`."""
        if not place.startswith(("http://", "https://")):
            try:
                return await self._pool(_read, place)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise DocumentUnavailable(place=place, reason=reason) from None
        try:
            target = Target.parse(place)
            requests = self._requests_to(target)
            return await requests.in_time("GET", lambda: _asked(requests, target))
        except ValueError as error:
            raise DocumentUnavailable(place=shown(place), reason=str(error)) from None
        except TierUnreachable as error:
            raise DocumentUnavailable(place=shown(place), reason=error.reason) from None


def documents_of(
    *,
    reactor: Any,  # one interface for all that a reactor has to be here does not exist
    pool: Pool,
    now: Callable[[], float],
    environ: Mapping[str, str],
) -> IDocuments:
    """Those that this machine can read; `environ` is where proxies and bundles stand.  Blocking, for the start."""
    https, proxies = https_policy(trusted(ca_bundle(None, environ))), proxies_from(environ)

    def requests_to(target: Target) -> Requests:
        reach = Reach(own=target.host.name)
        agent = http_agent(
            reactor,
            https=https,
            reach=reach,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            proxies=proxies,
        )
        return Requests(
            tier=Tier(name=target.host.name, kind="document"),
            agent=agent,
            clock=reactor,
            now=now,
            jitter=random.random,
            reach=reach,
        )

    return Documents(requests_to=requests_to, pool=pool)


def shown(place: str) -> str:
    """A URL for logs: without its query, in which a secret may stand."""
    return place.partition("?")[0]


async def _asked(requests: Requests, target: Target) -> bytes:
    reply = await requests.ask("GET", target, _TEXT)
    if reply.status != 200:
        raise requests.refused(reply)
    body = body_of(
        reply.response,
        requests.clock,
        silence_s=requests.deadlines.silence_s,
        limit_bytes=MOST_DOCUMENT_BYTES,
        reason_if_larger=f"it has more than {MOST_DOCUMENT_BYTES} bytes",
    )
    return await read_whole(body)


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        content = file.read(MOST_DOCUMENT_BYTES + 1)
    if len(content) > MOST_DOCUMENT_BYTES:
        raise OSError(0, f"it has more than {MOST_DOCUMENT_BYTES} bytes")
    return content
