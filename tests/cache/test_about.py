"""What a node says of itself and of its tiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.doubles.scripted_journal import EPOCH, ScriptedJournal
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.about import ASKED_EVERY_S, About, Heard, counted, within
from tiercache.cache.chain import Chain
from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import NotANode, TierUnreachable
from tiercache.interfaces import INeighbour, IUpstream, StoredEntry, Tier
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.entry import Head
from tiercache.policy.hops import MOST_HOPS
from tiercache.simple.model import ProjectName
from tiercache.stats import Stats
from tiercache.storage.memory import MemoryCatalogue
from tiercache.wire import FEATURES, MOST_TIERS, NodeState, Reserved, TierState


@implementer(IUpstream, INeighbour)
class NodeAbove(ScriptedUpstream):
    """A tier that says what it is; or raises that, or waits for it."""

    says: Any = None
    times: int = 0

    async def about(self) -> NodeState:
        self.times += 1
        said = await self.says if isinstance(self.says, Deferred) else self.says
        if isinstance(said, Exception):
            raise said
        assert isinstance(said, NodeState)
        return said


def above(name: str, says: Any, kind: str = "parent") -> NodeAbove:
    tier = NodeAbove(tier=Tier(name=name, kind=kind))
    tier.says = says
    return tier


def node(id_: str, **origins: int) -> NodeState:
    return NodeState(name=id_, id=id_, version="1", origins=origins)


@define
class Node:
    upstreams: list[ScriptedUpstream]
    clock: Clock = field(factory=Clock)
    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    journal: ScriptedJournal = field(factory=ScriptedJournal)
    heard: dict[str, Heard] = field(factory=dict)
    about: About = field(init=False)

    def __attrs_post_init__(self) -> None:
        chain = Chain(
            switch=OfflineSwitch(catalogue=self.catalogue, configured=False),
            clock=self.clock,
            now=self.clock.seconds,
            rules=(),
            breaker_rules=BreakerRules(),
            stats=Stats(),
        )
        for upstream in self.upstreams:
            chain.add(upstream)
        self.about = About(
            name="laptop",
            id="here",
            version="1.2.3",
            chain=chain,
            catalogue=self.catalogue,
            journal=self.journal,
            reserved=lambda: Reserved(digest="d", complete=True),
            heard=self.heard.get,
            now=self.clock.seconds,
        )


def origin(name: str = "public") -> ScriptedUpstream:
    return ScriptedUpstream(tier=Tier(name=name, kind="origin"))


def test_a_node_tells_its_name_its_journal_and_what_it_offers() -> None:
    here = Node([])
    here.journal.append("numpy")
    here.journal.set_live({"here": 0, "above": 1})
    state = here.about.state()
    assert (state.name, state.id, state.version, state.features) == ("laptop", "here", "1.2.3", FEATURES)
    assert (state.epoch, state.serial, state.reserved, state.live) == (EPOCH, 1, "d", {"here": 0, "above": 1})


def test_a_tier_is_told_as_it_is_known() -> None:
    here = Node([above("office", node("office-id")), origin()])
    here.heard["office"] = Heard(is_live=True, lag=2)
    for project, tier in (("a", "office"), ("b", "office"), ("c", "public")):
        head = Head(tier=tier, requested_at=0.0, received_at=0.0)
        here.catalogue.store_entry(StoredEntry(project=ProjectName(project), head=head, body=b"page"))
    office, public = here.about.state().tiers
    assert (office.name, office.kind, office.state, office.id) == ("office", "parent", "unknown", "office-id")
    assert (office.live, office.lag, office.home_of) == (True, 2, 2)
    assert (public.name, public.id, public.live, public.lag, public.home_of) == ("public", None, False, None, 1)


@pytest.mark.parametrize(
    ("tiers", "origins"),
    [
        ([], {}),
        ([origin()], {"public": 1}),
        ([above("office", node("a", public=1))], {"public": 2}),
        ([above("office", node("a", public=1)), origin()], {"public": 1}),
        ([origin(), above("office", node("a", public=1, other=3))], {"public": 1, "other": 4}),
        ([above("office", node("a", far=MOST_HOPS - 1))], {"far": MOST_HOPS}),
        ([above("office", node("a", far=MOST_HOPS))], {}),
        ([above("office", node("a", odd=0, odder=-3))], {}),
        ([above("desk", node("a", public=1), kind="sibling")], {}),
        ([above("office", NotANode(tier="office", reason="no"))], {}),
        ([above("office", TierUnreachable(tier="office", reason="no"))], {}),
    ],
)
def test_origins_are_told_with_the_shortest_way_to_them(tiers: list[ScriptedUpstream], origins: dict[str, int]) -> None:
    assert Node(tiers).about.state().origins == origins


def test_tiers_are_asked_now_and_then_and_not_for_each_who_asks() -> None:
    office = above("office", node("office-id"))
    here = Node([office])
    here.about.state()
    here.clock.advance(ASKED_EVERY_S - 0.01)
    here.about.state()
    assert office.times == 1
    here.clock.advance(0.01)
    here.about.state()
    assert office.times == 2


def test_nobody_waits_for_a_tier_that_does_not_answer_and_its_last_word_stays() -> None:
    office = above("office", node("office-id"))
    here = Node([office])
    here.about.state()
    office.says = Deferred()
    here.clock.advance(ASKED_EVERY_S)
    assert here.about.state().tiers[0].id == "office-id"
    office.says.callback(TierUnreachable(tier="office", reason="no"))
    assert here.about.state().tiers[0].id == "office-id"
    office.says = NotANode(tier="office", reason="another program")
    here.clock.advance(ASKED_EVERY_S)
    assert here.about.state().tiers[0].id is None


def test_a_node_that_stops_asks_nobody_any_more() -> None:
    office = above("office", Deferred())
    here = Node([office])
    here.about.state()
    here.about.stop()
    assert office.says.called


# -- what is above the tiers ------------------------------------------------------------------------------------


def tier(name: str, id_: str | None = None, *tiers: TierState) -> TierState:
    return TierState(name=name, kind="origin" if id_ is None else "parent", state="up", id=id_, tiers=tiers)


def names(tiers: Sequence[TierState]) -> list[Any]:
    return [(tier.name, names(tier.tiers)) if tier.tiers else tier.name for tier in tiers]


def test_what_tiers_said_of_theirs_is_told_up_to_the_origins() -> None:
    said = evolve(node("office-id"), tiers=(tier("private", "private-id", tier("public")), tier("mirror")))
    here = Node([above("office", said), origin()])
    assert names(here.about.state().tiers) == [("office", [("private", ["public"]), "mirror"]), "public"]


def test_two_nodes_that_are_each_others_parents_are_told_once_each() -> None:
    laptop = tier("laptop", "here", tier("office", "office-id", tier("laptop", "here")))
    here = Node([above("office", evolve(node("office-id"), tiers=(laptop, tier("public"))))])
    assert names(here.about.state().tiers) == [("office", ["laptop", "public"])]


def test_ring_of_three_is_told_once_round() -> None:
    round_again = tier("a", "here", tier("b", "b-id", tier("c", "c-id", tier("a", "here"))))
    here = Node([above("b", evolve(node("b-id"), tiers=(tier("c", "c-id", round_again),)))])
    assert names(here.about.state().tiers) == [("b", [("c", ["a"])])]


def test_no_more_tiers_are_told_than_may_be_and_no_more_levels_than_hops() -> None:
    many = tuple(tier(f"t{number}", f"id-{number}", tier("above")) for number in range(MOST_TIERS))
    assert counted(within(many, frozenset(["here"]))) == MOST_TIERS
    assert counted(within(many[:-1], frozenset(["here"]))) == MOST_TIERS
    assert names(within(many[:-1], frozenset(["here"])))[:2] == [("t0", ["above"]), "t1"]
    high = tier("top")
    for number in range(MOST_HOPS + 3):
        high = tier(f"n{number}", f"id-{number}", high)
    levels, told = 0, within([high], frozenset(["here"]))
    while told:
        levels, told = levels + 1, told[0].tiers
    assert levels == MOST_HOPS + 1
