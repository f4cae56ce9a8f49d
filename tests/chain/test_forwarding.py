"""Uploads that a node hands on to the one above: its word comes back, and what it takes is there below at once."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.publishing import ACCESS, ALICE, BOB, ROOM_BYTES
from tests.doubles.surroundings import load
from tests.doubles.uploads import BOUNDARY, MULTIPART, Made, form, form_of, made
from tests.doubles.wire import Reply
from tiercache.config import PublishConfig
from tiercache.policy.selection import ProjectRule
from tiercache.storage.memory_files import MemoryFiles

OPEN = load("access: {grants: [{who: [anyone], may: [read, publish]}]}").access
"""Anyone may hand in what the node above is to judge."""

WHEEL, SDIST, OTHER = made(), made(kind="sdist"), made(requires=("idna",))
BIG = made("acme-big", filler_bytes=400_000)
PUT = "/packages/source/a/acme-tools/"
RAW = {"Content-Type": "application/octet-stream"}


def below(chain: ChainOfNodes, name: str, tier: str, **config: object) -> JoinedNode:
    """A node that hands uploads on to this tier."""
    node = chain.node(name, tier, **{"access": OPEN, "publish": PublishConfig(to=tier), **config})
    node.files = MemoryFiles(room_bytes=ROOM_BYTES)
    node.start()
    return node


def two(**config: object) -> tuple[ChainOfNodes, JoinedNode, JoinedNode]:
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN, access=ACCESS)
    return chain, office, below(chain, "laptop", "office", **config)


def upload(node: JoinedNode, body: bytes = form_of(WHEEL), headers: Mapping[str, str] = ALICE) -> Reply:
    return node.get("/legacy/", {**MULTIPART, **headers}, method="POST", body=body)


def filenames(node: JoinedNode, project: str = "acme-tools") -> list[str] | int:
    reply = node.page(project)
    return [file["filename"] for file in json.loads(reply.body)["files"]] if reply.status == 200 else reply.status


def assert_keeps_nothing(node: JoinedNode) -> None:
    """No byte of an upload is in the store, nor takes room there."""
    assert list(node.files.all()) == []
    partial = node.files.begin()
    partial.write(bytes(ROOM_BYTES))
    partial.discard()
    assert list(node.catalogue.hosted_names()) == []


def test_upload_lands_at_the_tier_and_shows_below_at_once() -> None:
    _, office, laptop = two()
    assert filenames(laptop) == 404  # which is remembered
    reply = upload(laptop)
    assert reply.status == 200
    assert filenames(office) == filenames(laptop) == [WHEEL.filename]
    assert list(office.catalogue.hosted_names()) == ["acme-tools"]
    assert_keeps_nothing(laptop)


@pytest.mark.parametrize("follows", [True, False])
def test_release_after_another_shows_below_at_once_whether_news_is_followed_or_not(follows: bool) -> None:
    _, _, laptop = two()
    if follows:
        laptop.follow()
    upload(laptop)
    assert filenames(laptop) == [WHEEL.filename]
    upload(laptop, form_of(SDIST))
    assert filenames(laptop) == [WHEEL.filename, SDIST.filename]
    laptop.stop()


def test_upload_travels_up_through_several_nodes_with_the_same_credentials() -> None:
    chain, office, laptop = two()
    desk = below(chain, "desk", "laptop")
    assert filenames(desk) == 404
    assert upload(desk).status == 200
    assert filenames(desk) == filenames(laptop) == [WHEEL.filename]
    [received] = [request for request in office.received if request.method == "POST" and request.path == "/legacy/"]
    assert received.headers["authorization"] == ALICE["Authorization"]
    assert desk.files_of("acme-tools")
    assert_keeps_nothing(laptop)
    assert_keeps_nothing(desk)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer nobodys-token-at-all-here"}, 401), (BOB, 403), (ALICE, 200)],
    ids=["nobody", "stranger", "bob", "alice"],
)
def test_tier_decides_who_may_and_its_words_are_the_answer(headers: Mapping[str, str], status: int) -> None:
    _, office, laptop = two()
    reply, direct = upload(laptop, headers=headers), upload(office, headers=headers)
    assert reply.status == direct.status == status
    assert reply.headers.get("www-authenticate") == direct.headers.get("www-authenticate")
    assert (reply.headers.get("www-authenticate") is not None) == (status == 401)
    if status != 200:  # then the one was new, and the other not
        assert reply.body == direct.body


def test_same_bytes_again_are_fine_and_other_bytes_are_told_to_exist_already() -> None:
    _, office, laptop = two()
    assert [upload(laptop).status for _ in range(2)] == [200, 200]
    reply = upload(laptop, form_of(OTHER))
    assert reply.status == 409
    assert b"already exists" in reply.body
    assert filenames(office) == [WHEEL.filename]


def test_form_that_is_larger_than_one_piece_goes_through_whole() -> None:
    _, office, laptop = two()
    assert upload(laptop, form_of(BIG)).status == 200
    assert laptop.get(laptop.files_of("acme-big")[BIG.filename]).body == BIG.content
    assert {sha256 for sha256, _ in office.files.all()} == {BIG.sha256}


def test_tier_that_is_not_there_is_told_with_a_time_to_try_again_and_nothing_is_kept() -> None:
    chain, office, laptop = two()
    chain.cut("office")
    reply = upload(laptop)
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert b"office" in reply.body
    assert_keeps_nothing(laptop)
    chain.join("office")
    assert upload(laptop).status == 200
    assert filenames(office) == [WHEEL.filename]


def test_tier_that_accepts_no_connection_is_given_up_in_time() -> None:
    chain, _, laptop = two()
    chain.cut("office", silently=True)
    connection = laptop.begin("/legacy/", {**MULTIPART, **ALICE}, method="POST", body=form_of(WHEEL))
    chain.advance(9.5)
    assert not connection.received
    chain.advance(0.5)
    assert connection.reply().status == 503
    assert_keeps_nothing(laptop)


def test_client_that_leaves_takes_its_upload_along() -> None:
    chain, office, laptop = two()
    chain.cut("office", silently=True)
    connection = laptop.begin("/legacy/", {**MULTIPART, **ALICE}, method="POST", body=form_of(WHEEL))
    connection.leave()
    chain.settle()
    assert_keeps_nothing(laptop)
    chain.join("office")
    assert filenames(office) == 404


def test_offline_node_hands_nothing_on() -> None:
    _, office, laptop = two(offline=True)
    reply = upload(laptop)
    assert (reply.status, b"offline" in reply.body) == (503, True)
    assert office.received == []


def test_name_of_another_tier_is_not_told_to_this_one() -> None:
    rule = ProjectRule(match=("acme-*",), tiers=())
    _, office, laptop = two(projects=(rule,))
    assert upload(laptop).status == 403
    assert office.received == []
    assert_keeps_nothing(laptop)


def test_form_that_no_node_would_take_is_refused_where_it_came() -> None:
    _, office, laptop = two()
    assert upload(laptop, form_of(WHEEL, name="..")).status == 400
    assert upload(laptop, b"--" + BOUNDARY.encode()).status == 400
    assert office.received == []


def test_two_nodes_that_hand_on_to_each_other_end_it() -> None:
    chain = ChainOfNodes()
    left, right = below(chain, "left", "right"), below(chain, "right", "left")
    reply = upload(left)
    assert reply.status == 508
    assert_keeps_nothing(left)
    assert_keeps_nothing(right)


def test_token_of_this_nodes_operator_is_shown_to_nobody() -> None:
    _, office, laptop = two()
    assert upload(laptop, headers={"Authorization": "Bearer token"}).status == 401  # what JoinedNode is started with
    [received] = [request for request in office.received if request.method == "POST"]
    assert "authorization" not in received.headers


def test_who_may_not_publish_at_all_here_hands_nothing_on() -> None:
    closed = load("access: {grants: [{who: [anyone], may: [read]}]}").access
    _, office, laptop = two(access=closed)
    assert upload(laptop).status == 401
    assert office.received == []


@pytest.mark.parametrize("archive", [WHEEL, SDIST], ids=["wheel", "sdist"])
def test_file_that_is_put_goes_on_as_the_form_that_it_would_have_had(archive: Made) -> None:
    _, office, laptop = two()
    reply = laptop.get(PUT + archive.filename, {**RAW, **ALICE}, method="PUT", body=archive.content)
    assert reply.status == 200
    assert filenames(office) == filenames(laptop) == [archive.filename]


def test_form_of_pypicache_goes_on_as_the_form_that_others_send() -> None:
    _, office, laptop = two()
    body = form([], SDIST.filename, SDIST.content, "sdist")
    reply = laptop.get("/uploadpackage/", {**MULTIPART, **ALICE}, method="POST", body=body)
    assert reply.status == 200
    assert filenames(office) == [SDIST.filename]


def test_words_beside_the_status_of_an_index_come_back_too() -> None:
    chain = ChainOfNodes()
    laptop = below(chain, "laptop", "elsewhere")
    chain.index.on(
        "POST http://elsewhere.example:8141/legacy/",
        b"HTTP/1.1 400 File already exists\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<b>no</b>",
    )
    connection = laptop.begin("/legacy/", {**MULTIPART, **ALICE}, method="POST", body=form_of(WHEEL))
    assert connection.received.startswith(b"HTTP/1.1 400 File already exists\r\n")
    reply = connection.reply()
    assert (reply.body, reply.headers["content-type"]) == (b"<b>no</b>\n", "text/plain; charset=utf-8")
