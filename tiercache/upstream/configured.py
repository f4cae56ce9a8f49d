"""From a tier as configured to the upstream that speaks to it: what `node.py` calls."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from attrs import evolve

from tiercache.cache.share import Share
from tiercache.config.addresses import OwnAddresses
from tiercache.config.values import PUBLIC_INDEX, TierConfig
from tiercache.interfaces import IPublishTarget, IUpstream, Pool
from tiercache.upstream.kinds import ORIGIN, PARENT, SIBLING, UNKNOWN
from tiercache.upstream.public_index import (
    pip_certificates_of_this_machine,
    pip_index_of_this_machine,
    tier_with_public_index,
)
from tiercache.upstream.simple_index import Limits
from tiercache.upstream.tier import TierSettings, uploads, upstream
from tiercache.upstream.trust import ca_bundle


def upstream_of(
    configured: TierConfig,
    *,
    own_addresses: OwnAddresses,
    reactor: Any,  # one interface for all that a reactor has to be here does not exist
    pool: Pool,
    environ: Mapping[str, str],
    node_id: str | None = None,
    share: Share | None = None,
) -> IUpstream:
    """The upstream of a configured tier.  Blocking, for the start.

    Of a tier that is a node, or of which nobody said what it is, it is an `INeighbour` too.  `node_id` is what this
    node is called in the requests that it sends, `share` that of the reactor's turns in which it goes on with answers.

    Raises ConfigInvalid.
    """
    tier = configured
    if tier.url == PUBLIC_INDEX:
        tier = tier_with_public_index(tier, pip_index_of_this_machine(own_addresses, environ))
        if tier.ca is None and ca_bundle(None, environ) is None:
            tier = evolve(tier, ca=pip_certificates_of_this_machine(environ))
    limits = Limits(page=tier.max_page_bytes)
    return upstream(
        _settings(tier),
        reactor=reactor,
        pool=pool,
        now=time.time,
        jitter=random.random,
        environment=environ,
        home=Path(environ.get("HOME") or Path.home()),
        limits=limits if tier.max_file_bytes is None else evolve(limits, file=tier.max_file_bytes),
        node_id=node_id,
        share=share,
    )


def publish_target_of(
    configured: TierConfig,
    *,
    reactor: Any,  # as in `upstream_of`
    pool: Pool,
    environ: Mapping[str, str],
    node_id: str | None = None,
) -> IPublishTarget | None:
    """What hands uploads on to a configured tier, None for one of which nobody said where it takes them.

    Blocking, for the start.  Raises ConfigInvalid.
    """
    if not configured.takes_uploads:
        return None
    tier = configured
    if tier.url == PUBLIC_INDEX and tier.ca is None and ca_bundle(None, environ) is None:
        tier = evolve(tier, ca=pip_certificates_of_this_machine(environ))
    if tier.url == PUBLIC_INDEX and tier.publish_url is not None:
        tier = evolve(tier, url=tier.publish_url)  # where its pages are is of no concern here
    return uploads(
        _settings(tier),
        reactor=reactor,
        pool=pool,
        now=time.time,
        jitter=random.random,
        boundary=lambda: secrets.token_hex(16),
        environment=environ,
        node_id=node_id,
    )


def _settings(tier: TierConfig) -> TierSettings:
    kind = tier.kind or UNKNOWN
    return TierSettings(
        name=tier.name,
        kind=kind,
        url=simple_base(tier.url, kind),
        root_url=None if kind == ORIGIN else node_root(tier.url),
        upload_url=upload_url(tier),
        user=tier.user,
        password=tier.password.reveal() if tier.password is not None else None,
        token=tier.token.reveal() if tier.token is not None else None,
        ca=Path(tier.ca) if tier.ca is not None else None,
        client_certificate=Path(tier.client_certificate) if tier.client_certificate is not None else None,
        files_from=tier.files_from,
        connect_timeout_s=tier.connect_timeout_s,
        first_byte_s=tier.timeout_s,
        silence_s=tier.silence_timeout_s,
    )


def upload_url(tier: TierConfig) -> str | None:
    """Where a tier takes the upload form; None where that is not known."""
    if tier.publish_url is None and tier.kind == PARENT:
        return node_root(tier.url) + "legacy/"
    return tier.publish_url


def simple_base(url: str, kind: str) -> str:
    """Where a tier's project pages are: below `simple/` if the URL is a root, and always for another node."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    is_root = not path or kind in {PARENT, SIBLING}
    if is_root and path.rpartition("/")[2] != "simple":
        path += "/simple"
    return urlunsplit(parts._replace(path=path + "/"))


def node_root(url: str) -> str:
    """Where the root of a node is whose pages, or whose root, are at this URL."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if path.rpartition("/")[2] == "simple":
        path = path.removesuffix("simple").rstrip("/")
    return urlunsplit(parts._replace(path=path + "/"))
