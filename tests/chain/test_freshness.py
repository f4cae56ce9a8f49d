"""Lifetimes through a chain: what the index said counts once, however many nodes are in between."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import CONFIG
from tests.doubles.tier_http import JSON_TYPE

NUMPY = ("numpy-1.0.tar.gz", b"an archive")
LATER = ("numpy-2.0.tar.gz", b"another archive")
INSISTING = [{"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}, {"Pragma": "no-cache"}]


def three() -> tuple[ChainOfNodes, JoinedNode, JoinedNode, JoinedNode]:
    chain = ChainOfNodes()
    private, office, laptop = (
        chain.node("private", ORIGIN),
        chain.node("office", "private"),
        chain.node("laptop", "office"),
    )
    chain.lists("numpy", NUMPY)
    return chain, private, office, laptop


# -- N tiers are one lifetime -----------------------------------------------------------------------------------


def test_three_tiers_do_not_add_three_lifetimes() -> None:
    """Mistake 21 of protocol.md: N tiers × 10 minutes of staleness, since Age is dropped."""
    chain, private, office, laptop = three()
    private.page("numpy")
    chain.advance(250)
    office.page("numpy")
    chain.advance(250)
    assert laptop.page("numpy").headers["age"] == "500"
    chain.advance(99)
    assert laptop.page("numpy").headers["cache-status"].startswith("laptop; hit")
    assert chain.index_requests("numpy") == 1
    chain.lists("numpy", NUMPY, LATER)
    chain.advance(1)
    assert LATER[0] in laptop.page("numpy").body.decode()
    assert chain.index_requests("numpy") == 2


def test_the_age_that_the_index_states_counts_at_the_bottom_too() -> None:
    chain, _, _, laptop = three()
    chain.lists("numpy", NUMPY, age_s=400)
    assert laptop.page("numpy").headers["age"] == "400"
    chain.advance(199)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 1
    chain.advance(1)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 2


def test_within_its_lifetime_a_page_is_asked_of_no_parent() -> None:
    chain, private, office, laptop = three()
    for _ in range(20):
        assert laptop.page("numpy").status == 200
        chain.advance(29)
    assert [len(node.received) for node in (private, office)] == [1, 1]


def test_a_304_from_above_makes_every_node_fresh_again() -> None:
    chain, private, office, laptop = three()
    laptop.page("numpy")
    chain.advance(600)
    reply = laptop.page("numpy")
    assert reply.headers["age"] == "0"
    assert reply.headers["cache-status"].count("fwd-status=304") == 3
    chain.advance(599)
    laptop.page("numpy")
    assert [len(node.received) for node in (private, office)] == [2, 2]
    assert chain.index_requests("numpy") == 2


def test_a_304_from_a_parent_carries_the_age_of_what_it_confirms() -> None:
    chain, private, office, laptop = three()
    laptop.page("numpy")
    chain.advance(600)
    private.page("numpy")  # fresh there from here on
    chain.advance(300)
    reply = laptop.page("numpy")
    assert reply.headers["age"] == "300"
    assert "private; hit" in reply.headers["cache-status"]
    assert chain.index_requests("numpy") == 2
    chain.advance(299)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 2
    chain.advance(1)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 3
    assert [len(office.received), len(private.received)] == [3, 4]


def test_the_shortest_lifetime_of_the_chain_counts_below() -> None:
    chain = ChainOfNodes()
    chain.node("office", ORIGIN, freshness=evolve(CONFIG.freshness, page_s=60.0))
    laptop = chain.node("laptop", "office")
    chain.lists("numpy", NUMPY)
    assert laptop.page("numpy").headers["cache-control"] == "max-age=0, s-maxage=60, must-revalidate"
    chain.advance(59)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 1
    chain.advance(1)
    laptop.page("numpy")
    assert chain.index_requests("numpy") == 2


@pytest.mark.parametrize("ahead_s", [0.0, 400.0, -400.0, -700.0])
def test_a_parent_whose_clock_is_wrong_makes_no_page_fresh_for_longer_nor_for_less_long(ahead_s: float) -> None:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN, ahead_s=ahead_s)
    laptop = chain.node("laptop", "office")
    chain.lists("numpy", NUMPY)
    laptop.page("numpy")
    chain.advance(599)
    laptop.page("numpy")
    assert len(office.received) == 1
    chain.advance(1)
    laptop.page("numpy")
    assert len(office.received) == 2


def test_what_the_index_forbids_to_store_is_forbidden_all_the_way_down() -> None:
    chain, _, _, laptop = three()
    chain.lists("numpy", NUMPY, fields={"Cache-Control": "no-store, max-age=600"})
    for _ in range(2):
        assert laptop.page("numpy").headers["cache-control"] == "no-store"
    assert chain.index_requests("numpy") == 2


def test_a_page_that_is_stale_above_is_stale_below() -> None:
    chain, _, office, laptop = three()
    office.page("numpy")
    chain.cut(ORIGIN)
    chain.advance(700)
    first = laptop.page("numpy")
    assert (first.status, first.headers["age"]) == (200, "700")
    chain.join(ORIGIN)
    chain.advance(10)
    laptop.page("numpy")
    assert laptop.page("numpy").headers["age"] == "0"


def test_an_absence_is_remembered_by_each_node_for_its_own_minute_at_most() -> None:
    chain, private, office, laptop = three()
    assert laptop.page("scipy").status == 404
    chain.lists("scipy", ("scipy-1.0.tar.gz", b"x"))
    chain.advance(59)
    assert laptop.page("scipy").status == 404
    chain.advance(1)
    assert laptop.page("scipy").status == 200
    assert [len(node.received) for node in (private, office)] == [2, 2]


# -- what clients insist on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", INSISTING)
def test_a_client_that_insists_is_answered_from_the_top(headers: dict[str, str]) -> None:
    chain, _, _, laptop = three()
    laptop.page("numpy")
    chain.lists("numpy", NUMPY, LATER)
    assert LATER[0] not in laptop.page("numpy").body.decode()
    assert LATER[0] in laptop.page("numpy", headers).body.decode()
    assert LATER[0] in laptop.page("numpy").body.decode()
    assert chain.index_requests("numpy") == 2


@pytest.mark.parametrize("headers", INSISTING)
def test_thirty_clients_that_insist_are_one_request_at_every_tier(headers: dict[str, str]) -> None:
    chain, private, office, laptop = three()
    laptop.page("numpy")
    waiting = [laptop.send("/simple/numpy/", {"Accept": JSON_TYPE, **headers}) for _ in range(30)]
    chain.settle()
    assert [client.reply().status for client in waiting] == [200] * 30
    assert [len(node.received) for node in (private, office)] == [2, 2]
    assert chain.index_requests("numpy") == 2


def test_children_of_one_parent_share_its_forward() -> None:
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    children = [chain.node(f"laptop{number}", "office") for number in range(20)]
    chain.lists("numpy", NUMPY)
    waiting = [child.send("/simple/numpy/", {"Accept": JSON_TYPE}) for child in children]
    chain.settle()
    assert [client.reply().status for client in waiting] == [200] * 20
    assert chain.index_requests("numpy") == 1


@pytest.mark.parametrize("path", ["/simple/numpy/", "/files/{segment}/numpy-1.0.tar.gz"])
def test_only_if_cached_is_never_forwarded(path: str) -> None:
    chain, private, office, laptop = three()
    office.page("numpy")
    office.get(office.files_of("numpy")[NUMPY[0]])
    segment = office.files_of("numpy")[NUMPY[0]].split("/")[2]
    path = path.format(segment=segment)
    before = [len(private.received), len(chain.index.requests)]
    for node, status in ((laptop, 504), (office, 200)):
        assert node.get(path, {"Cache-Control": "only-if-cached", "Accept": "*/*"}).status == status
    assert [len(private.received), len(chain.index.requests)] == before
    assert [request for request in office.received if "via" in request.headers] == []


def test_only_if_cached_refuses_a_page_that_has_become_stale() -> None:
    chain, _, office, _ = three()
    office.page("numpy")
    chain.advance(600)
    assert office.page("numpy", {"Cache-Control": "only-if-cached"}).status == 504
    assert chain.index_requests("numpy") == 1
