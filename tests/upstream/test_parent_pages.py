"""Pages of a tier that is a node: asked for in batches, each answered by its own line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.logger import globalLogPublisher

from tests.doubles.far_index import BASE, NOW, NUMPY, PAGE, json_answer
from tests.doubles.far_node import (
    API,
    EPOCH,
    NODE_ID,
    PAGES,
    answering,
    chunk,
    far_node,
    head_of_lines,
    line,
    lines_answer,
    page_json,
    sha256_of,
    wanted,
)
from tests.doubles.tier_http import Received, TierHttp, http_answer
from tiercache.errors import LoopFound, ProjectAbsent, TierUnreachable, TierWithoutAnswer
from tiercache.policy.direct_urls import PRIVATE
from tiercache.policy.entry import Head, NotModified, Present, Validators
from tiercache.policy.hops import Hops
from tiercache.policy.news import Position
from tiercache.policy.retry import RetryRules
from tiercache.simple.model import ProjectName
from tiercache.upstream.batches import GATHER_S, LONGEST_GATHER_S, MOST_UNDER_WAY
from tiercache.upstream.parent import Parent
from tiercache.upstream.requests import Deadlines
from tiercache.upstream.simple_index import HEAVY_BYTES, Limits
from tiercache.wire import MOST_PROJECTS

FILE = "https://index.example/files/numpy-1.0.tar.gz"
A, B, C = ProjectName("a"), ProjectName("b"), ProjectName("c")


@pytest.fixture
def http() -> Iterator[TierHttp]:
    http = TierHttp()
    yield http
    for wire in http.wires:
        wire.hang_up()  # nothing goes on behind a test


def page(node: Parent, project: ProjectName = NUMPY, **how: Any) -> Awaitable[Present | NotModified]:
    return node.page(project, how.get("validators") or Validators(), how.get("no_cache", False))


def present(http: TierHttp, answer: bytes, **differently: Any) -> Present:
    http.on(PAGES, answer)
    found = http.result(page(far_node(http, **differently)))
    assert isinstance(found, Present)
    return found


def refusal(http: TierHttp, started: Deferred[Any]) -> TierUnreachable:
    with pytest.raises(TierUnreachable) as caught:
        http.outcome(started)
    assert caught.value.tier == "office"
    return caught.value


def asked_for(http: TierHttp) -> list[list[str]]:
    return [wanted(request) for request in http.requests if request.method == "POST"]


# -- what is asked ----------------------------------------------------------------------------------------------


def test_a_page_is_asked_for_with_the_sidecars_of_its_newest_releases(http: TierHttp) -> None:
    http.on(PAGES, answering())
    http.result(page(far_node(http), validators=Validators(etag='"e"', last_modified="never sent"), no_cache=True))
    (request,) = http.requests
    assert json.loads(request.body) == {"projects": [{"name": "numpy", "etag": '"e"'}], "metadata": 3}
    assert request.headers["accept"] == "application/x-ndjson"
    assert request.headers["accept-encoding"] == "gzip"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["cache-control"] == "no-cache"


def test_a_request_says_what_it_has_passed(http: TierHttp) -> None:
    http.on(PAGES, answering())
    node = far_node(http, node_id="00000000000000cc").behind(Hops(via=("1.1 00000000000000bb",)))
    http.result(page(node))
    assert http.requests[0].headers["via"] == "1.1 00000000000000bb, 1.1 00000000000000cc"


# -- what a line says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_line_becomes_a_page_with_its_head(http: TierHttp, gzipped: bool) -> None:
    told = line("numpy", age_s=7.5, lifetime_s=60, serial=42, home=NODE_ID, cache_status="office; hit", at=9)
    found = present(http, lines_answer(told, gzipped=gzipped, Date="Thu, 01 Jan 1970 00:00:00 GMT"))
    assert [file.url for file in found.page.files] == [FILE]
    assert found.cache_status == "office; hit"
    assert found.head == Head(
        tier="office",
        requested_at=NOW,
        received_at=NOW,
        age_s=7.5,
        lifetime_s=60.0,
        validators=Validators(etag='"numpy-1"'),
        serial=42,
        at=Position(epoch=EPOCH, serial=9),
        home=NODE_ID,
    )


def test_another_nodes_epoch_is_passed_on_as_it_came(http: TierHttp) -> None:
    found = present(http, lines_answer(line("numpy", epoch="another-nodes", at=3, home="00000000000000ff")))
    assert found.head.at == Position(epoch="another-nodes", serial=3)
    assert found.head.home == "00000000000000ff"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"age_s": -5}, {"age_s": 0.0}),
        ({"age_s": 1e300}, {"age_s": 2.0**31}),
        ({"lifetime_s": -1}, {"lifetime_s": 0.0}),
        ({"storable": False}, {"storable": False}),
        ({"serial": -1}, {"serial": None}),
        ({"serial": 10**30}, {"serial": None}),
        ({"at": -1, "home": NODE_ID}, {"at": None, "home": None}),
        ({"at": 10**30, "home": NODE_ID}, {"at": None, "home": None}),
        ({"epoch": "", "home": NODE_ID}, {"at": None, "home": None}),
        ({"epoch": "a b", "home": NODE_ID}, {"at": None, "home": None}),
        ({"epoch": "e" * 65, "home": NODE_ID}, {"at": None, "home": None}),
        ({"home": "office"}, {"home": None}),
        ({"etag": '"a"\r\nSet-Cookie: x'}, {"validators": Validators()}),
        ({"etag": '"' + "x" * 2000 + '"'}, {"validators": Validators()}),
        ({"colour": "red"}, {"age_s": 0.0}),
    ],
)
def test_what_makes_no_sense_in_a_line_counts_as_absent(
    http: TierHttp, told: dict[str, Any], expected: dict[str, Any]
) -> None:
    head = present(http, lines_answer(line("numpy", **told))).head
    assert {name: getattr(head, name) for name in expected} == expected


def test_the_serial_in_the_page_counts_where_the_line_tells_none(http: TierHttp) -> None:
    told = page_json("numpy", meta={"api-version": "1.1", "_last-serial": 7})
    assert present(http, lines_answer(line("numpy", page=told))).head.serial == 7


def test_no_clock_of_a_parent_makes_its_pages_look_older(http: TierHttp) -> None:
    """Clock skew: a line tells its age, and no Date is compared with a clock here."""
    head = present(http, lines_answer(line("numpy", age_s=3), Date="Mon, 01 Jan 1990 00:00:00 GMT")).head
    assert (head.date, head.age_s) == (None, 3.0)


def test_files_at_private_addresses_are_left_out(http: TierHttp) -> None:
    told = page_json("numpy", FILE, "http://10.0.0.1/numpy-2.0.tar.gz")
    found = present(http, lines_answer(line("numpy", page=told)))
    assert [file.url for file in found.page.files] == [FILE]


def test_a_page_that_is_still_the_page_is_told_by_a_few_bytes(http: TierHttp) -> None:
    http.on(PAGES, lines_answer(line("numpy", status="not-modified", age_s=1, home=NODE_ID, cache_status="o; hit")))
    found = http.result(page(far_node(http), validators=Validators(etag='"numpy-1"')))
    assert isinstance(found, NotModified)
    assert (found.head.age_s, found.head.home, found.cache_status) == (1.0, NODE_ID, "o; hit")
    assert found.head.at == Position(epoch=EPOCH, serial=7)


@pytest.mark.parametrize(
    ("told", "error", "reason", "retry_after_s"),
    [
        ({"status": "absent"}, ProjectAbsent, None, None),
        (
            {"status": "unavailable", "reason": "breaker-open", "retry_after_s": 4},
            TierWithoutAnswer,
            "its own tiers do not answer (breaker-open)",
            4.0,
        ),
        ({"status": "unavailable"}, TierWithoutAnswer, "its own tiers do not answer", None),
        (
            {"status": "unavailable", "reason": "a\r\nb" + "x" * 300},
            TierWithoutAnswer,
            "its own tiers do not answer (a??b" + "x" * 196 + ")",
            None,
        ),
        ({"status": "unavailable", "reason": "loop"}, LoopFound, "loop", None),
        ({"status": "forbidden"}, TierWithoutAnswer, "it does not let this node read numpy", None),
        ({"status": "not-modified"}, TierUnreachable, "it says that nothing changed since it was never asked", None),
        ({"status": "moved"}, TierUnreachable, "its line cannot be read", None),
    ],
)
def test_each_status_means_one_thing(
    http: TierHttp,
    told: dict[str, Any],
    error: type[Exception],
    reason: str | None,
    retry_after_s: float | None,
) -> None:
    http.on(PAGES, lines_answer(line("numpy", **told)))
    with pytest.raises(error) as caught:
        http.result(page(far_node(http)))
    assert type(caught.value) is error
    if isinstance(caught.value, TierUnreachable):
        assert (caught.value.reason, caught.value.retry_after_s) == (reason, retry_after_s)
    assert len(http.asked()) == 1


# -- sidecars ---------------------------------------------------------------------------------------------------


def listing(*sidecars: str) -> dict[str, Any]:
    files = [
        {
            "filename": f"numpy-{number}.0-py3-none-any.whl",
            "url": f"../../files/numpy-{number}.0-py3-none-any.whl",
            "hashes": {},
            "core-metadata": {"sha256": sha256_of(text)},
        }
        for number, text in enumerate(sidecars)
    ]
    return page_json("numpy") | {"files": files}


def test_sidecars_come_along_and_only_what_their_digests_say(http: TierHttp) -> None:
    good, bad, unclaimed = "Name: numpy\nÄ", "Name: wrong", "Name: another"
    told = {sha256_of(good): good, sha256_of(bad): "Name: forged", sha256_of(unclaimed): unclaimed, "x": "y"}
    found = present(http, lines_answer(line("numpy", page=listing(good, bad), sidecars=told)))
    assert found.sidecars == {sha256_of(good): good.encode()}
    assert len(found.page.files) == 2


# -- what is private --------------------------------------------------------------------------------------------


def test_a_node_is_heard_that_calls_its_files_private(http: TierHttp) -> None:
    told = listing("a", "b", "c")
    for file, mark in zip(told["files"], (True, "true", 1), strict=True):
        file["_private"] = mark
    found = present(http, lines_answer(line("numpy", page=told)))
    assert [file.extra for file in found.page.files] == [{PRIVATE: True}, {}, {}]


# -- gathering --------------------------------------------------------------------------------------------------


def test_the_first_ask_goes_at_once_and_those_of_the_same_moment_go_together(http: TierHttp) -> None:
    http.on(PAGES, answering())
    node = far_node(http, gather_s=GATHER_S)
    names = [ProjectName(f"p{number}") for number in range(60)]
    asks = [http.begin(page(node, name)) for name in names[:1]]
    http.on(PAGES, None)
    asks = [http.begin(page(node, name)) for name in names]
    assert asked_for(http) == [["p0"], ["p0"]]
    http.advance(GATHER_S / 2)
    assert len(asked_for(http)) == 2
    http.advance(GATHER_S / 2)
    assert asked_for(http)[2:] == [names[1:]]
    for request in http.requests[1:]:
        request.wire.send(answering()(request))
    found = [http.outcome(ask) for ask in asks]
    assert [one.page.project for one in found if isinstance(one, Present)] == names


def test_asks_gather_longer_the_more_is_under_way_and_wait_when_it_is_too_much(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=GATHER_S)
    for number in range(MOST_UNDER_WAY):
        http.begin(page(node, ProjectName(f"p{number}")))
        delay_s = 0 if not number else min(LONGEST_GATHER_S, GATHER_S * 2 ** (number - 1))
        if delay_s:
            http.advance(delay_s * 0.9)
            assert len(http.requests) == number
        http.advance(delay_s * 0.2)
        assert len(http.requests) == number + 1
    waiting = [http.begin(page(node, name)) for name in (A, B)]
    http.advance(1)
    assert len(http.requests) == MOST_UNDER_WAY
    http.requests[0].wire.send(lines_answer(line("p0")))
    http.advance(LONGEST_GATHER_S)
    assert asked_for(http)[-1] == ["a", "b"]
    http.requests[-1].wire.send(lines_answer(line("b"), line("a")))
    assert all(isinstance(http.outcome(one), Present) for one in waiting)


def test_asks_that_may_not_share_an_answer_go_apart(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http)
    far = node.behind(Hops(via=("1.1 00000000000000bb",)))
    http.begin(page(node, A))
    for ask in (
        page(node, B),
        page(far, B),
        page(node, B, no_cache=True),
        page(node, B, validators=Validators(etag='"1"')),
    ):
        http.begin(ask)
    assert asked_for(http) == [["a"], ["b"], ["b"], ["b"], ["b"]]


def test_asks_that_go_out_because_another_failed_at_once_are_each_answered(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=GATHER_S, retries=RetryRules(attempts=1))
    said: list[Any] = []
    globalLogPublisher.addObserver(said.append)
    first = http.begin(page(node, A))
    waiting = [
        http.begin(page(behind, project))
        for behind in (node, *(node.behind(Hops(via=(f"1.1 {at:016x}",))) for at in range(3)))
        for project in (B, C)
    ]
    http.no_connection("index.example", Refused())
    http.requests[0].wire.send(lines_answer(line("a"), connection="close"))
    http.settle()
    assert isinstance(http.outcome(first), Present)
    for one in waiting:
        refusal(http, one)
    assert not node._batches._gathering
    assert not node._batches._under_way
    globalLogPublisher.removeObserver(said.append)
    assert [event for event in said if "log_failure" in event] == []


def test_two_that_want_the_same_since_different_pages_go_apart(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=GATHER_S)
    http.begin(page(node, A))
    for etag in ('"1"', '"2"', '"2"'):
        http.begin(page(node, B, validators=Validators(etag=etag)))
    http.advance(LONGEST_GATHER_S)
    sent = [json.loads(request.body)["projects"] for request in http.requests[1:]]
    assert sent == [[{"name": "b", "etag": '"1"'}], [{"name": "b", "etag": '"2"'}]]


def test_an_exchange_whose_lines_have_all_come_holds_nobody_up(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=GATHER_S)
    http.begin(page(node, A))
    http.requests[0].wire.send(head_of_lines() + chunk(line("a") + b"\n"))
    http.begin(page(node, B))
    assert asked_for(http) == [["a"], ["b"]]


def test_who_has_waited_for_a_turn_has_the_whole_time_for_the_answer(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http)
    others = [http.begin(page(node, ProjectName(f"p{number}"))) for number in range(MOST_UNDER_WAY)]
    asked = http.begin(page(node, A))
    http.advance(9)
    http.requests[0].wire.send(lines_answer(line("p0")))
    http.settle()
    assert asked_for(http)[-1] == ["a"]
    http.advance(9.5)
    assert not asked.called
    http.advance(0.5)
    assert "did not answer within 10 s" in refusal(http, asked).reason
    for other in others:
        other.addErrback(lambda _: None)


def test_long_lines_are_read_in_the_pool(http: TierHttp) -> None:
    lengths: list[int] = []

    async def pool(function: Callable[..., Any], *args: Any) -> Any:
        lengths.append(len(function.args[0]) if isinstance(function, partial) else -1)
        return function(*args)

    told = line("a", page=page_json("a", more="x" * HEAVY_BYTES))
    assert isinstance(present(http, lines_answer(line("numpy")), pool=pool), Present)
    assert lengths == []
    http.on(PAGES, lines_answer(told))
    http.result(page(far_node(http, pool=pool), A))
    assert lengths == [len(told)]


def test_two_that_want_the_same_share_a_line_and_each_has_its_answer(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=1.0)
    http.begin(page(node, A))
    asks = [http.begin(page(node, B)) for _ in range(2)]
    http.advance(1)
    assert asked_for(http) == [["a"], ["b"]]
    http.requests[1].wire.send(lines_answer(line("b")))
    assert all(isinstance(http.outcome(ask), Present) for ask in asks)


def test_more_than_a_request_may_ask_for_go_in_two(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=1.0)
    http.begin(page(node, A))
    for number in range(MOST_PROJECTS + 1):
        http.begin(page(node, ProjectName(f"p{number}")))
    http.advance(2)
    assert [len(names) for names in asked_for(http)] == [1, MOST_PROJECTS, 1]


def test_one_connection_serves_one_batch_after_the_other(http: TierHttp) -> None:
    http.on(PAGES, answering())
    node = far_node(http)
    for name in (A, B, C):
        http.result(page(node, name))
    assert len(http.wires) == 1
    assert len(http.clock.getDelayedCalls()) == 1  # the pool's own, and no deadline of what is over


# -- lines as they come -----------------------------------------------------------------------------------------


def batch(http: TierHttp, *names: ProjectName, **differently: Any) -> tuple[Received, list[Deferred[Any]]]:
    """One request for these, the head of whose answer has come."""
    http.on(PAGES, None)
    node = far_node(http, **differently)
    http.begin(page(node, ProjectName("first"))).addErrback(lambda _: None)
    asks = [page(node, name) for name in names]
    started = [Deferred.fromCoroutine(ask) for ask in asks]  # type: ignore[arg-type]  # `page` is a coroutine
    http.settle()
    assert wanted(http.requests[1]) == list(names)
    http.requests[0].wire.send(lines_answer(line("first")))
    http.requests[1].wire.send(head_of_lines())
    return http.requests[1], started


def test_each_is_answered_when_its_line_has_come(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    assert not a.called
    request.wire.send(chunk(line("b") + b"\n"))
    assert http.outcome(b).page.project == B
    assert not a.called
    request.wire.send(chunk(line("a")[:20]))
    request.wire.send(chunk(line("a")[20:] + b"\n"))
    assert http.outcome(a).page.project == A


def test_the_time_of_a_slow_line_is_its_own(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    http.advance(2)
    request.wire.send(chunk(line("a") + b"\n"))
    http.advance(3)
    request.wire.send(chunk(line("b") + b"\n") + chunk(b""))
    heads = http.outcome(a).head, http.outcome(b).head
    assert [(head.requested_at - NOW, head.received_at - NOW) for head in heads] == [(0, 2), (0, 5)]


def test_each_waits_no_longer_for_its_line_than_for_any_first_byte(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    http.advance(9.5)
    request.wire.send(chunk(line("a") + b"\n"))
    assert http.outcome(a)
    assert not b.called
    http.advance(0.5)
    assert "did not answer within 10 s" in refusal(http, b).reason
    http.settle()
    assert request.wire.closed  # nobody waits any more
    assert len(http.requests) == 2  # and what took so long is not asked again


def test_one_whose_turn_never_comes_is_told_in_time(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, deadlines=Deadlines(first_byte_s=10, whole_s=60))
    for number in range(MOST_UNDER_WAY):
        http.begin(page(node, ProjectName(f"p{number}"))).addErrback(lambda _: None)
    http.advance(5)
    for request in http.requests:
        request.wire.send(head_of_lines() + chunk(b"{"))  # a line has begun in each
    late = http.begin(page(node, A))
    http.advance(10)
    assert "8 requests before this one" in refusal(http, late).reason
    for request in http.requests:
        request.wire.hang_up()


def test_a_line_that_is_just_coming_is_waited_for(http: TierHttp) -> None:
    request, (a,) = batch(http, A)
    http.advance(9.9)
    request.wire.send(chunk(line("a")[:-1]))
    http.advance(5)
    assert not a.called
    request.wire.send(chunk(line("a")[-1:] + b"\n"))
    assert http.outcome(a)


def test_a_line_that_stops_in_its_middle_is_given_up_when_silent_for_too_long(http: TierHttp) -> None:
    request, (a,) = batch(http, A)
    http.advance(9.9)
    request.wire.send(chunk(line("a")[:-1]))
    for _ in range(31):
        http.advance(1)
    assert "silent" in refusal(http, a).reason


def test_one_waiter_that_leaves_takes_nobody_with_it(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    a.cancel()
    with pytest.raises(CancelledError):
        http.outcome(a)
    assert not request.wire.closed
    request.wire.send(chunk(line("a") + b"\n" + line("b") + b"\n") + chunk(b""))
    assert http.outcome(b).page.project == B
    http.settle()
    assert not request.wire.closed


def test_an_exchange_that_nobody_waits_for_is_given_up(http: TierHttp) -> None:
    request, asks = batch(http, A, B)
    for ask in asks:
        ask.cancel()
        ask.addErrback(lambda failure: failure.trap(CancelledError))
    http.settle()
    assert request.wire.closed
    assert len(http.clock.getDelayedCalls()) == 1


def test_one_that_leaves_before_its_turn_is_not_asked_for(http: TierHttp) -> None:
    http.on(PAGES, None)
    node = far_node(http, gather_s=1.0)
    http.begin(page(node, A))
    ask = Deferred.fromCoroutine(page(node, B))  # type: ignore[arg-type]  # `page` is a coroutine
    ask.cancel()
    ask.addErrback(lambda failure: failure.trap(CancelledError))
    http.advance(2)
    assert asked_for(http) == [["a"]]


# -- bad days ---------------------------------------------------------------------------------------------------


def test_a_line_for_a_project_that_nobody_asked_for_ends_the_exchange(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    request.wire.send(chunk(line("a") + b"\n" + line("evil") + b"\n" + line("b") + b"\n"))
    assert http.outcome(a).page.project == A
    assert refusal(http, b).reason == "it sent a line for a project that it was not asked for"
    http.settle()
    assert request.wire.closed
    assert len(http.requests) == 2


def test_a_doubled_line_ends_the_exchange_and_the_first_counts(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    request.wire.send(chunk(line("a") + b"\n" + line("a", status="absent") + b"\n" + line("b") + b"\n"))
    assert http.outcome(a).page.project == A
    assert refusal(http, b).reason == "it sent two lines for a"
    assert len(http.requests) == 2


def test_a_missing_line_fails_who_waits_for_it_alone(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    request.wire.send(chunk(line("a") + b"\n") + chunk(b""))
    assert http.outcome(a).page.project == A
    assert refusal(http, b).reason == "its answer has no line for this project"
    assert len(http.requests) == 2


def test_a_page_of_another_project_in_a_line_is_refused(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    request.wire.send(chunk(line("a", page=page_json("b")) + b"\n" + line("b") + b"\n"))
    assert "no project page" in refusal(http, a).reason
    assert http.outcome(b).page.project == B


def test_a_body_that_breaks_off_in_the_middle_of_a_line_is_asked_for_again(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B)
    http.on(PAGES, answering())
    request.wire.send(chunk(line("a") + b"\n" + line("b")[:30]))
    assert http.outcome(a).page.project == A
    request.wire.hang_up()
    http.settle()
    assert asked_for(http)[-1] == ["b"]
    assert http.outcome(b).page.project == B


def test_a_body_that_breaks_off_each_time_is_given_up(http: TierHttp) -> None:
    def breaks(request: Received) -> bytes:
        http.clock.callLater(0, request.wire.hang_up)
        return head_of_lines() + chunk(line("a")[:30])

    http.on(PAGES, breaks)
    started = http.begin(page(far_node(http), A))
    assert "broke off" in refusal(http, started).reason
    assert len(http.requests) == 3


WRONG = [
    {"status": 200},
    {"age_s": "old"},
    {"at": "later"},
    {"sidecars": ["x"]},
    {"sidecars": {"x": 1}},
    {"storable": "perhaps"},
]


@pytest.mark.parametrize("told", WRONG)
def test_wrong_types_cost_the_project_whose_line_has_them(http: TierHttp, told: dict[str, Any]) -> None:
    request, (a, b) = batch(http, A, B)
    request.wire.send(chunk(line("a", **told) + b"\n" + line("b") + b"\n"))
    assert refusal(http, a).reason == "its line cannot be read"
    assert http.outcome(b).page.project == B


@pytest.mark.parametrize("told", ["a page", [], {}, None, {"meta": {}, "name": "a", "files": "many"}])
def test_a_page_of_the_wrong_type_costs_its_project(http: TierHttp, told: Any) -> None:
    request, (a, b) = batch(http, A, B)
    request.wire.send(chunk(line("a", page=told) + b"\n" + line("b") + b"\n"))
    assert "no project page" in refusal(http, a).reason
    assert http.outcome(b).page.project == B


@pytest.mark.parametrize(
    "garbage", [b"<html>", b"[]", b"null", b'{"name": 1}', b'{"status": "page"}', b"[" * 100_000, b'{"name": "\xff"}']
)
def test_a_line_of_nobody_knows_whom_fails_all_that_still_wait(http: TierHttp, garbage: bytes) -> None:
    request, (a, b, c) = batch(http, A, B, C)
    request.wire.send(chunk(line("b") + b"\n" + garbage + b"\n" + line("a") + b"\n"))
    assert http.outcome(b).page.project == B
    for one in (a, c):
        assert refusal(http, one).reason.startswith("it sent a line")
    assert len(http.requests) == 2


def test_a_line_of_a_gigabyte_is_given_up_at_the_limit(http: TierHttp) -> None:
    request, (a, b) = batch(http, A, B, limits=Limits(page=2**20, sidecar=2**20))
    sent, piece = 0, chunk(b"x" * 2**16)
    while not a.called and sent < 2**30:
        request.wire.send(piece)
        http.settle()
        sent += 2**16
    assert sent <= 2**21 + 2**17
    for one in (a, b):
        assert refusal(http, one).reason == "it sends a line of more than 2097152 bytes"
    http.settle()
    assert request.wire.closed
    assert len(http.requests) == 2


def test_a_gzip_bomb_is_given_up_at_the_limit(http: TierHttp) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"x" * 2**20) for _ in range(64)) + packer.flush()
    http.on(PAGES, head_of_lines(Content_Encoding="gzip") + chunk(bomb) + chunk(b""))
    started = http.begin(page(far_node(http, limits=Limits(page=2**20, sidecar=2**20))))
    assert refusal(http, started).reason == "it sends a line of more than 2097152 bytes"


def test_gzip_that_is_cut_off_is_asked_for_again(http: TierHttp) -> None:
    coded = gzip.compress(line("numpy") + b"\n")
    cut = head_of_lines(Content_Encoding="gzip") + chunk(coded[:-4]) + chunk(b"")
    http.on(PAGES, cut, answering())
    assert isinstance(http.result(page(far_node(http))), Present)


def test_a_tier_that_hangs_up_or_refuses_is_asked_again_although_it_is_a_post(http: TierHttp) -> None:
    def hangs_up(request: Received) -> None:
        request.wire.hang_up()

    http.on(PAGES, answering(), hangs_up, http_answer(502), answering())
    node = far_node(http)
    http.result(page(node, A))
    assert isinstance(http.result(page(node, B)), Present)
    assert len(http.requests) == 4


# -- a node's own refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http_answer(401, b"{}", {"Content-Type": "application/problem+json"}), TierWithoutAnswer),
        (http_answer(403), TierWithoutAnswer),
        (http_answer(503, headers={"Cache-Status": "office; fwd=miss; detail=x"}), TierWithoutAnswer),
        (http_answer(503), TierUnreachable),
        (http_answer(500), TierUnreachable),
        (http_answer(407), TierUnreachable),
        (http_answer(508), LoopFound),
    ],
)
def test_a_refusal_of_the_whole_request_is_no_reason_to_take_it_for_no_node(
    http: TierHttp, answer: bytes, error: type[TierUnreachable]
) -> None:
    http.on(PAGES, answer)
    node = far_node(http)
    with pytest.raises(TierUnreachable) as caught:
        http.result(page(node))
    assert type(caught.value) is error
    http.on(PAGES, answering())
    assert isinstance(http.result(page(node)), Present)
    assert not [request for request in http.requests if request.method == "GET"]


def test_a_token_that_expires_in_the_middle_is_no_failure_and_is_recovered_from(http: TierHttp) -> None:
    http.on(PAGES, answering(), http_answer(401, headers={"WWW-Authenticate": "Bearer"}), answering())
    node = far_node(http)
    assert isinstance(http.result(page(node, A)), Present)
    with pytest.raises(TierWithoutAnswer, match="credentials refused"):
        http.result(page(node, B))
    assert isinstance(http.result(page(node, B)), Present)


# -- redirects --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_followed_with_the_body_and_pages_are_where_it_led(http: TierHttp, status: int) -> None:
    http.on(PAGES, http_answer(status, headers={"Location": "https://new.example/office/api/v1/pages"}))
    http.on("POST https://new.example/office/api/v1/pages", answering())
    found = http.result(page(far_node(http)))
    assert isinstance(found, Present)
    assert [file.url for file in found.page.files] == ["https://new.example/office/files/numpy-1.0.tar.gz"]


def test_a_redirect_to_something_else_to_read_is_not_followed(http: TierHttp) -> None:
    http.on(PAGES, http_answer(303, headers={"Location": "/login"}))
    http.on(f"GET {PAGE}", json_answer(FILE))
    assert isinstance(http.result(page(far_node(http))), Present)
    assert http.asked() == [PAGES, f"GET {PAGE}"]


def test_the_project_list_is_never_asked_for_and_a_probe_is_as_with_any_index(http: TierHttp) -> None:
    http.on(f"HEAD {BASE}", http_answer(200, length=40_000_000))
    http.result(far_node(http).probe())
    assert http.asked() == [f"HEAD {BASE}"]
    assert API.endswith("/api/v1/")
