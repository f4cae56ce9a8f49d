"""What a node serves to other nodes alone: loaded when the first node below asks."""

from __future__ import annotations

from tiercache.config import Config
from tiercache.parts import Parts
from tiercache.prefetch.next_sidecar import NextSidecars, at_ease
from tiercache.web.for_nodes import ForNodes
from tiercache.web.limits import limits_of
from tiercache.web.site import Presence


def for_nodes_of(config: Config, parts: Parts, presence: Presence) -> ForNodes:
    """What those routes are about."""
    given = parts.given
    return ForNodes(
        presence=presence,
        limits=limits_of(config),
        clock=given.clock,
        pool=given.pool,
        pages=parts.pages,
        files=parts.files,
        journal=parts.journal,
        about=parts.about.state,
        reserved=parts.reserved.announced,
        sidecars=parts.newest_sidecars,
        next_sidecars=NextSidecars(
            catalogue=parts.catalogue,
            sidecars=parts.sidecars,
            is_at_ease=at_ease(parts.chain, config.prefetch),
            clock=given.clock,
            pool=given.pool,
        ),
    )
