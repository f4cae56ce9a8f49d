"""From what is configured for one tier to the object that speaks to it: what `node.py` calls.

Reads certificates and netrc (blocking, at start).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.web.iweb import IAgent

from tiercache.cache.share import Share
from tiercache.errors import ConfigInvalid, Problem
from tiercache.interfaces import IPublishTarget, IUpstream, Pool, Tier
from tiercache.upstream.connections import http_agent
from tiercache.upstream.credentials import credentials_of, netrc_path
from tiercache.upstream.proxies import proxies_from
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Deadlines, Requests
from tiercache.upstream.simple_index import Limits, SimpleIndex
from tiercache.upstream.target import Target
from tiercache.upstream.trust import ca_bundle, client_certificate, https_policy, trusted


@frozen(kw_only=True)
class TierSettings:
    """One tier as configured, secrets resolved.  `url` is the index's base (it ends in `/simple/` or the like).

    `root_url` is where a node's root would be; None for a tier that is no node.  `upload_url` is where it takes the
    upload form; None where that is not known.
    """

    name: str
    kind: str
    url: str = field(repr=False)  # it may hold credentials
    root_url: str | None = field(default=None, repr=False)
    upload_url: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca: Path | None = None
    client_certificate: Path | None = None
    files_from: tuple[str, ...] = ()
    connect_timeout_s: float = 3.0
    first_byte_s: float = 10.0
    silence_s: float = 30.0


def upstream(settings: TierSettings, **surroundings: Any) -> IUpstream:
    """The upstream of one tier, ready to be asked; `surroundings` as for `simple_index`.  Raises ConfigInvalid."""
    index = simple_index(settings, **surroundings)
    if settings.root_url is None:
        return index
    from tiercache.upstream.parent import Parent  # with the language that nodes speak

    return Parent(index=index, root_url=settings.root_url)


def simple_index(
    settings: TierSettings,
    *,
    reactor: Any,  # one interface for all that a reactor has to be here does not exist
    pool: Pool,
    now: Callable[[], float],
    jitter: Callable[[], float],
    environment: Mapping[str, str],
    home: Path,
    limits: Limits | None = None,
    node_id: str | None = None,
    share: Share | None = None,
) -> SimpleIndex:
    """What speaks the Simple API to a tier.  `environment` and `home` are where proxies, bundles, netrc stand.

    Raises ConfigInvalid: a URL that is none, a bundle or certificate that cannot be used, a proxy that is not spoken.
    """
    try:
        base = Target.parse(settings.url)
    except ValueError as error:
        problem = Problem(place=f"tier {settings.name}, url", what=f"this cannot be asked: {error}")
        raise ConfigInvalid(source="of the tiers", problems=(problem,)) from None
    reach = Reach(own=base.host.name, declared=settings.files_from)
    return SimpleIndex(
        tier=Tier(name=settings.name, kind=settings.kind),
        base_url=base.bare().url,
        agent=_agent(settings, reactor, environment, reach, certified=base.host.name),
        clock=reactor,
        now=now,
        jitter=jitter,
        pool=pool,
        credentials=credentials_of(
            base,
            user=settings.user,
            password=settings.password,
            token=settings.token,
            netrc_file=netrc_path(environment, home),
            declared_hosts=settings.files_from,
        ),
        files_from=settings.files_from,
        deadlines=_deadlines(settings),
        limits=limits or Limits(),
        node_id=node_id,
        share=share,
    )


def uploads(
    settings: TierSettings,
    *,
    reactor: Any,  # as in `simple_index`
    pool: Pool,
    now: Callable[[], float],
    jitter: Callable[[], float],
    boundary: Callable[[], str],
    environment: Mapping[str, str],
    node_id: str | None = None,
) -> IPublishTarget | None:
    """What hands uploads on to a tier; None where it is not known where the tier takes them.

    It has none of the tier's credentials.  Raises ConfigInvalid as `simple_index`.
    """
    if settings.upload_url is None:
        return None
    try:
        base, target = Target.parse(settings.url), Target.parse(settings.upload_url)
    except ValueError as error:
        problem = Problem(place=f"tier {settings.name}, publish-url", what=f"this cannot be asked: {error}")
        raise ConfigInvalid(source="of the tiers", problems=(problem,)) from None
    from tiercache.upstream.uploads import Uploads  # few nodes hand on what is published

    reach = Reach(own=target.host.name)
    return Uploads(
        requests=Requests(
            tier=Tier(name=settings.name, kind=settings.kind),
            agent=_agent(settings, reactor, environment, reach, certified=base.host.name, keeps_connections=False),
            clock=reactor,
            now=now,
            jitter=jitter,
            reach=reach,
            deadlines=_deadlines(settings),
            node_id=node_id,
        ),
        target=target,
        pool=pool,
        boundary=boundary,
    )


def _deadlines(settings: TierSettings) -> Deadlines:
    return Deadlines(first_byte_s=settings.first_byte_s, silence_s=settings.silence_s)


def _agent(
    settings: TierSettings,
    reactor: Any,
    environment: Mapping[str, str],
    reach: Reach,
    *,
    certified: str,
    keeps_connections: bool = True,
) -> IAgent:
    """What connects for a tier; the host `certified` is shown this node's certificate, if it has one."""
    certificate = settings.client_certificate
    return http_agent(
        reactor,
        https=https_policy(
            trusted(ca_bundle(settings.ca, environment)),
            certificate=None if certificate is None else client_certificate(certificate),
            own=certified,
        ),
        reach=reach,
        connect_timeout_s=settings.connect_timeout_s,
        proxies=proxies_from(environment),
        keeps_connections=keeps_connections,
    )
