"""A tier that is a node, or is said to be one, or may be one: what it offers, and what is done where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.far_index import BASE, NUMPY, PAGE, far_index, json_answer
from tests.doubles.far_node import (
    API,
    CHANGES,
    NODE,
    NODE_ID,
    PAGES,
    RESERVED,
    answering,
    far_node,
    head_of_feed,
    said_of_itself,
)
from tests.doubles.tier_http import TierHttp, gzipped_answer, http_answer
from tiercache.errors import FileAbsent, LoopFound, NotANode, ProjectAbsent, TierUnreachable, TierWithoutAnswer
from tiercache.interfaces import INeighbour, IUpstream, Tier
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.hops import Hops
from tiercache.simple.model import ProjectName
from tiercache.upstream.offers import AGAIN_S, AGAIN_UNKNOWN_S
from tiercache.upstream.parent import SIBLING_HEAD_S, Parent
from tiercache.upstream.simple_index import Limits
from tiercache.wire import LONGEST_EVENT_BYTES, NodeState, Reserved

FILE = "https://index.example/files/numpy-1.0.tar.gz"
JSON = {"Content-Type": "application/json"}
HTML = http_answer(404, b"<h1>Not here</h1>", {"Content-Type": "text/html"})
SHA256 = "0" * 64


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def page(http: TierHttp, node: Parent, project: ProjectName = NUMPY) -> Present | NotModified:
    return http.result(node.page(project, Validators(), False))


def test_it_is_an_upstream_and_a_neighbour(http: TierHttp) -> None:
    assert IUpstream.providedBy(far_node(http))
    assert INeighbour.providedBy(far_node(http))
    assert IUpstream.providedBy(far_node(http).behind(Hops()))


# -- what it says of itself -------------------------------------------------------------------------------------


def test_a_node_says_what_it_is(http: TierHttp) -> None:
    http.on(NODE, said_of_itself(colour="red", live={NODE_ID: 0}))
    state = http.result(far_node(http).about())
    assert (state.id, state.serial, state.live) == (NODE_ID, 7, {NODE_ID: 0})
    assert http.requests[0].headers["accept"] == "application/json"


def test_reserved_names_are_normalised_and_sorted_and_what_is_no_name_is_left_out(http: TierHttp) -> None:
    told = {"digest": "d", "complete": True, "names": ["Zope_Interface", "acme", "acme", "../x", ""]}
    http.on(RESERVED, gzipped_answer(json.dumps(told).encode(), JSON))
    said = http.result(far_node(http).reserved())
    assert said == Reserved(digest="d", complete=True, names=("acme", "zope-interface"))


NO_NODE: list[Any] = [
    HTML,
    http_answer(405),
    http_answer(200, b"<h1>Welcome</h1>", {"Content-Type": "text/html"}),
    http_answer(200, b"{}", JSON),
    http_answer(200, b"no JSON", JSON),
    http_answer(200, b"[" * 5000, JSON),
    http_answer(200, b'{"name": 1, "id": "00000000000000aa", "version": ""}', JSON),
    said_of_itself(id="office"),
    said_of_itself(features="all"),
    http_answer(302),
    http_answer(303, headers={"Location": "/login"}),
]


@pytest.mark.parametrize("answer", NO_NODE)
def test_what_does_not_speak_the_language_is_no_node_and_is_asked_again_after_a_while(
    http: TierHttp, answer: bytes
) -> None:
    http.on(NODE, answer, said_of_itself())
    http.on(
        "GET https://index.example/login", http_answer(200, b"<h1>Who are you?</h1>", {"Content-Type": "text/html"})
    )
    node = far_node(http)
    for _ in range(3):
        with pytest.raises(NotANode):
            http.result(node.about())
    http.advance(AGAIN_S - 0.5)
    for method in (node.about, node.reserved, lambda: node.follow(None), lambda: node.stored_file(SHA256, "f")):
        with pytest.raises(NotANode):
            http.result(method())
    assert http.asked().count(NODE) == 1
    http.advance(0.5)
    assert http.result(node.about()).id == NODE_ID
    assert http.asked().count(NODE) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http_answer(401), TierWithoutAnswer),
        (http_answer(403), TierWithoutAnswer),
        (http_answer(500), TierUnreachable),
        (http_answer(508), LoopFound),
    ],
)
def test_what_does_not_tell_whether_it_is_a_node_is_not_remembered(
    http: TierHttp, answer: bytes, error: type[TierUnreachable]
) -> None:
    http.on(NODE, answer, said_of_itself())
    node = far_node(http)
    with pytest.raises(TierUnreachable) as caught:
        http.result(node.about())
    assert type(caught.value) is error
    assert http.result(node.about()).id == NODE_ID


def test_what_it_says_of_itself_has_a_limit(http: TierHttp) -> None:
    plain = len(said_of_itself(version="").partition(b"\r\n\r\n")[2])
    http.on(NODE, said_of_itself(version="x" * (LONGEST_EVENT_BYTES - plain)))
    assert http.result(far_node(http).about()).id == NODE_ID
    http.on(NODE, said_of_itself(version="x" * (LONGEST_EVENT_BYTES - plain + 1)))
    with pytest.raises(TierUnreachable, match="more than 65536 bytes"):
        http.result(far_node(http).about())


def test_the_list_of_reserved_names_has_a_limit_after_decoding_too(http: TierHttp) -> None:
    names = [f"acme-{number}" for number in range(1000)]
    body = json.dumps({"digest": "d", "complete": True, "names": names}).encode()
    for answer in (http_answer(200, body, JSON), gzipped_answer(body, JSON)):
        http.on(RESERVED, answer)
        assert len(http.result(far_node(http, limits=Limits(page=len(body))).reserved()).names) == 1000
        with pytest.raises(TierUnreachable, match="more than"):
            http.result(far_node(http, limits=Limits(page=len(body) - 1)).reserved())


# -- older nodes, and other programs ----------------------------------------------------------------------------


def test_an_older_node_without_batches_is_asked_over_the_simple_api(http: TierHttp) -> None:
    http.on(NODE, said_of_itself(features=["changes"]))
    http.on(f"GET {PAGE}", json_answer(FILE))
    http.on(CHANGES, head_of_feed())
    node = far_node(http)
    http.result(node.about())
    assert isinstance(page(http, node), Present)
    http.result(node.follow(None))
    assert http.asked() == [NODE, f"GET {PAGE}", CHANGES]


def test_an_older_node_without_a_feed_is_not_followed(http: TierHttp) -> None:
    http.on(NODE, said_of_itself(features=["pages"]))
    http.on(PAGES, answering())
    node = far_node(http)
    http.result(node.about())
    with pytest.raises(NotANode, match="does not offer changes"):
        http.result(node.follow(None))
    assert isinstance(page(http, node), Present)
    assert http.asked() == [NODE, PAGES]


def test_a_node_that_is_renewed_is_asked_for_what_it_offers_now(http: TierHttp) -> None:
    http.on(NODE, said_of_itself(features=[]), said_of_itself())
    http.on(f"GET {PAGE}", json_answer(FILE))
    http.on(PAGES, answering())
    node = far_node(http)
    http.result(node.about())
    page(http, node)
    http.result(node.about())
    page(http, node)
    assert http.asked() == [NODE, f"GET {PAGE}", NODE, PAGES]


@pytest.mark.parametrize(
    "answer",
    [
        HTML,
        http_answer(405),
        http_answer(400, b"{}", {"Content-Type": "application/problem+json"}),
        http_answer(415),
        http_answer(501),
        http_answer(200, b"<h1>Welcome</h1>", {"Content-Type": "text/html"}),
        http_answer(200, b"{}", JSON),
    ],
)
def test_a_parent_replaced_by_another_program_is_asked_as_any_index_and_again_after_a_while(
    http: TierHttp, answer: bytes
) -> None:
    http.on(PAGES, answering(), answer, answering())
    http.on(f"GET {PAGE}", json_answer(FILE))
    node = far_node(http)
    assert page(http, node).head.at is not None
    replaced = page(http, node)
    assert (replaced.head.at, replaced.head.home, replaced.head.tier) == (None, None, "office")
    page(http, node)
    assert http.asked() == [PAGES, PAGES, f"GET {PAGE}", f"GET {PAGE}"]
    http.advance(AGAIN_S - 0.5)
    page(http, node)
    assert http.asked()[4:] == [f"GET {PAGE}"]
    http.advance(0.5)
    assert page(http, node).head.at is not None
    assert http.asked()[5:] == [PAGES]


def test_what_is_refused_behind_one_request_is_remembered_for_all(http: TierHttp) -> None:
    http.on(PAGES, HTML)
    http.on(f"GET {PAGE}", json_answer(FILE))
    node = far_node(http)
    page(http, node.behind(Hops(via=("1.1 00000000000000bb",))))
    page(http, node)
    assert http.asked() == [PAGES, f"GET {PAGE}", f"GET {PAGE}"]


def test_many_that_wait_for_a_batch_all_fall_back(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http)
    names = [ProjectName(name) for name in ("a", "b", "c")]
    for name in names:
        http.on(f"GET {BASE}{name}/", http_answer(404))
    asks = [http.begin(node.page(name, Validators(), False)) for name in names]
    for request in list(http.requests):
        request.wire.send(HTML)
    http.settle()
    for ask in asks:
        with pytest.raises(ProjectAbsent):
            http.outcome(ask)


# -- a tier of which nobody said what it is ---------------------------------------------------------------------


def test_a_tier_of_unknown_kind_that_is_a_node_becomes_a_parent(http: TierHttp) -> None:
    http.on(NODE, said_of_itself())
    http.on(PAGES, answering())
    node = far_node(http, kind="unknown")
    assert node.tier == Tier(name="office", kind="origin")
    page(http, node)
    page(http, node)
    assert node.tier == Tier(name="office", kind="parent")
    assert http.asked() == [NODE, PAGES, PAGES]


def test_a_tier_of_unknown_kind_that_is_an_index_stays_one_and_is_asked_again_after_a_while(http: TierHttp) -> None:
    http.on(NODE, HTML)
    http.on(f"GET {PAGE}", json_answer(FILE))
    node = far_node(http, kind="unknown")
    page(http, node)
    http.advance(AGAIN_UNKNOWN_S - 0.5)
    page(http, node)
    assert node.tier.kind == "origin"
    assert http.asked() == [NODE, f"GET {PAGE}", f"GET {PAGE}"]
    http.advance(0.5)
    page(http, node)
    assert http.asked()[3:] == [NODE, f"GET {PAGE}"]


def test_many_first_asks_find_out_once_what_the_tier_is(http: TierHttp) -> None:
    http.on(NODE, None)
    http.on(PAGES, answering())
    node = far_node(http, kind="unknown")
    asks = [http.begin(node.page(ProjectName(name), Validators(), False)) for name in ("a", "b")]
    asks[0].cancel()
    asks[0].addErrback(lambda _: None)
    http.requests[0].wire.send(said_of_itself())
    http.settle()
    assert isinstance(http.outcome(asks[1]), Present)
    assert http.asked() == [NODE, PAGES]


@pytest.mark.parametrize("answer", [http_answer(401), http_answer(500)])
def test_what_does_not_say_what_it_is_is_asked_as_an_index_is(http: TierHttp, answer: bytes) -> None:
    http.on(NODE, answer)
    http.on(f"GET {PAGE}", json_answer(FILE))
    node = far_node(http, kind="unknown")
    assert isinstance(page(http, node), Present)
    assert PAGES not in http.asked()


def test_a_node_below_a_path_has_its_pages_below_simple_there(http: TierHttp) -> None:
    root = "https://index.example/cache/"
    http.on(f"GET {root}api/v1/node", said_of_itself(features=[]))
    http.on(f"GET {root}simple/numpy/", json_answer(FILE))
    index = far_index(http, tier=Tier(name="office", kind="unknown"), base_url=root)
    assert isinstance(page(http, Parent(index=index, root_url=root)), Present)


# -- files that a sibling has stored ----------------------------------------------------------------------------

STORED = f"GET {API}files/{SHA256}"


def test_a_stored_file_is_asked_for_by_its_digest_and_from_the_store_alone(http: TierHttp) -> None:
    http.on(STORED, http_answer(200, b"bytes", {"Cache-Status": "office; hit"}))
    stream = http.result(far_node(http, kind="sibling").stored_file(SHA256, "numpy-1.0.tar.gz"))
    assert (stream.size_bytes, stream.start, stream.cache_status) == (5, 0, "office; hit")
    assert b"".join([*http.result(stream.read()), *http.result(stream.read())]) == b"bytes"
    (request,) = http.requests
    assert request.headers["cache-control"] == "only-if-cached"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [404, 410, 504])
def test_what_a_sibling_has_not_stored_is_absent(http: TierHttp, status: int) -> None:
    http.on(STORED, http_answer(status, headers={"Cache-Status": "office; detail=not-stored"}))
    node = far_node(http, kind="sibling")
    for _ in range(2):  # and asked for again: that one file is not there says nothing of the next
        with pytest.raises(FileAbsent):
            http.result(node.stored_file(SHA256, "numpy-1.0.tar.gz"))
    assert len(http.asked()) == 2


@pytest.mark.parametrize(
    ("answer", "error"), [(http_answer(403), TierWithoutAnswer), (http_answer(502), TierUnreachable)]
)
def test_a_sibling_that_fails_is_not_asked_twice(http: TierHttp, answer: bytes, error: type[TierUnreachable]) -> None:
    http.on(STORED, answer)
    with pytest.raises(TierUnreachable) as caught:
        http.result(far_node(http, kind="sibling").stored_file(SHA256, "f.tar.gz"))
    assert type(caught.value) is error
    assert len(http.asked()) == 1


def test_a_sibling_has_one_second_to_say_whether_it_has_a_file(http: TierHttp) -> None:
    http.on(STORED, None)
    asked = http.begin(far_node(http, kind="sibling").stored_file(SHA256, "f.tar.gz"))
    http.advance(SIBLING_HEAD_S - 0.1)
    assert not asked.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="within 1 s"):
        http.outcome(asked)
    assert http.wires[0].closed


def test_a_file_that_has_begun_may_take_longer(http: TierHttp) -> None:
    http.on(STORED, http_answer(200, b"ab", length=4))
    stream = http.result(far_node(http, kind="sibling").stored_file(SHA256, "f.tar.gz"))
    assert http.result(stream.read()) == [b"ab"]
    http.advance(20)
    http.wires[0].send(b"cd")
    assert http.result(stream.read()) == [b"cd"]


# -- what it is asked as any index is ---------------------------------------------------------------------------


def test_state_decodes_as_the_other_end_encodes_it() -> None:
    import msgspec

    state = NodeState(name="office", id=NODE_ID, version="1", origins={"pypi": 1}, live={NODE_ID: 0})
    assert msgspec.json.decode(msgspec.json.encode(state), type=NodeState) == state
