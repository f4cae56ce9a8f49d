"""Stored files by their digest, as siblings and children ask for them; and what a node says of itself."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from tests.doubles.shelves import FileShelf
from tests.web.node import WebNode
from tiercache.wire import FEATURES, NodeState, Reserved, TierState

DATA = bytes(range(256)) * 4
PATH = "/api/v1/files/"


def node_with_file(**more: object) -> tuple[WebNode, str]:
    files = FileShelf()
    digest = files.put("numpy-1.tar.gz", DATA)
    return WebNode(files=files, **more), PATH + digest  # type: ignore[arg-type]  # as the test gives them


def test_a_stored_file_is_had_by_its_digest() -> None:
    node, path = node_with_file()
    reply = node.get(path, {"Cache-Control": "only-if-cached"})
    assert (reply.status, reply.body) == (200, DATA)
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["etag"] == f'"{path.removeprefix(PATH)}"'
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["cache-status"] == "laptop; hit"
    assert "immutable" in reply.headers["cache-control"]


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, DATA[:10]),
        ("bytes=1000-", 206, DATA[1000:]),
        ("bytes=-1", 206, DATA[-1:]),
        ("bytes=1023-", 206, DATA[1023:]),
        ("lines=1-2", 200, DATA),
    ],
)
def test_a_part_of_it_is_had_by_range(asked: str, status: int, part: bytes) -> None:
    node, path = node_with_file()
    reply = node.get(path, {"Range": asked})
    assert (reply.status, reply.body) == (status, part)


def test_a_range_behind_its_end_is_a_problem() -> None:
    node, path = node_with_file()
    reply = node.get(path, {"Range": "bytes=1024-"})
    assert reply.status == 416
    assert reply.headers["content-range"] == "bytes */1024"
    assert reply.headers["content-type"] == "application/problem+json"
    assert node.files.closed == 1


def test_head_and_what_is_had_already_send_no_bytes() -> None:
    node, path = node_with_file()
    head = node.head(path)
    assert (head.status, head.headers["content-length"]) == (200, "1024")
    same = node.get(path, {"If-None-Match": head.headers["etag"]})
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", head.headers["etag"])
    assert node.files.closed == 2


@pytest.mark.parametrize("digest", ["0" * 64, "0" * 63, "0" * 65, "x" * 64, "F" * 64, "numpy-1.tar.gz"])
@pytest.mark.parametrize(("allowed", "status"), [({}, 404), ({"Cache-Control": "only-if-cached"}, 504)])
def test_what_is_not_stored_is_no_file_and_no_tier_is_asked(digest: str, allowed: dict[str, str], status: int) -> None:
    node, _ = node_with_file()
    reply = node.get(PATH + digest, allowed)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["cache-status"].startswith("laptop; ")
    assert node.files.asked == []


def test_who_may_not_read_a_file_is_not_told_that_it_is_there() -> None:
    node, path = node_with_file(unreadable={"numpy"})
    assert node.get(path).status == 404
    assert node.get(path, {"Cache-Control": "only-if-cached"}).status == 504
    assert node.files.closed == 2


# -- the node ---------------------------------------------------------------------------------------------------


def test_a_node_says_what_it_is() -> None:
    node = WebNode()
    tiers = (TierState(name="office", kind="parent", state="up", round_trip_s=0.5, id="above", lag=2, home_of=3),)
    node.about = NodeState(
        name="laptop", id="here", version="1.2.3", features=FEATURES, tiers=tiers, origins={"public": 2}
    )
    reply = node.get("/api/v1/node")
    told = json.loads(reply.body)
    assert reply.headers["cache-control"] == "no-store"
    assert (told["name"], told["id"], told["features"]) == ("laptop", "here", list(FEATURES))
    assert told["tiers"][0]["home_of"] == 3
    assert told["origins"] == {"public": 2}
    node.about = evolve(node.about, serial=9)
    assert json.loads(node.get("/api/v1/node").body)["serial"] == 9


def test_a_node_says_which_names_are_reserved() -> None:
    node = WebNode()
    node.reserved = Reserved(digest="d", complete=False, names=("acme", "zeta"))
    told = json.loads(node.get("/api/v1/reserved").body)
    assert told == {"digest": "d", "complete": False, "names": ["acme", "zeta"]}
