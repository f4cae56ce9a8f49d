"""From a configured tier to where it is asked."""

from __future__ import annotations

import pytest
from twisted.internet.testing import MemoryReactorClock

from tests.doubles.now import at_once
from tiercache.config.addresses import OwnAddresses
from tiercache.config.values import PUBLIC_INDEX, TierConfig
from tiercache.interfaces import INeighbour, IUpstream
from tiercache.upstream.configured import node_root, simple_base, upstream_of


@pytest.mark.parametrize(
    ("url", "kind", "base"),
    [
        ("http://office.example:8141", "parent", "http://office.example:8141/simple/"),
        ("http://office.example:8141/", "parent", "http://office.example:8141/simple/"),
        ("http://office.example/packages/", "parent", "http://office.example/packages/simple/"),
        ("http://office.example:8141/simple", "parent", "http://office.example:8141/simple/"),
        ("http://laptop.example/packages/", "sibling", "http://laptop.example/packages/simple/"),
        ("https://index.example/", "origin", "https://index.example/simple/"),
        ("https://index.example/", "unknown", "https://index.example/simple/"),
        ("https://index.example/whl/cpu", "unknown", "https://index.example/whl/cpu/"),
        ("https://index.example/simple/", "origin", "https://index.example/simple/"),
        ("https://index.example/whl/cpu", "origin", "https://index.example/whl/cpu/"),
        ("https://index.example/root/+simple/", "origin", "https://index.example/root/+simple/"),
    ],
)
def test_a_url_may_be_the_root_or_the_index_itself(url: str, kind: str, base: str) -> None:
    assert simple_base(url, kind) == base


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://office.example:8141", "http://office.example:8141/"),
        ("http://office.example:8141/", "http://office.example:8141/"),
        ("http://office.example:8141/simple", "http://office.example:8141/"),
        ("http://office.example:8141/simple/", "http://office.example:8141/"),
        ("http://office.example/packages", "http://office.example/packages/"),
        ("http://office.example/packages/simple/", "http://office.example/packages/"),
        ("https://index.example/root/+simple/", "https://index.example/root/+simple/"),
    ],
)
def test_a_nodes_root_is_its_url_without_simple(url: str, root: str) -> None:
    assert node_root(url) == root


@pytest.mark.parametrize(
    ("tier", "kind", "is_neighbour"),
    [
        (TierConfig(url="https://index.example/", kind="origin"), "origin", False),
        (TierConfig(url="https://index.example/", kind="parent"), "parent", True),
        (TierConfig(url="https://index.example/", kind="sibling"), "sibling", True),
        (TierConfig(url="https://index.example/simple/"), "origin", True),  # until it has said that it is a node
        (TierConfig(url=PUBLIC_INDEX), "origin", False),
    ],
)
def test_a_tier_that_may_be_a_node_can_be_asked_as_one(tier: TierConfig, kind: str, is_neighbour: bool) -> None:
    environ = {"HOME": "/nowhere", "PIP_INDEX_URL": "https://public.example/simple/"}
    own = OwnAddresses(listen=())
    found = upstream_of(tier, own_addresses=own, reactor=MemoryReactorClock(), pool=at_once, environ=environ)
    assert IUpstream.providedBy(found)
    assert found.tier.kind == kind
    assert INeighbour.providedBy(found) == is_neighbour
