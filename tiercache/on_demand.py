"""The parts of a node that are made on demand, put together as `tiercache.node` does with the others.

Loaded when the first of them is wanted (`tiercache.parts`), with all that publishes, promotes, prefetches and mints.
"""

from __future__ import annotations

from tiercache.cache.minting import Mint, mint_for
from tiercache.config.accounts import groups_of, permissions_of
from tiercache.parts import Parts
from tiercache.prefetch import prefetching
from tiercache.prefetch.prefetching import PrefetchEdges, Prefetching
from tiercache.publish.dropped import DroppedFiles, NoWatch
from tiercache.publish.forwarding import Forwarding
from tiercache.publish.ownership import Ownership
from tiercache.publish.promotion import Promoter
from tiercache.publish.publisher import Publisher


def publisher_of(parts: Parts) -> Publisher:
    """What takes uploads."""
    given = parts.given
    return Publisher(
        limit_bytes=given.config.publish.max_size_bytes,
        hosted=parts.hosted,
        ownership=Ownership(rules=given.config.projects, chain=parts.chain, pages=parts.pages, reserved=parts.reserved),
        files=parts.stored_files,
        catalogue=parts.catalogue,
        usage=parts.usage,
        pool=given.pool,
        now=given.now,
    )


def promoter_of(parts: Parts) -> Promoter:
    """What hands on what is hosted here."""
    given = parts.given
    return Promoter(
        hosted=parts.hosted,
        files=parts.stored_files,
        usage=parts.usage,
        targets=given.targets,
        upstreams=given.upstreams,
        rules=given.config.projects,
        switch=parts.switch,
        pool=given.pool,
    )


def forwarding_of(parts: Parts) -> Forwarding | None:
    """What hands uploads on; None where they do not go to a tier."""
    target = parts.given.targets.get(parts.given.config.publish.to)
    if target is None:
        return None
    return Forwarding(target=target, chain=parts.chain, entries=parts.entries, switch=parts.switch)


def dropped_files_of(parts: Parts) -> DroppedFiles:
    """What takes the files that are put into folders."""
    given = parts.given
    store = given.config.store
    return DroppedFiles.of(
        given.config.publish.directories,
        store=None if store.files == store.catalogue == "memory" else store.path,
        hosted=parts.hosted,
        publisher=parts.publisher,
        files=parts.stored_files,
        catalogue=parts.catalogue,
        watch=given.watch or NoWatch,
        pool=given.pool,
        clock=given.clock,
    )


def prefetching_of(parts: Parts) -> Prefetching:
    """What carries prefetches out."""
    given = parts.given
    return prefetching.prefetching_of(
        given.config.prefetch,
        parts.cached,
        PrefetchEdges() if given.prefetch_edges is None else given.prefetch_edges(),
        permissions=permissions_of(given.config.access),
        groups_of=lambda user: groups_of(given.config.access, user),
        clock=given.clock,
        now=given.now,
        pool=given.pool,
    )


def mint_of(parts: Parts) -> Mint | None:
    """What issues tokens to trusted publishers; None where there are none."""
    given = parts.given
    return mint_for(given.config, given.issuers(), tokens=parts.tokens, catalogue=parts.catalogue, now=given.now)
