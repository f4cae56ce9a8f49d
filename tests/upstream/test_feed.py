"""The change feed as a child reads it: events, bounds, silence, and a reader that takes its time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.far_index import NOW
from tests.doubles.far_node import (
    CHANGES,
    EPOCH,
    NODE_ID,
    change_event,
    chunk,
    event,
    far_node,
    head_of_feed,
)
from tests.doubles.tier_http import TierHttp, http_answer
from tiercache.errors import LoopFound, NotANode, TierUnreachable, TierWithoutAnswer
from tiercache.interfaces import FeedEvent, IFeed
from tiercache.policy.news import Change, Position
from tiercache.upstream.feed import SILENCE_S
from tiercache.upstream.offers import AGAIN_S
from tiercache.wire import HEARTBEAT_S, LONGEST_EVENT_BYTES, Live

FIRST = Change(serial=1, project="numpy", what="page", at=1.0, origin=f"{EPOCH}:1")


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def followed(http: TierHttp, since: Position | None = None) -> IFeed:
    http.on(CHANGES, head_of_feed())
    return http.result(far_node(http).follow(since))


def told(http: TierHttp, *pieces: bytes) -> IFeed:
    feed = followed(http)
    for piece in pieces:
        http.wires[-1].send(chunk(piece))
    return feed


def reads(http: TierHttp, feed: IFeed, count: int) -> list[FeedEvent]:
    return [http.result(feed.read()) for _ in range(count)]


def broken(http: TierHttp, feed: IFeed) -> TierUnreachable:
    with pytest.raises(TierUnreachable) as caught:
        http.result(feed.read())
    assert http.wires[-1].closed or http.advance(0) is None
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("since", [None, Position(epoch=EPOCH, serial=12)])
def test_it_is_asked_for_as_a_stream_from_a_position_on(http: TierHttp, since: Position | None) -> None:
    followed(http, since)
    (request,) = http.requests
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers.get("last-event-id") == (None if since is None else "e1:12")


def test_the_events_come_in_order_with_the_position_after_each(http: TierHttp) -> None:
    feed = told(
        http,
        event("reset", "e2:5", {"epoch": "e2", "serial": 5}),
        event("live", "e2:5", {"live": {NODE_ID: 0}, "reserved": "d"}) + change_event(6, epoch="e2"),
    )
    reset, live, change = reads(http, feed, 3)
    # Another epoch than was asked for is passed on as it is: who follows knows what that means.
    assert reset == FeedEvent(position=Position(epoch="e2", serial=5), is_reset=True)
    assert live == FeedEvent(position=Position(epoch="e2", serial=5), live=Live(live={NODE_ID: 0}, reserved="d"))
    assert change.position == Position(epoch="e2", serial=6)
    assert change.change == Change(serial=6, project="numpy", what="page", at=1.0, origin="e2:6")


@given(st.integers(1, 40), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_events_are_the_same_however_they_are_cut(size: int, end: str, has_mark: bool) -> None:
    http = TierHttp()
    text = f":\n\nid: e1:1\nevent:change\ndata: {json.dumps({'serial': 1, 'project': 'numpy'})[:-1]},\n"
    text += 'data:"what": "page", "at": 1.0, "origin": "e1:1"}\nretry: 5\nnonsense\n\n:\n'
    data = (b"\xef\xbb\xbf" if has_mark else b"") + text.replace("\n", end).encode() + change_event(2)
    feed = told(http, *(data[at : at + size] for at in range(0, len(data), size)))
    first, second = reads(http, feed, 2)
    assert first == FeedEvent(position=Position(epoch=EPOCH, serial=1), change=FIRST)
    assert second.position.serial == 2


def test_what_a_newer_node_says_is_passed_over(http: TierHttp) -> None:
    feed = told(
        http,
        event("weather", "e1:1", {"rain": True}),
        b"event: weather\ndata: not even JSON\n\n",
        b"data: of no name\n\n",
        change_event(2, what="renamed", colour="red"),
    )
    assert reads(http, feed, 1)[0].change == Change(serial=2, project="numpy", what="renamed", at=1.0, origin="e1:2")


def test_an_event_without_data_is_none(http: TierHttp) -> None:
    feed = told(http, b"event: change\nid: e1:1\n\n", change_event(2))
    assert reads(http, feed, 1)[0].position.serial == 2


def test_ids_that_name_no_node_and_distances_too_far_are_left_out_of_what_is_live(http: TierHttp) -> None:
    live = {NODE_ID: 0, "00000000000000bb": 8, "00000000000000cc": 9, "00000000000000dd": -1, "office": 1}
    feed = told(http, event("live", "e1:0", {"live": live}))
    assert reads(http, feed, 1)[0].live == Live(live={NODE_ID: 0, "00000000000000bb": 8})


# -- what is no event -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        event("change", "e1:1", {"serial": "1", "project": "numpy", "what": "page", "at": 1.0}),
        event("change", "e1:1", ["numpy"]),
        b"event: change\nid: e1:1\ndata: {\n\n",
        b"event: change\nid: e1:1\ndata: " + b"[" * 50_000 + b"\n\n",
        event("change", "e1:2", {"serial": 1, "project": "numpy", "what": "page", "at": 1.0}),
        event("change", "e1:1", {"serial": 1, "project": "Num Py", "what": "page", "at": 1.0}),
        event("change", "e1:1", {"serial": 1, "project": "../numpy", "what": "page", "at": 1.0}),
        event("change", "", {"serial": 1, "project": "numpy", "what": "page", "at": 1.0}),
        event("change", "one", {"serial": 1, "project": "numpy", "what": "page", "at": 1.0}),
        event("change", "e" * 65 + ":1", {"serial": 1, "project": "numpy", "what": "page", "at": 1.0}),
        event("live", "e1:1", {"live": [NODE_ID]}),
        event("live", "e1:1", {"live": {NODE_ID: "near"}}),
        event("reset", "e1:1", {"epoch": 1, "serial": 1}),
        b"event: live\nid: e1:1\ndata: \xff\xfe\n\n",
    ],
)
def test_wrong_types_end_the_feed(http: TierHttp, piece: bytes) -> None:
    feed = told(http, piece, change_event(9))
    assert broken(http, feed).reason == "its feed sends what is no event"
    assert http.wires[0].closed


def sized(size: int) -> bytes:
    """A change whose lines have `size` bytes in all."""
    plain = change_event(1)
    taken = sum(map(len, plain.split(b"\n")))
    return change_event(1, more="x" * (size - taken - len(', "more": ""')))


def test_an_event_of_the_greatest_size_is_read_and_one_byte_more_is_not(http: TierHttp) -> None:
    assert reads(http, told(http, sized(LONGEST_EVENT_BYTES)), 1)[0].change == FIRST
    assert "more than 65536 bytes" in broken(http, told(http, sized(LONGEST_EVENT_BYTES + 1))).reason


def test_a_line_without_an_end_is_not_read_for_ever(http: TierHttp) -> None:
    feed = told(http)
    reading = http.begin(feed.read())
    sent = 0
    while not reading.called and sent < 2**20:
        http.wires[0].send(chunk(b"x" * 1024))
        http.settle()
        sent += 1024
    assert LONGEST_EVENT_BYTES < sent <= LONGEST_EVENT_BYTES + 1024
    with pytest.raises(TierUnreachable, match="more than 65536 bytes"):
        http.outcome(reading)


def test_an_event_of_many_lines_is_bounded_as_a_whole(http: TierHttp) -> None:
    feed = told(http, *[b"data: " + b"x" * 1000 + b"\n"] * 70)
    assert "more than 65536 bytes" in broken(http, feed).reason


# -- time -------------------------------------------------------------------------------------------------------


def test_heartbeats_keep_a_feed_alive_that_has_nothing_to_tell(http: TierHttp) -> None:
    feed = told(http)
    reading = http.begin(feed.read())
    for number in range(1, 101):
        http.advance(HEARTBEAT_S)
        http.wires[0].send(chunk(b":\n\n"))
        assert feed.heard_at == NOW + number * HEARTBEAT_S
    assert not reading.called
    http.wires[0].send(chunk(change_event(1)))
    assert http.outcome(reading).change == FIRST


def test_a_feed_that_stalls_without_closing_is_given_up_after_three_heartbeats(http: TierHttp) -> None:
    feed = told(http, change_event(1))
    reads(http, feed, 1)
    reading = http.begin(feed.read())
    http.advance(SILENCE_S - 0.5)
    assert not reading.called
    http.advance(0.5)
    with pytest.raises(TierUnreachable, match="fell silent for 45 s"):
        http.outcome(reading)
    assert http.wires[0].closed
    assert not http.clock.getDelayedCalls()


def test_a_reader_that_takes_its_time_is_no_silence_of_the_feed(http: TierHttp) -> None:
    feed = told(http, change_event(1))
    http.advance(10 * SILENCE_S)
    assert reads(http, feed, 1)[0].change == FIRST
    reading = http.begin(feed.read())
    http.advance(SILENCE_S - 0.5)
    assert not reading.called


@pytest.mark.parametrize("is_said", [True, False])
def test_a_feed_that_ends_or_breaks_off_gives_what_came_and_then_says_so(http: TierHttp, is_said: bool) -> None:
    feed = told(http, change_event(1))
    if is_said:
        http.wires[0].send(chunk(b""))
    else:
        http.wires[0].hang_up()
    assert reads(http, feed, 1)[0].change == FIRST
    assert broken(http, feed).reason in {"its feed ended", "its answer broke off"}


# -- a flood ----------------------------------------------------------------------------------------------------


def test_a_feed_that_floods_is_taken_no_faster_than_it_is_read(http: TierHttp) -> None:
    feed = told(http)
    wire = http.wires[0]
    flood = [chunk(change_event(serial)) for serial in range(1, 10_001)]
    for piece in flood:
        wire.send(piece)
    total = sum(map(len, flood))
    event_bytes = len(flood[0])
    for serial in range(1, 200):
        assert http.result(feed.read()).position.serial == serial
        taken = total - wire.waiting_bytes
        assert taken <= (serial + 2) * (event_bytes + 8)  # no more than two events ahead


def test_a_flood_in_one_piece_is_held_no_further_than_that_piece(http: TierHttp) -> None:
    feed = told(http)
    wire = http.wires[0]
    flood = b"".join(chunk(change_event(serial)) for serial in range(1, 20_001))
    wire.send(flood)
    assert len(flood) - wire.waiting_bytes <= 2 * 64 * 1024
    assert [one.position.serial for one in reads(http, feed, 20_000)] == list(range(1, 20_001))


def test_closing_a_feed_closes_its_connection_and_harms_nobody_twice(http: TierHttp) -> None:
    feed = told(http, change_event(1))
    feed.close()
    feed.close()
    http.settle()
    assert http.wires[0].closed
    assert not http.clock.getDelayedCalls()


# -- who gives none ---------------------------------------------------------------------------------------------

NONE: list[Any] = [
    http_answer(404, b"<h1>Not here</h1>", {"Content-Type": "text/html"}),
    http_answer(405),
    http_answer(200, b"<h1>Welcome</h1>", {"Content-Type": "text/html"}),
    http_answer(200, b"{}", {"Content-Type": "application/json"}),
    http_answer(200, b"no type"),
    http_answer(204, length=None),
]


@pytest.mark.parametrize("answer", NONE)
def test_another_program_has_no_feed_and_is_asked_again_after_a_while(http: TierHttp, answer: bytes) -> None:
    http.on(CHANGES, answer, head_of_feed())
    node = far_node(http)
    for _ in range(3):
        with pytest.raises(NotANode):
            http.result(node.follow(None))
    http.advance(AGAIN_S - 0.5)
    with pytest.raises(NotANode):
        http.result(node.follow(None))
    assert len(http.asked()) == 1
    http.advance(0.5)
    http.result(node.follow(None))
    assert len(http.asked()) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http_answer(401), TierWithoutAnswer),
        (http_answer(403), TierWithoutAnswer),
        (http_answer(503, headers={"Cache-Status": "office; detail=x"}), TierWithoutAnswer),
        (http_answer(508), LoopFound),
    ],
)
def test_a_node_that_does_not_let_its_feed_be_read_is_still_a_node(
    http: TierHttp, answer: bytes, error: type[TierUnreachable]
) -> None:
    http.on(CHANGES, answer, head_of_feed())
    node = far_node(http)
    with pytest.raises(error):
        http.result(node.follow(None))
    http.result(node.follow(None))


def test_a_feed_that_is_coded_is_not_followed(http: TierHttp) -> None:
    fields = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
    http.on(CHANGES, http_answer(200, b"", fields))
    with pytest.raises(TierUnreachable, match="coding"):
        http.result(far_node(http).follow(None))
