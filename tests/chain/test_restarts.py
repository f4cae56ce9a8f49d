"""Nodes above that restart, ask each other, lie, or stand before something that is down: what those below see of it."""

from __future__ import annotations

import hashlib

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode, whole_or_part
from tests.doubles.tier_http import http_answer
from tests.doubles.wire import Connection
from tiercache.cache.fill import WITHHELD_BYTES
from tiercache.simple.model import ProjectName

FILES_OF_ALL = 10
DOWNLOADS = 50


def content(number: int) -> bytes:
    """Some 200 KiB, another each."""
    return b"".join(hashlib.sha256(b"%d %d" % (number, block)).digest() for block in range(6000))


def half_way(*tiers: str) -> tuple[ChainOfNodes, JoinedNode, list[tuple[Connection, bytes]]]:
    """50 clients of a laptop that have got half of one of ten files, which come through an office."""
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", *tiers)
    clients = []
    for number in range(FILES_OF_ALL):
        filename, whole = f"project_{number}-1.0.tar.gz", content(number)
        chain.lists(f"project-{number}", (filename, whole))
        path = laptop.files_of(f"project-{number}")[filename]
        begun = http_answer(200, length=len(whole)) + whole[: len(whole) // 2]
        chain.index.on(f"GET {FILES}{filename}", begun, whole_or_part(whole))
        clients += [(laptop.begin(path), whole) for _ in range(DOWNLOADS // FILES_OF_ALL)]
    for client, whole in clients:
        assert len(whole) // 4 < len(client.received) < len(whole)
    return chain, laptop, clients


@pytest.mark.parametrize("tiers", [("office",), ("office", ORIGIN)])
@pytest.mark.parametrize("away_s", [0.0, 3.0])
def test_fifty_downloads_are_complete_though_the_office_restarts_in_their_middle(
    tiers: tuple[str, ...], away_s: float
) -> None:
    chain, laptop, clients = half_way(*tiers)
    chain.cut("office")
    chain.drop_connections()
    chain.nodes["office"].start()
    chain.join("office") if away_s == 0 else None
    for _ in range(int(away_s / 0.5)):
        chain.advance(0.5)
    if away_s:
        chain.join("office")
    for _ in range(20):
        chain.advance(0.5)
    for client, whole in clients:
        reply = client.reply()
        assert (reply.status, reply.is_complete) == (200, True)
        assert reply.body == whole
    assert laptop.parts.stats.fills_failed == 0
    assert laptop.parts.stats.fills_completed == FILES_OF_ALL


def test_an_office_that_does_not_come_back_leaves_no_download_that_looks_complete() -> None:
    chain, laptop, clients = half_way("office")
    chain.cut("office")
    chain.drop_connections()
    for _ in range(40):
        chain.advance(0.5)
    for client, _ in clients:
        assert not client.reply().is_complete
        assert not client.is_open
    assert list(laptop.files.all()) == []


def test_an_office_whose_own_tiers_are_down_is_not_taken_for_down() -> None:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office")
    chain.lists("warm", ("warm-1.0.tar.gz", b"an archive"))
    office.page("warm")
    chain.cut(ORIGIN)
    chain.drop_connections()
    for number in range(10):
        assert laptop.page(f"cold-{number}").status == 503
    assert laptop.parts.stats.breakers_opened == 0
    assert [link.state for link in laptop.parts.chain.links()] == ["up"]
    assert laptop.page("warm").status == 200


def test_files_that_the_office_cannot_get_do_not_shut_it_out_either() -> None:
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office")
    for number in range(6):
        chain.lists(f"project-{number}", (f"project_{number}-1.0.tar.gz", content(number)))
        laptop.page(f"project-{number}")
    paths = [laptop.files_of(f"project-{number}")[f"project_{number}-1.0.tar.gz"] for number in range(6)]
    chain.index.no_connection("files.example", OSError())
    for path in paths:
        client = laptop.begin(path)
        chain.advance(5)
        assert client.reply().status == 503
    assert laptop.parts.stats.breakers_opened == 0
    chain.lists("cold", ("cold-1.0.tar.gz", b"an archive"))
    assert laptop.page("cold").status == 200


def test_a_laptop_goes_past_an_office_whose_own_tiers_are_down_and_back_when_they_are_up() -> None:
    chain = ChainOfNodes()
    chain.node("private", ORIGIN)
    office, laptop = chain.node("office", "private"), chain.node("laptop", "office", ORIGIN)
    chain.lists("numpy", ("numpy-1.0.tar.gz", b"an archive"))
    chain.cut("private")
    reply = laptop.page("numpy")
    assert reply.status == 200
    assert "office" not in reply.headers["cache-status"]
    chain.join("private")
    chain.advance(10)  # its breaker at the office has seen one failure: a probe is not needed
    reply = laptop.page("numpy")
    assert "office" in reply.headers["cache-status"]
    assert office.parts.stats.breakers_opened == laptop.parts.stats.breakers_opened == 0


# -- nodes that are each other's parents ------------------------------------------------------------------------


def paths_in_a_ring(chain: ChainOfNodes, nodes: list[JoinedNode]) -> list[str]:
    """Where the nodes have a file whose page each of them has got from the next, since all were asked at once."""
    chain.lists("numpy", ("numpy-1.0.tar.gz", content(1)))
    asking = [node.send("/simple/numpy/") for node in nodes]
    chain.settle()
    assert [client.reply().status for client in asking] == [200] * len(nodes)
    homes = [node.catalogue.entry(ProjectName("numpy")) for node in nodes]
    assert [home and home.head.tier for home in homes] == [node.tiers[0] for node in nodes]
    return [node.files_of("numpy")["numpy-1.0.tar.gz"] for node in nodes]


def test_two_parents_of_each_other_that_are_asked_for_one_file_at_once_do_not_wait_for_each_other() -> None:
    chain = ChainOfNodes()
    nodes = [chain.node("a", "b", ORIGIN), chain.node("b", "a", ORIGIN)]
    paths = paths_in_a_ring(chain, nodes)
    clients = [node.send(path) for node, path in zip(nodes, paths, strict=True) for _ in range(5)]
    chain.settle()
    assert chain.clock.seconds() == 0
    for client in clients:
        assert client.reply().body == content(1)


def test_a_ring_of_three_that_is_asked_for_one_file_everywhere_at_once_ends_at_once() -> None:
    chain = ChainOfNodes()
    nodes = [chain.node(name, parent, ORIGIN) for name, parent in (("a", "b"), ("b", "c"), ("c", "a"))]
    paths = paths_in_a_ring(chain, nodes)
    clients = [node.send(path) for node, path in zip(nodes, paths, strict=True)]
    chain.settle()
    assert chain.clock.seconds() == 0
    for client in clients:
        assert client.reply().body == content(1)


def test_children_and_clients_of_a_node_share_one_fill() -> None:
    """Whoever comes first: a fill is only not joined by those from further away while nothing has come of it."""
    chain = ChainOfNodes()
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office")
    chain.lists("numpy", ("numpy-1.0.tar.gz", content(1)))
    path = laptop.files_of("numpy")["numpy-1.0.tar.gz"]
    begun = http_answer(200, length=len(content(1))) + content(1)[:1000]
    chain.index.on(f"GET {FILES}numpy-1.0.tar.gz", begun)
    clients = [office.begin(path), laptop.begin(path), office.begin(path)]
    fetched = [request for request in chain.index.requests if request.url == f"{FILES}numpy-1.0.tar.gz"]
    assert len(fetched) == 1
    fetched[0].wire.send(content(1)[1000:])
    chain.settle()
    for client in clients:
        assert client.reply().body == content(1)


# -- siblings ---------------------------------------------------------------------------------------------------


def neighbours(size_bytes: int | None = None) -> tuple[ChainOfNodes, JoinedNode, JoinedNode, str, bytes]:
    """Two desks in one office that know each other; the first has a file already, and the second its page."""
    whole = content(1)[:size_bytes]
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    first = chain.node("first", "office")
    second = chain.node("second", "first", "office", siblings=("first",))
    chain.lists("numpy", ("numpy-1.0.tar.gz", whole))
    path = first.files_of("numpy")["numpy-1.0.tar.gz"]
    assert first.get(path).body == whole
    assert second.page("numpy").status == 200
    return chain, first, second, path, whole


def test_a_file_comes_from_the_next_desk_and_a_page_does_not() -> None:
    chain, first, second, path, whole = neighbours()
    before = len(first.received)
    office = chain.nodes["office"]
    asked = len(office.received)
    assert second.get(path).body == whole
    assert len(office.received) == asked
    (request,) = first.received[before:]
    digest = hashlib.sha256(whole).hexdigest()
    assert (request.path, request.headers["cache-control"]) == (f"/api/v1/files/{digest}", "only-if-cached")


def test_a_desk_that_does_not_have_a_file_fetches_nothing_for_the_next_one() -> None:
    chain, first, second, _, _ = neighbours()
    chain.lists("scipy", ("scipy-1.0.tar.gz", content(2)))
    path = second.files_of("scipy")["scipy-1.0.tar.gz"]
    assert second.get(path).body == content(2)
    assert first.parts.stats.forwarded == 1  # its own, before
    assert first.parts.stats.fills_begun == 1


def test_a_desk_that_is_switched_off_costs_a_second_and_no_error() -> None:
    chain, _, second, path, whole = neighbours()
    chain.unplug("first")
    client = second.begin(path)
    chain.advance(0.99)
    assert not client.received
    chain.advance(0.01)
    assert client.reply().body == whole


@pytest.mark.parametrize(("size_bytes", "is_shown"), [(WITHHELD_BYTES, False), (WITHHELD_BYTES + 1, True)])
def test_a_desk_whose_disk_lies_about_a_digest_is_found_out(size_bytes: int, is_shown: bool) -> None:
    chain, first, second, path, whole = neighbours(size_bytes)
    digest = hashlib.sha256(whole).hexdigest()
    first.files._stored[digest] = whole[:-1] + b"!"  # a disk that changed a byte
    reply = second.get(path)
    if is_shown:  # the wrong bytes were on their way already: they end before the last
        assert not reply.is_complete
        reply = second.get(path)
    assert reply.body == whole
    assert second.parts.stats.digest_mismatches == 1
    assert [sha256 for sha256, _ in second.files.all()] == [digest]
    assert chain.clock.seconds() == 0
