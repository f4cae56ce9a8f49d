"""Cache-Status through a chain: one member a hop, the nearest to the index first (RFC 9211 §2)."""

from __future__ import annotations

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.tier_http import JSON_TYPE
from tiercache.policy.cache_status import LONGEST_PASSED_ON

NUMPY = ("numpy-1.0.tar.gz", b"an archive" * 10_000)


def two(**fields: str) -> tuple[ChainOfNodes, JoinedNode, JoinedNode]:
    chain = ChainOfNodes()
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office")
    chain.lists("numpy", NUMPY, fields={name.replace("_", "-"): value for name, value in fields.items()})
    return chain, office, laptop


def status(node: JoinedNode, path: str = "/simple/numpy/", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return node.get(path, {"Accept": JSON_TYPE, **named}).headers["cache-status"]


MISS = "fwd=miss; fwd-status=200; stored; ttl=600"


def test_a_page_tells_what_happened_at_each_hop() -> None:
    _, _, laptop = two()
    assert status(laptop) == f"office; {MISS}, laptop; {MISS}"


def test_a_hit_tells_of_this_node_alone() -> None:
    chain, _, laptop = two()
    status(laptop)
    chain.advance(100)
    assert status(laptop) == "laptop; hit; ttl=500"


def test_a_hit_above_stands_before_the_miss_here() -> None:
    chain, office, laptop = two()
    status(office)
    chain.advance(100)
    assert status(laptop) == "office; hit; ttl=500, laptop; fwd=miss; fwd-status=200; stored; ttl=500"


def test_what_the_index_says_stands_first() -> None:
    _, _, laptop = two(Cache_Status="edge; hit")
    assert status(laptop) == f"edge; hit, office; {MISS}, laptop; {MISS}"


def test_a_304_tells_of_each_hop_too() -> None:
    chain, _, laptop = two()
    status(laptop)
    chain.advance(600)
    confirmed = "fwd=stale; fwd-status=304; stored; ttl=600"
    assert status(laptop) == f"office; {confirmed}, laptop; {confirmed}"


def test_who_shares_a_forward_tells_of_it_with_the_hops_above() -> None:
    chain, _, laptop = two()
    waiting = [laptop.send("/simple/numpy/", {"Accept": JSON_TYPE}) for _ in range(2)]
    chain.settle()
    first, second = (client.reply().headers["cache-status"] for client in waiting)
    assert first == f"office; {MISS}, laptop; {MISS}"
    assert second == f"office; {MISS}, laptop; fwd=miss; fwd-status=200; stored; collapsed; ttl=600"


def test_a_stale_page_from_the_store_tells_nothing_of_tiers_that_did_not_answer() -> None:
    chain, _, laptop = two()
    status(laptop)
    chain.cut("office")
    chain.drop_connections()
    chain.advance(601)
    assert status(laptop) == 'laptop; fwd=stale; ttl=-1; detail="connection refused"'


def test_a_page_that_is_stale_above_says_so_below() -> None:
    chain, office, laptop = two()
    status(office)
    chain.cut(ORIGIN)
    chain.drop_connections()
    chain.advance(601)
    above, here = status(laptop).split(", ")
    assert above == 'office; fwd=stale; ttl=-1; detail="connection refused"'
    assert here == "laptop; fwd=miss; fwd-status=200; stored; ttl=-1"


def test_a_file_tells_what_happened_at_each_hop() -> None:
    _, office, laptop = two()
    path = laptop.files_of("numpy")[NUMPY[0]]
    assert status(laptop, path) == "office; fwd=miss; stored, laptop; fwd=miss; stored"
    assert status(laptop, path) == "laptop; hit"
    assert status(office, path) == "office; hit"


def test_a_header_from_above_that_is_out_of_proportion_is_not_passed_on() -> None:
    _, _, laptop = two(Cache_Status="x" * (LONGEST_PASSED_ON + 1))
    assert status(laptop) == f"office; {MISS}, laptop; {MISS}"
