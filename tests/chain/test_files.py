"""Files, ranges, sidecars and validators through three nodes."""

from __future__ import annotations

import hashlib

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import wheel
from tests.doubles.tier_http import http_answer

NAME = "numpy-1.0.tar.gz"
CONTENT = b"".join(hashlib.sha256(bytes([n % 251, n // 251])).digest() for n in range(30_000))
WHEEL_NAME = "numpy-1.0-py3-none-any.whl"
METADATA = b"Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n"
WHEEL = wheel("numpy", "1.0", METADATA, filler=400_000)


def three(*contents: tuple[str, bytes]) -> tuple[ChainOfNodes, list[JoinedNode]]:
    chain = ChainOfNodes()
    nodes = [chain.node("private", ORIGIN), chain.node("office", "private"), chain.node("laptop", "office")]
    chain.lists("numpy", *(contents or ((NAME, CONTENT),)))
    return chain, nodes


def test_a_file_comes_through_three_nodes_and_stays_in_each() -> None:
    chain, nodes = three()
    path = nodes[-1].files_of("numpy")[NAME]
    assert nodes[-1].get(path).body == CONTENT
    chain.cut(ORIGIN)
    for node in nodes:
        before = len(chain.index.requests)
        reply = node.get(path)
        assert (reply.body, reply.headers["cache-status"]) == (CONTENT, f"{node.name}; hit")
        assert len(chain.index.requests) == before


def test_the_first_bytes_come_through_while_the_rest_is_still_on_its_way() -> None:
    """Mistake 20 of protocol.md: the whole file buffered before the first byte, here once a tier."""
    chain, nodes = three()
    path = nodes[-1].files_of("numpy")[NAME]
    half = len(CONTENT) // 2
    chain.index.on(f"GET {FILES}{NAME}", http_answer(200, length=len(CONTENT)) + CONTENT[:half])
    client = nodes[-1].begin(path)
    assert client.reply().body[: half - 64 * 1024] == CONTENT[: half - 64 * 1024]


def test_a_body_that_ends_early_at_the_top_is_short_for_the_client_and_stays_nowhere() -> None:
    chain, nodes = three()
    path = nodes[-1].files_of("numpy")[NAME]
    half = len(CONTENT) // 2
    chain.index.on(f"GET {FILES}{NAME}", http_answer(200, length=len(CONTENT)) + CONTENT[:half])
    client = nodes[-1].begin(path)
    for wire in list(chain.index.wires):
        wire.hang_up()
    chain.index.no_connection("files.example", OSError())
    chain.settle()
    chain.advance(60)
    assert not client.reply().is_complete
    assert [list(node.files.all()) for node in nodes] == [[], [], []]


def test_thirty_clients_for_one_cold_file_are_one_fetch_at_every_tier() -> None:
    chain, nodes = three()
    path = nodes[-1].files_of("numpy")[NAME]
    waiting = [nodes[-1].send(path) for _ in range(30)]
    chain.settle()
    assert all(client.reply().body == CONTENT for client in waiting)
    assert chain.index.asked().count(f"GET {FILES}{NAME}") == 1
    assert [len(node.asked_for(path)) for node in nodes] == [1, 1, 30]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=900000-", 900_000, len(CONTENT)),
        ("bytes=-100", len(CONTENT) - 100, len(CONTENT)),
    ],
)
def test_a_range_of_a_cold_file_comes_through_three_nodes(asked: str, start: int, stop: int) -> None:
    _, nodes = three()
    reply = nodes[-1].get(nodes[-1].files_of("numpy")[NAME], {"Range": asked})
    assert reply.status == 206
    assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert reply.body == CONTENT[start:stop]


def test_a_sidecar_that_the_index_lacks_is_made_once_by_the_node_nearest_to_it() -> None:
    """Mistake 22 of protocol.md: metadata made anew by each tier."""
    chain, nodes = three((WHEEL_NAME, WHEEL))
    path = nodes[-1].files_of("numpy")[WHEEL_NAME]
    for node in reversed(nodes):
        assert node.get(f"{path}.metadata").body == METADATA
    assert [node.parts.stats.sidecars_made for node in nodes] == [1, 0, 0]
    assert [node.parts.stats.sidecars_passed for node in nodes] == [0, 1, 1]
    ranges = [request.headers["range"] for request in chain.index.requests if request.url.endswith(".whl")]
    assert len(ranges) == 2  # its end, and where METADATA is
    assert all(list(node.files.all()) == [] for node in nodes)


def test_not_modified_is_told_of_pages_files_and_sidecars_at_the_bottom() -> None:
    _, nodes = three((WHEEL_NAME, WHEEL))
    path = nodes[-1].files_of("numpy")[WHEEL_NAME]
    for asked in ("/simple/numpy/", path, f"{path}.metadata"):
        etag = nodes[-1].get(asked).headers["etag"]
        again = nodes[-1].get(asked, {"If-None-Match": etag})
        assert (again.status, again.headers["etag"], again.body) == (304, etag, b"")


def test_a_file_has_one_validator_at_every_tier() -> None:
    """So that a download that a client began at one node can be resumed at another."""
    _, nodes = three()
    path = nodes[-1].files_of("numpy")[NAME]
    first = nodes[-1].get(path).headers["etag"]
    for node in nodes:
        reply = node.get(path, {"Range": "bytes=10-19", "If-Range": first})
        assert (reply.status, reply.body) == (206, CONTENT[10:20])


def test_a_cold_head_tells_the_length_without_fetching() -> None:
    chain, nodes = three()
    reply = nodes[-1].get(nodes[-1].files_of("numpy")[NAME], method="HEAD")
    assert reply.headers["content-length"] == str(len(CONTENT))
    assert not [url for url in chain.index.asked() if url.endswith(NAME)]


def test_a_fill_goes_on_from_another_tier_when_the_parent_is_cut_off() -> None:
    chain = ChainOfNodes()
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office", ORIGIN)
    chain.lists("numpy", (NAME, CONTENT))
    path = laptop.files_of("numpy")[NAME]
    chain.cut("office")
    chain.drop_connections()
    assert laptop.get(path).body == CONTENT
