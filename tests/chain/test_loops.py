"""Requests that know where they have been: rings end in an answer or an error, never in a wait."""

from __future__ import annotations

import pytest

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.tier_http import JSON_TYPE
from tiercache.policy.hops import MOST_HOPS
from tiercache.policy.selection import ProjectRule

NUMPY = ("numpy-1.0.tar.gz", b"an archive")
ACCEPT = {"Accept": JSON_TYPE}


def ring(*members: str, outlet: str | None = None) -> tuple[ChainOfNodes, list[JoinedNode]]:
    """Nodes of which each has the next for its parent, the last the first; `outlet` has the index besides."""
    chain = ChainOfNodes()
    parents = [*members[1:], members[0]]
    nodes = [
        chain.node(member, parent, *([ORIGIN] if member == outlet else []))
        for member, parent in zip(members, parents, strict=True)
    ]
    return chain, nodes


def seen(nodes: list[JoinedNode]) -> int:
    return sum(len(node.received) for node in nodes)


# -- what is sent -----------------------------------------------------------------------------------------------


def test_each_tier_sees_every_node_that_a_request_has_passed() -> None:
    chain = ChainOfNodes()
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office")
    chain.lists("numpy", NUMPY)
    reply = laptop.page("numpy", {"Via": "1.0 squid (a proxy, of sorts)", "CDN-Loop": "cdn.example; a=b"})
    assert reply.status == 200
    (at_office,) = office.received
    assert at_office.headers["via"] == f"1.0 squid (a proxy, of sorts), 1.1 {laptop.node_id}"
    assert at_office.headers["cdn-loop"] == f"cdn.example; a=b, {laptop.node_id}"
    (at_index,) = chain.index.requests
    assert at_index.headers["via"] == f"{at_office.headers['via']}, 1.1 {office.node_id}"
    assert at_index.headers["cdn-loop"] == f"{at_office.headers['cdn-loop']}, {office.node_id}"


def test_files_sidecars_and_ranges_are_asked_for_with_their_hops() -> None:
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office")
    chain.lists("numpy", ("numpy-1.0-py3-none-any.whl", bytes(100_000)))
    laptop.page("numpy")
    path = next(iter(laptop.files_of("numpy").values()))
    laptop.get(f"{path}.metadata")
    laptop.get(path)
    files = [request for request in chain.index.requests if request.url.endswith(".whl")]
    assert any("range" in request.headers for request in files)
    assert any("range" not in request.headers for request in files)
    assert {request.headers["cdn-loop"] for request in files} == {f"{laptop.node_id}, {chain.nodes['office'].node_id}"}


def test_a_refresh_in_the_background_carries_the_hops_of_the_request_that_began_it() -> None:
    chain = ChainOfNodes()
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office")
    chain.lists("numpy", NUMPY)
    laptop.page("numpy")
    chain.advance(600)
    chain.index.on("GET https://index.example/simple/numpy/", None)
    waiting = laptop.begin("/simple/numpy/", ACCEPT)
    chain.advance(0.5)
    assert "detail=patience" in waiting.reply().headers["cache-status"]
    assert chain.index.requests[-1].headers["cdn-loop"] == f"{laptop.node_id}, {office.node_id}"


def test_probes_name_this_node_alone_and_count_a_loop_as_an_answer() -> None:
    chain = ChainOfNodes()
    here = chain.node("here", "here")
    upstream = here.upstreams[0]
    assert chain.index.result(upstream.probe()) is None
    (probe,) = here.received
    assert (probe.method, probe.headers["cdn-loop"]) == ("HEAD", here.node_id)


def test_a_node_keeps_its_id_for_as_long_as_its_store() -> None:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN)
    first = office.node_id
    office.start()
    assert office.node_id == first
    assert chain.node("another", ORIGIN).node_id != first


# -- rings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("members", [("a",), ("a", "b"), ("a", "b", "c")])
def test_a_ring_ends_in_an_error_after_one_round(members: tuple[str, ...]) -> None:
    chain, nodes = ring(*members)
    for node in nodes:
        before = seen(nodes)
        reply = node.page("numpy")
        assert reply.status == 508
        assert reply.headers["cache-control"] == "no-store"
        assert seen(nodes) - before == len(nodes) + 1  # the client's, one to each other, and the one that comes back
    assert chain.clock.seconds() == 0


@pytest.mark.parametrize("members", [("a", "b"), ("a", "b", "c")])
def test_what_a_tier_outside_the_ring_has_is_found_from_every_node(members: tuple[str, ...]) -> None:
    for outlet in members:
        for asked in members:
            chain, _ = ring(*members, outlet=outlet)
            chain.lists("numpy", NUMPY)
            node = chain.nodes[asked]
            assert node.page("numpy").status == 200
            path = node.files_of("numpy")[NUMPY[0]]
            assert node.get(path).body == NUMPY[1]
            assert chain.index_requests("numpy") == 1


def test_a_node_that_is_its_own_parent_still_asks_its_other_tier() -> None:
    chain = ChainOfNodes()
    here = chain.node("here", "here", ORIGIN)
    chain.lists("numpy", NUMPY)
    assert here.page("numpy").status == 200


def test_nodes_that_are_each_others_parents_and_are_asked_at_once_do_not_wait_for_each_other() -> None:
    """Their forwards must not collapse into each other: each would wait for the other's."""
    chain, nodes = ring("a", "b", outlet="a")
    chain.lists("numpy", NUMPY)
    waiting = [node.send("/simple/numpy/", ACCEPT) for node in nodes for _ in range(3)]
    chain.settle()
    assert [client.reply().status for client in waiting] == [200] * 6
    assert chain.clock.seconds() == 0


def test_a_ring_of_three_that_is_asked_everywhere_at_once_ends_at_once() -> None:
    chain, nodes = ring("a", "b", "c")
    waiting = [node.send("/simple/numpy/", ACCEPT) for node in nodes]
    chain.settle()
    assert [client.reply().status for client in waiting] == [508] * 3
    assert chain.clock.seconds() == 0


def test_in_a_ring_a_stored_page_is_served_stale() -> None:
    chain, (a, b) = ring("a", "b", outlet="a")
    chain.lists("numpy", NUMPY)
    assert b.page("numpy").status == 200
    chain.cut(ORIGIN)
    chain.advance(601)
    for node in (a, b):
        reply = node.page("numpy")
        assert reply.status == 200
        assert "fwd=stale" in reply.headers["cache-status"]
        assert int(reply.headers["age"]) >= 601


def test_a_loop_is_never_taken_for_an_absence() -> None:
    """Mistake 23 of protocol.md, for rings: what may be had elsewhere is no 404."""
    chain, (a, _b) = ring("a", "b", outlet="a")
    assert a.page("nowhere").status == 508
    chain.lists("nowhere", NUMPY)
    assert a.page("nowhere").status == 200


def test_a_tier_that_is_down_counts_for_more_than_one_that_loops() -> None:
    chain, (a, _b) = ring("a", "b", outlet="a")
    chain.cut(ORIGIN)
    reply = a.page("numpy")
    assert reply.status == 503
    assert reply.headers["retry-after"]


def test_loops_do_not_make_a_tier_count_as_down() -> None:
    _, (a, b) = ring("a", "b")
    for number in range(10):
        assert b.page(f"project-{number}").status == 508
    assert (len(a.received), len(b.received)) == (10, 20)  # each time all the way round
    assert a.parts.stats.breakers_opened == b.parts.stats.breakers_opened == 0


def test_a_rule_breaks_a_ring_for_the_names_that_it_lists() -> None:
    chain = ChainOfNodes()
    a = chain.node("a", "b", ORIGIN, projects=(ProjectRule(match=("*",), tiers=(ORIGIN,)),))
    b = chain.node("b", "a")
    assert b.page("numpy").status == 404
    assert (len(a.received), len(b.received)) == (1, 1)


# -- long ways --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nodes", "status"), [(MOST_HOPS + 1, 200), (MOST_HOPS + 2, 508)])
def test_a_request_passes_so_many_nodes_and_no_more(nodes: int, status: int) -> None:
    chain = ChainOfNodes()
    chain.lists("numpy", NUMPY)
    chain.node("n1", ORIGIN)
    for number in range(2, nodes + 1):
        chain.node(f"n{number}", f"n{number - 1}")
    assert chain.nodes[f"n{nodes}"].page("numpy").status == status
    assert len(chain.nodes["n1"].received) == 1
    assert chain.index_requests("numpy") == (status == 200)


@pytest.mark.parametrize("path", ["/simple/numpy/", "/simple/", "/files/x/y", "/"])
def test_a_request_that_was_here_before_is_refused_before_anything_is_asked(path: str) -> None:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN)
    chain.lists("numpy", NUMPY)
    for headers in ({"CDN-Loop": f"other, {office.node_id}"}, {"Via": f"1.1 x, HTTP/1.1 {office.node_id}, 1.1 y"}):
        reply = office.get(path, headers)
        assert (reply.status, reply.headers["cache-control"]) == (508, "no-store")
    assert chain.index.requests == []
