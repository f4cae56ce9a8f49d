"""Where requests for pages have been: rings of nodes neither wait for themselves nor end in a 404."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, NO_CACHE, SmallNode, listed, scripted
from tiercache.cache.pages import ShownPage
from tiercache.cache.signal import Signal
from tiercache.errors import NoTierAnswered
from tiercache.policy.entry import Ask
from tiercache.policy.hops import Hops
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000


def shown(node: SmallNode, project: ProjectName = NUMPY, ask: Ask = ANY) -> ShownPage:
    return result_of(node.parts.pages.shown(project, ask))


def page_requests(tier: object) -> int:
    return sum(words[0] == "page" for words in tier.asked)  # type: ignore[attr-defined]  # a ScriptedUpstream


def after(*nodes: str) -> Ask:
    return Ask(hops=Hops(cdn_loop=nodes))


def test_a_forward_carries_the_hops_of_the_request_that_began_it() -> None:
    tier = scripted(gate=Signal())
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.pages.shown(NUMPY, ask)) for ask in (after("a"), after("b"))]
    assert tier.gate is not None
    tier.gate.fire()
    assert [result_of(waiter).outcome.collapsed for waiter in waiting] == [False, True]
    assert tier.passed == [("a",)]


def test_only_requests_equally_far_from_their_clients_share_a_forward() -> None:
    """Two nodes that are each other's parents would else wait for each other."""
    tier = scripted(gate=Signal())
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.pages.shown(NUMPY, ask)) for ask in (ANY, after("a"), after("a", "b"), after("c"))]
    assert tier.gate is not None
    tier.gate.fire()
    assert [result_of(waiter).outcome.collapsed for waiter in waiting] == [False, False, False, True]
    assert tier.passed == [(), ("a",), ("a", "b")]


def test_a_tier_that_loops_is_passed_over_and_is_not_taken_for_down() -> None:
    ring, tier = scripted("ring", loops=True), scripted("public")
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[ring, tier], config=evolve(CONFIG, projects=()))
    for _ in range(10):
        assert shown(node, ask=NO_CACHE).page.files
    assert page_requests(ring) == 10
    assert node.parts.stats.tier_failures == 0


@pytest.mark.parametrize(("silent", "reason"), [(None, "loop"), ("connection refused", "connection refused")])
def test_a_loop_is_no_absence_and_is_told_only_where_no_tier_is_down(silent: str | None, reason: str) -> None:
    node = SmallNode(upstreams=[scripted("ring", loops=True), scripted("public", silent=silent)])
    with pytest.raises(NoTierAnswered) as raised:
        shown(node)
    assert raised.value.reason == reason


def test_a_client_that_insists_by_max_age_zero_is_answered_from_the_top() -> None:
    tier = scripted(etag='"one"')
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    shown(node, ask=Ask(max_age_s=0.0))
    assert tier.asked[-1] == ("page", "numpy", '"one"', "no-cache")
    node.clock.advance(10)
    shown(node, ask=Ask(max_age_s=5.0))
    assert tier.asked[-1] == ("page", "numpy", '"one"', "")
