"""What is known of the tiers: suspicion, what counts as an answer, and what the chain tells of its links."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred

from tests.doubles.neighbour import ScriptedNeighbour, sibling
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.signal import Signal
from tiercache.errors import LoopFound, NotANode, TierUnreachable, TierWithoutAnswer
from tiercache.interfaces import Tier
from tiercache.policy.hops import LOOP
from tiercache.simple.model import Page
from tiercache.simple.names import normalise

NUMPY = normalise("numpy")
DOWN = TierUnreachable(tier="office", reason="down")


def state(node: SmallNode, name: str = "office") -> str:
    return next(link.state for link in node.parts.chain.links() if link.name == name)


def office(**what: object) -> ScriptedUpstream:
    tier = scripted("office", **what)
    listed(tier, "numpy", ("numpy-1.0.tar.gz", b"an archive"))
    return tier


def test_a_suspected_tier_is_probed_at_once_and_taken_for_down_if_it_does_not_answer() -> None:
    tier = office(silent="down")
    node = SmallNode(upstreams=[tier])
    node.parts.chain.suspect("office")
    assert tier.asked == [("probe",)]
    assert state(node) == "down"
    assert node.parts.stats.breakers_opened == 1
    node.clock.advance(CONFIG.breaker.probe_every_s)  # and then as any tier that is down
    assert tier.asked == [("probe",)] * 2


def test_a_suspected_tier_that_answers_stays_in_use() -> None:
    for what in ({}, {"loops": True}, {"cannot_say": True}):
        tier = office(**what)
        node = SmallNode(upstreams=[tier])
        node.parts.chain.heard("office", DOWN)
        node.parts.chain.suspect("office")
        assert (tier.asked, state(node)) == ([("probe",)], "up")
        for _ in range(2):
            node.parts.chain.heard("office", DOWN)
        assert state(node) == "up"


def test_a_tier_is_suspected_once_at_a_time() -> None:
    tier = office()
    gate = Signal()
    plain = tier.probe

    async def slow() -> None:
        await gate.wait()
        await plain()

    tier.probe = slow  # type: ignore[method-assign]  # this tier takes its time
    node = SmallNode(upstreams=[tier])
    for _ in range(3):
        node.parts.chain.suspect("office")
    gate.fire()
    assert tier.asked == [("probe",)]
    node.parts.chain.suspect("office")
    gate.fire()
    assert tier.asked == [("probe",)] * 2


def test_suspicion_asks_nothing_of_a_tier_that_is_down_nor_while_offline_nor_after_the_end_nor_of_strangers() -> None:
    tier = office(silent="down")
    node = SmallNode(upstreams=[tier])
    node.parts.chain.suspect("nobody")
    result_of(node.parts.switch.set(True))
    node.parts.chain.suspect("office")
    result_of(node.parts.switch.set(False))
    for _ in range(3):
        node.parts.chain.heard("office", DOWN)
    node.parts.chain.suspect("office")
    node.parts.chain.heard("office", None)
    node.parts.chain.stop()
    node.parts.chain.suspect("office")
    assert tier.asked == []


def test_an_answer_that_comes_while_a_suspected_tier_is_probed_counts_for_more() -> None:
    tier = office()
    gate = Signal()

    async def late() -> None:
        await gate.wait()
        raise DOWN

    tier.probe = late  # type: ignore[method-assign]  # this tier answers something else first
    node = SmallNode(upstreams=[tier])
    node.parts.chain.suspect("office")
    result_of(node.page("numpy"))
    gate.fire()
    assert state(node) == "up"


def test_a_probe_of_suspicion_that_breaks_unforeseen_leaves_the_tier_in_use() -> None:
    tier = office()

    async def broken() -> None:
        raise ZeroDivisionError

    tier.probe = broken  # type: ignore[method-assign]  # this tier is broken
    node = SmallNode(upstreams=[tier])
    node.parts.chain.suspect("office")
    assert result_of(node.page("numpy")).files


def test_only_silence_counts_against_a_tier() -> None:
    for harmless in (
        TierWithoutAnswer(tier="office", reason="its own tiers are down"),
        LoopFound(tier="office", reason=LOOP),
        NotANode(tier="office", reason="it is an index"),
        None,
    ):
        node = SmallNode(upstreams=[office()])
        for _ in range(10):
            node.parts.chain.heard("office", harmless)
        assert node.parts.stats.breakers_opened == 0, harmless


def test_an_answer_that_says_nothing_ends_a_row_of_failures_and_what_is_no_node_does_not() -> None:
    for between, opened in (
        (TierWithoutAnswer(tier="office", reason="x"), 0),
        (NotANode(tier="office", reason="x"), 1),
    ):
        node = SmallNode(upstreams=[office()])
        for error in (DOWN, DOWN, between, DOWN):
            node.parts.chain.heard("office", error)
        assert node.parts.stats.breakers_opened == opened


def test_links_are_told_in_order_with_what_is_known_of_each() -> None:
    gate = Signal()
    tiers = [office(gate=gate), scripted("spare"), scripted("public", silent="down"), sibling("near")]
    node = SmallNode(upstreams=tiers)
    waiting = begun(node.parts.pages.shown(NUMPY, ANY))
    node.clock.advance(0.25)
    gate.fire()
    result_of(waiting)
    for _ in range(3):
        node.parts.chain.heard("public", evolve(DOWN, tier="public"))
    assert [(link.name, link.kind, link.state, link.round_trip_s) for link in node.parts.chain.links()] == [
        ("office", "origin", "up", 0.25),
        ("spare", "origin", "unknown", None),
        ("public", "origin", "down", None),
        ("near", "sibling", "unknown", None),
    ]


def test_neighbours_are_the_tiers_that_may_be_nodes() -> None:
    parent = ScriptedNeighbour(tier=Tier(name="parent", kind="parent"))
    near = sibling("near")
    node = SmallNode(upstreams=[parent, scripted("public"), near])
    assert node.parts.chain.neighbours() == {"parent": parent, "near": near}


def five_waiting(node: SmallNode) -> list[Deferred[Page]]:
    """Five clients that wait for five projects of the first tier, which says nothing."""
    return [begun(node.page(f"project-{number}")) for number in range(5)]


def test_nobody_waits_any_more_for_a_tier_that_is_taken_for_down() -> None:
    tier, public = scripted("office", gate=Signal()), scripted("public")
    for number in range(5):
        listed(public, f"project-{number}", (f"project_{number}-1.0.tar.gz", b"an archive"))
    node = SmallNode(upstreams=[tier, public])
    waiting = five_waiting(node)
    assert not any(client.called for client in waiting)
    for _ in range(3):
        node.parts.chain.heard("office", DOWN)
    assert [len(result_of(client).files) for client in waiting] == [1] * 5
    assert node.parts.stats.breakers_opened == 1
    assert node.parts.stats.tier_failures == 3  # those who were let go count for nothing


def test_a_tier_that_asks_for_time_still_answers_what_it_was_asked_before() -> None:
    gate = Signal()
    tier = scripted("office", gate=gate)
    for number in range(5):
        listed(tier, f"project-{number}", (f"project_{number}-1.0.tar.gz", b"an archive"))
    node = SmallNode(upstreams=[tier])
    waiting = five_waiting(node)
    node.parts.chain.heard("office", evolve(DOWN, retry_after_s=30.0))
    assert state(node) == "down"
    gate.fire()
    assert [len(result_of(client).files) for client in waiting] == [1] * 5
