"""News through whole nodes: what changes at the top is known at the bottom at once, and nobody asks in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tiercache.policy.news import ALL, NAMED, PAGE, Change
from tiercache.simple.model import ProjectName
from tiercache.storage.memory import MemoryCatalogue

PAGES = "/api/v1/pages"
DAY_S = 86400.0


@pytest.fixture
def chain() -> Iterator[ChainOfNodes]:
    chain = ChainOfNodes()
    yield chain
    for node in chain.nodes.values():
        node.stop()


def line(chain: ChainOfNodes, *names: str) -> list[JoinedNode]:
    """Nodes of these names, each the child of the one before; all follow."""
    return [follower(chain, name, *names[at - 1 : at] if at else ()) for at, name in enumerate(names)]


def follower(chain: ChainOfNodes, name: str, *tiers: str, ahead_s: float = 0.0) -> JoinedNode:
    """A node that follows its parents."""
    node = chain.node(name, *tiers, ahead_s=ahead_s)
    node.follow()
    return node


def filenames(node: JoinedNode, project: str = "acme") -> list[str]:
    return sorted(node.files_of(project))


def asked(node: JoinedNode) -> int:
    """How often a node was asked for pages by others."""
    return len(node.asked_for(PAGES))


def journal(node: JoinedNode) -> list[Change]:
    return list(node.catalogue.changes(0, 100_000) or ())


def told(node: JoinedNode) -> list[tuple[str, str]]:
    return [(change.project, change.what) for change in journal(node)]


# -- down a line ------------------------------------------------------------------------------------------------


def test_a_release_at_the_top_is_known_three_tiers_down_at_once(chain: ChainOfNodes) -> None:
    top, server, office, laptop = line(chain, "top", "server", "office", "laptop")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    top.host("acme", "acme-1.1.tar.gz", b"2")
    assert filenames(laptop) == ["acme-1.0.tar.gz", "acme-1.1.tar.gz"]
    assert [asked(node) for node in (top, server, office)] == [2, 2, 2]
    assert chain.clock.seconds() == 0.0


def test_a_first_release_is_known_where_its_name_was_asked_for_and_absent_before(chain: ChainOfNodes) -> None:
    top, _, _, laptop = line(chain, "top", "server", "office", "laptop")
    chain.pass_time(1.0)
    assert laptop.page("acme").status == 404
    assert laptop.page("acme").status == 404
    assert asked(top) == 1
    top.host("acme", "acme-1.0.tar.gz", b"1")
    assert filenames(laptop) == ["acme-1.0.tar.gz"]


def test_a_release_hides_a_project_of_that_name_at_the_index_from_the_moment_it_is_known(chain: ChainOfNodes) -> None:
    office = follower(chain, "office", ORIGIN)
    laptop = follower(chain, "laptop", "office", ORIGIN)
    chain.lists("acme", ("acme-9.9.tar.gz", b"evil"))
    assert filenames(laptop) == ["acme-9.9.tar.gz"]
    office.host("acme", "acme-1.0.tar.gz", b"1")
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    assert laptop.parts.reserved.by(ProjectName("acme")).announced_by == ("office",)
    chain.cut("office")
    chain.drop_connections()
    chain.pass_time(3000.0)
    assert filenames(laptop) == ["acme-1.0.tar.gz"]


def test_a_withdrawn_file_and_a_yank_are_known_at_the_bottom_at_once(chain: ChainOfNodes) -> None:
    top, _, laptop = line(chain, "top", "office", "laptop")
    for version in ("1.0", "1.1"):
        top.host("acme", f"acme-{version}.tar.gz", version.encode())
    assert len(filenames(laptop)) == 2
    chain.index.result(top.parts.hosted.withdraw(ProjectName("acme"), "acme-1.1.tar.gz"))
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    chain.index.result(top.parts.hosted.yank(ProjectName("acme"), "acme-1.0.tar.gz", "broken"))
    assert '"yanked":"broken"' in laptop.page("acme").body.decode()


def test_a_page_that_changes_at_the_index_is_stale_below_as_soon_as_any_node_above_sees_it(chain: ChainOfNodes) -> None:
    office = follower(chain, "office", ORIGIN)
    desk, laptop = follower(chain, "desk", "office"), follower(chain, "laptop", "office")
    chain.lists("numpy", ("numpy-1.0.tar.gz", b"1"))
    assert filenames(laptop, "numpy") == filenames(desk, "numpy") == ["numpy-1.0.tar.gz"]
    chain.lists("numpy", ("numpy-1.0.tar.gz", b"1"), ("numpy-1.1.tar.gz", b"2"))
    desk.page("numpy", {"Cache-Control": "no-cache"})
    assert told(office) == [("numpy", PAGE)]
    assert len(filenames(laptop, "numpy")) == 2
    assert chain.index_requests("numpy") == 2


def test_while_feeds_are_live_no_page_is_asked_for_again_whatever_its_lifetime(chain: ChainOfNodes) -> None:
    top, server, office, laptop = line(chain, "top", "server", "office", "laptop")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    filenames(laptop)
    before = [len(node.received) for node in (top, server, office)]
    for _ in range(3):
        chain.pass_time(1000.0)
        reply = laptop.page("acme")
        assert (reply.status, int(reply.headers["age"]) <= 15) == (200, True)
    assert [len(node.received) for node in (top, server, office)] == before


def test_a_page_from_the_index_has_its_lifetime_although_all_feeds_are_live(chain: ChainOfNodes) -> None:
    chain.lists("numpy", ("numpy-1.0.tar.gz", b"1"))
    follower(chain, "office", ORIGIN)
    laptop = follower(chain, "laptop", "office")
    laptop.page("numpy")
    chain.pass_time(599.0)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 1
    chain.pass_time(1.0)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 2


@pytest.mark.parametrize("ahead_s", [-5 * DAY_S, -100.0, 100.0, 5 * DAY_S])
def test_clock_skew_between_tiers_makes_nothing_fresh_or_stale_that_is_not(chain: ChainOfNodes, ahead_s: float) -> None:
    top = follower(chain, "top")
    follower(chain, "office", "top", ahead_s=ahead_s)
    laptop = follower(chain, "laptop", "office")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    filenames(laptop)
    chain.pass_time(3000.0)
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    assert asked(top) == 1
    top.host("acme", "acme-1.1.tar.gz", b"2")
    assert len(filenames(laptop)) == 2


# -- outages ----------------------------------------------------------------------------------------------------


def test_what_happens_while_the_middle_is_away_is_known_when_it_is_back_and_nothing_else_asked_for(
    chain: ChainOfNodes,
) -> None:
    top, office, laptop = line(chain, "top", "office", "laptop")
    for project in ("acme", "beta"):
        top.host(project, f"{project}-1.0.tar.gz", project.encode())
        filenames(laptop, project)
    chain.cut("top")
    chain.drop_connections()
    chain.pass_time(100.0)
    top.host("acme", "acme-1.1.tar.gz", b"2")
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    chain.join("top")
    chain.pass_time(30.0)
    before = asked(top)
    assert len(filenames(laptop)) == 2
    chain.pass_time(3000.0)
    assert filenames(laptop, "beta") == ["beta-1.0.tar.gz"]
    assert asked(top) == before + 1
    assert ("", ALL) not in told(office)


def test_a_feed_that_breaks_above_gives_pages_their_lifetimes_at_the_bottom(chain: ChainOfNodes) -> None:
    top, office, laptop = line(chain, "top", "office", "laptop")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    filenames(laptop)
    chain.pass_time(3000.0)
    assert top.node_id in laptop.parts.journal.live
    chain.unplug("top")
    chain.pass_time(60.0)  # three heartbeats are missed
    assert laptop.parts.journal.live == {laptop.node_id: 0, office.node_id: 1}
    before = asked(office)
    chain.pass_time(500.0)
    filenames(laptop)
    assert asked(office) == before
    chain.pass_time(100.0)
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    assert asked(office) == before + 1


def test_a_store_that_is_wiped_at_the_office_costs_its_children_one_question_a_page_and_no_private_name(
    chain: ChainOfNodes,
) -> None:
    top, office, laptop = line(chain, "top", "office", "laptop")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    filenames(laptop)
    office.stop()
    wiped = chain.node("office", "top")
    chain.drop_connections()
    wiped.follow()
    chain.pass_time(30.0)
    assert ("", ALL) in told(laptop)
    assert laptop.parts.reserved.by(ProjectName("acme")).announced_by == ("office",)
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    before = asked(wiped)
    chain.pass_time(3000.0)
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    assert asked(wiped) == before
    top.host("acme", "acme-1.1.tar.gz", b"2")
    assert len(filenames(laptop)) == 2


class SlowToSay(MemoryCatalogue):
    """What is published is durable, and in the journal, some time before that is said."""

    held: Deferred[None] | None = None

    def store_hosted(self, *what: Any) -> Deferred[Sequence[Change]]:
        stored: Deferred[Sequence[Change]] = super().store_hosted(*what)
        if self.held is not None:
            self.held.addCallback(lambda _: stored)
            return self.held  # type: ignore[return-value]  # it ends as the other
        return stored


def test_who_comes_back_while_a_release_is_durable_and_not_shown_yet_hears_of_it_all_the_same(
    chain: ChainOfNodes,
) -> None:
    top, laptop = line(chain, "top", "laptop")
    slow = top.catalogue = SlowToSay()
    top.start()
    top.follow()
    chain.pass_time(10.0)
    top.host("acme", "acme-1.0.tar.gz", b"1")
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    shown = slow.held = Deferred()
    with suppress(AssertionError):  # it does not end yet
        top.host("acme", "acme-1.1.tar.gz", b"2")
    chain.drop_connections()
    chain.pass_time(10.0)
    laptop.page("acme", {"Cache-Control": "no-cache"})
    assert filenames(laptop) == ["acme-1.0.tar.gz"]
    shown.callback(None)
    chain.settle()
    assert filenames(laptop) == ["acme-1.0.tar.gz", "acme-1.1.tar.gz"]


def test_a_restart_in_the_middle_loses_no_news(chain: ChainOfNodes) -> None:
    top, office, laptop = line(chain, "top", "office", "laptop")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    filenames(laptop)
    office.stop()
    chain.drop_connections()
    top.host("acme", "acme-1.1.tar.gz", b"2")
    office.start()
    office.follow()
    chain.pass_time(10.0)
    assert len(filenames(laptop)) == 2
    assert told(laptop).count(("acme", PAGE)) == 1


# -- more than one way ------------------------------------------------------------------------------------------


def test_news_that_comes_by_two_ways_is_told_once_and_asked_for_once_or_twice(chain: ChainOfNodes) -> None:
    top, left, right = follower(chain, "top"), follower(chain, "left", "top"), follower(chain, "right", "top")
    laptop = follower(chain, "laptop", "left", "right")
    top.host("acme", "acme-1.0.tar.gz", b"1")
    filenames(laptop)
    top.host("acme", "acme-1.1.tar.gz", b"2")
    assert len(filenames(laptop)) == 2
    assert told(laptop).count(("acme", PAGE)) == 1
    assert laptop.parts.journal.live == {laptop.node_id: 0, left.node_id: 1, right.node_id: 1, top.node_id: 2}
    chain.cut("left")
    chain.drop_connections()
    chain.pass_time(30.0)
    assert laptop.parts.journal.live == {laptop.node_id: 0, right.node_id: 1, top.node_id: 2}


def ring(chain: ChainOfNodes, size: int) -> list[JoinedNode]:
    """Nodes each of which is the child of the next, the last of the first; and `top`, whose child the first is too."""
    names = [f"node-{number}" for number in range(size)]
    follower(chain, "top")
    tiers = [(names[(at + 1) % size], *(["top"] if at == 0 else [])) for at in range(size)]
    nodes = [chain.node(name, *its) for name, its in zip(names, tiers, strict=True)]
    for node in nodes:
        node.follow()
    chain.pass_time(60.0)
    return nodes


@pytest.mark.parametrize("size", [2, 3, 4])
def test_in_a_ring_every_node_is_told_once_and_then_it_is_quiet(chain: ChainOfNodes, size: int) -> None:
    nodes = ring(chain, size)
    before = [len(journal(node)) for node in nodes]
    chain.nodes["top"].host("acme", "acme-1.0.tar.gz", b"1")
    chain.nodes["top"].host("acme", "acme-1.1.tar.gz", b"2")
    chain.pass_time(60.0)
    for node, length in zip(nodes, before, strict=True):
        assert [change for change in told(node)[length:] if change == ("acme", PAGE)] == [("acme", PAGE)]
        assert len(journal(node)) <= length + 4
        assert len(filenames(node)) == 2
    quiet = [len(journal(node)) for node in nodes]
    chain.pass_time(DAY_S / 10)
    assert [len(journal(node)) for node in nodes] == quiet


@pytest.mark.parametrize("size", [2, 3, 4])
def test_in_a_ring_what_one_of_them_hosts_is_told_to_all_and_comes_back_to_nobody(
    chain: ChainOfNodes, size: int
) -> None:
    nodes = ring(chain, size)
    nodes[1].host("acme", "acme-1.0.tar.gz", b"1")
    chain.pass_time(60.0)
    before = [len(journal(node)) for node in nodes]
    nodes[1].host("acme", "acme-1.1.tar.gz", b"2")
    chain.pass_time(60.0)
    assert [len(journal(node)) for node in nodes] == [length + 1 for length in before]
    assert all(len(filenames(node)) == 2 for node in nodes)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_in_a_ring_a_node_that_has_left_is_soon_live_nowhere(chain: ChainOfNodes, size: int) -> None:
    nodes = ring(chain, size)
    gone = chain.nodes["top"].node_id
    assert all(gone in node.parts.journal.live for node in nodes)
    chain.unplug("top")
    chain.pass_time(120.0)
    assert not any(gone in node.parts.journal.live for node in nodes)


@pytest.mark.parametrize("order", list(permutations(("left", "middle", "right"))))
def test_whoever_begins_first_the_same_is_known_in_the_end(chain: ChainOfNodes, order: tuple[str, ...]) -> None:
    tiers = {"left": ("middle",), "middle": ("right",), "right": ()}
    nodes = {name: chain.node(name, *tiers[name]) for name in order}
    for name in order:
        nodes[name].follow()
        chain.pass_time(1.0)
    nodes["right"].host("acme", "acme-1.0.tar.gz", b"1")
    chain.pass_time(40.0)
    assert filenames(nodes["left"]) == ["acme-1.0.tar.gz"]
    assert nodes["right"].node_id in nodes["left"].parts.journal.live
    assert ("acme", NAMED) in told(nodes["left"])
