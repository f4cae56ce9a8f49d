"""The journal as the nodes below read it: as a feed that goes on."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.doubles.scripted_journal import EPOCH
from tests.web.followed import PATH, STREAM, drained, events_of, followed, short, text_of
from tests.web.node import WebNode
from tiercache.errors import TierUnreachable
from tiercache.web.limits import Limits
from tiercache.web.tier.feed import TURN_SUBSCRIBERS
from tiercache.wire import HEARTBEAT_S, MOST_CHANGES

MOST_BYTES_A_SUBSCRIBER = 32 * 1024
"""Its connection included: 10,000 of them take a third of a gigabyte then."""


def test_a_feed_begins_with_what_is_live_and_goes_on_with_changes() -> None:
    node = WebNode()
    node.journal.append("before")
    feed = followed(node)
    head = feed.received.partition(b"\r\n\r\n")[0].decode().lower()
    assert "http/1.1 200" in head
    assert "content-type: text/event-stream" in head
    assert "cache-control: no-store" in head
    assert "content-length" not in head
    assert events_of(feed) == [("live", f"{EPOCH}:1", {"live": {"here": 0}, "reserved": ""})]
    node.journal.append("numpy", "reserved")
    node.clock.advance(0)
    name, id_, data = events_of(feed)[1]
    assert (name, id_) == ("change", f"{EPOCH}:2")
    assert data == {"serial": 2, "project": "numpy", "what": "reserved", "at": 1000.0, "origin": f"{EPOCH}:2"}


def test_a_feed_resumes_where_its_last_event_was() -> None:
    node = WebNode()
    for project in ("a", "b", "c"):
        node.journal.append(project)
    feed = followed(node, {"Last-Event-ID": f"{EPOCH}:1"})
    assert short(feed) == ["change 2 b", "change 3 c", "live 3"]
    node.journal.append("d")
    node.clock.advance(0)
    assert short(feed)[3:] == ["change 4 d"]


def test_a_feed_resumes_by_its_query_and_the_event_id_goes_before() -> None:
    node = WebNode()
    node.journal.append("a")
    node.journal.append("b")
    assert short(followed(node, query=f"?epoch={EPOCH}&since=1")) == ["change 2 b", "live 2"]
    resumed = followed(node, {"Last-Event-ID": f"{EPOCH}:2"}, f"?epoch={EPOCH}&since=0")
    assert short(resumed) == ["live 2"]


@pytest.mark.parametrize("id_", [f"{EPOCH}:0", f"{EPOCH}:3", "another:2"])
def test_a_position_that_is_not_known_is_told_as_one_reset(id_: str) -> None:
    node = WebNode()
    node.journal.forgotten = 1
    node.journal.append("a")
    node.journal.append("b")
    feed = followed(node, {"Last-Event-ID": id_})
    assert short(feed) == ["reset 2", "live 2"]
    assert events_of(feed)[0][2] == {"epoch": EPOCH, "serial": 2}


def test_more_was_missed_than_one_look_into_the_journal_tells() -> None:
    node = WebNode()
    count = 2 * MOST_CHANGES + 1
    for number in range(count):
        node.journal.append(f"p{number}")
    feed = followed(node, {"Last-Event-ID": f"{EPOCH}:0"})
    node.clock.advance(0)
    told_ids = [int(line.split()[1]) for line in short(feed)]
    assert told_ids == [*range(1, count + 1), count]


def test_live_is_told_again_when_it_is_not_as_it_was() -> None:
    node = WebNode()
    feed = followed(node)
    node.journal.set_live({"here": 0, "above": 1})
    node.clock.advance(0)
    assert events_of(feed)[1][2]["live"] == {"here": 0, "above": 1}
    assert events_of(followed(node))[0][2]["live"] == {"here": 0, "above": 1}


def test_a_change_that_the_journal_told_already_is_not_told_twice() -> None:
    node = WebNode()
    followed(node)
    late = node.journal.commit("numpy")
    feed = followed(node, {"Last-Event-ID": f"{EPOCH}:0"})
    node.journal.publish(late)
    node.journal.append("scipy")
    node.clock.advance(0)
    assert [line for line in short(feed) if line.startswith("change")] == ["change 1 numpy", "change 2 scipy"]


def test_a_feed_that_has_nothing_to_tell_beats_so_often_and_outlives_every_timeout() -> None:
    node = WebNode(limits=Limits(idle_timeout_s=5, write_timeout_s=5, body_timeout_s=5, head_timeout_s=5))
    feed = followed(node)
    node.clock.advance(HEARTBEAT_S - 0.01)
    assert ":\n\n" not in text_of(feed)
    node.clock.advance(0.01)
    node.clock.advance(0)
    assert text_of(feed).endswith(":\n\n")
    for _ in range(20):
        node.clock.advance(HEARTBEAT_S)
        node.clock.advance(0)
    assert text_of(feed).count(":\n\n") == 21
    assert feed.is_open


def test_a_heart_beats_only_after_silence() -> None:
    node = WebNode()
    feed = followed(node)
    for _ in range(3):
        node.clock.advance(HEARTBEAT_S - 1)
        node.journal.append("numpy")
        node.clock.advance(0)
    assert ":\n\n" not in text_of(feed)


def test_each_event_is_encoded_once_for_all() -> None:
    node = WebNode()
    feeds = [followed(node) for _ in range(5)]
    node.journal.append("numpy")
    node.clock.advance(0)
    assert [short(feed)[1] for feed in feeds] == ["change 1 numpy"] * 5
    assert len(node.journal.subscriptions) == 1
    assert node.journal.looked == 0


def test_a_burst_is_told_in_order_and_whole() -> None:
    node = WebNode()
    feed = followed(node)
    for number in range(3000):
        node.journal.append(f"p{number}")
    node.clock.advance(0)
    assert [int(line.split()[1]) for line in short(feed)[1:]] == list(range(1, 3001))


def test_a_subscriber_that_does_not_read_holds_little_and_is_cut() -> None:
    node = WebNode(limits=Limits(write_timeout_s=60))
    slow, quick = followed(node), followed(node)
    slow.stall()
    for number in range(20_000):
        node.journal.append(f"project-{number}")
        if number % 500 == 0:
            node.clock.advance(0)
    node.clock.advance(0)
    assert slow.held_bytes < 256 * 1024
    assert len(short(quick)) == 20_001
    node.clock.advance(59.9)
    assert slow.is_open
    node.clock.advance(0.2)
    assert not slow.is_open
    assert quick.is_open


def test_a_subscriber_that_reads_again_gets_all_that_it_missed_even_out_of_the_log() -> None:
    node = WebNode()
    slow = followed(node)
    slow.stall()
    for number in range(25_000):
        node.journal.append(f"project-{number}")
        if number % 500 == 0:
            node.clock.advance(0)
    node.clock.advance(0)
    slow.take()
    node.clock.advance(0)
    changes = [line for line in short(slow) if line.startswith("change")]
    assert [int(line.split()[1]) for line in changes] == list(range(1, 25_001))


def test_feeds_end_cleanly_when_the_node_stops_and_nobody_waits_for_them() -> None:
    node = WebNode()
    feeds = [followed(node) for _ in range(3)]
    stopped = drained(node)
    assert stopped.called
    for feed in feeds:
        assert feed.received.endswith(b"0\r\n\r\n")
        assert not feed.is_open


def test_a_stalled_feed_is_cut_when_the_node_stops() -> None:
    node = WebNode()
    feed = followed(node)
    feed.stall()
    for number in range(2000):
        node.journal.append(f"project-{number}")
        if number % 100 == 0:
            node.clock.advance(0)
    stopped = drained(node)
    node.clock.advance(0)
    assert stopped.called
    assert not feed.is_open


def test_a_feed_asked_for_while_the_node_stops_ends_at_once() -> None:
    node = WebNode()
    connection = node.wire.connect()
    assert connection is not None
    connection.send(f"GET {PATH} HTTP/1.1\r\nHost: node.example\r\n".encode())
    stopped = drained(node)
    assert not stopped.called
    connection.send(b"Accept: text/event-stream\r\n\r\n")
    assert stopped.called


def test_who_leaves_is_told_nothing_more_and_the_heart_rests_with_the_last() -> None:
    node = WebNode()
    first, second = followed(node), followed(node)
    first.leave()
    node.journal.append("numpy")
    node.clock.advance(0)
    assert short(second)[1:] == ["change 1 numpy"]
    second.leave()
    assert [call for call in node.clock.getDelayedCalls() if call.getTime() > node.clock.seconds()] == []


def test_a_feed_whose_own_reader_was_cut_tells_everybody_from_the_journal() -> None:
    node = WebNode()
    feed = followed(node)
    node.journal.append("a")
    node.clock.advance(0)
    cut = node.journal.subscriptions[0]
    cut.fail(TierUnreachable(tier="journal", reason="too far behind"))
    node.journal.append("b")
    node.clock.advance(0)
    node.clock.advance(0)
    node.journal.append("c")
    node.clock.advance(0)
    assert [line for line in short(feed) if line.startswith("change")] == ["change 1 a", "change 2 b", "change 3 c"]
    assert len(node.journal.subscriptions) == 2


def test_head_of_a_feed_is_its_head_alone() -> None:
    reply = WebNode().head(PATH, STREAM)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"] == "text/event-stream"


def test_a_subscriber_takes_little_memory_and_news_takes_no_more() -> None:
    node = WebNode()
    held = [followed(node) for _ in range(20)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held += [followed(node) for _ in range(200)]
        after, _ = tracemalloc.get_traced_memory()
        for connection in held:
            connection.stall()  # what a client has received counts with the client
        node.journal.append("numpy")
        node.clock.advance(0)
        told, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 200 < MOST_BYTES_A_SUBSCRIBER
    assert (told - after) / 200 < 1024


def test_a_subscriber_that_breaks_keeps_nobody_from_the_news() -> None:
    node = WebNode()
    broken, well = followed(node), followed(node)
    del broken.transport.io  # writing to it raises from now on
    node.journal.append("numpy")
    node.clock.advance(0)
    node.journal.append("scipy")
    node.clock.advance(0)
    assert short(well)[1:] == ["change 1 numpy", "change 2 scipy"]


def test_many_subscribers_are_told_in_turns_and_others_have_theirs_in_between() -> None:
    node = WebNode()
    feeds = [followed(node) for _ in range(TURN_SUBSCRIBERS + 1)]
    node.journal.append("numpy")
    told_by_then: list[int] = []
    node.clock.callLater(0, lambda: told_by_then.extend(len(short(feed)) for feed in feeds))
    node.clock.advance(0)
    assert told_by_then == [2] * TURN_SUBSCRIBERS + [1]


def test_news_that_comes_while_the_last_is_being_told_reaches_those_who_were_told_first() -> None:
    node = WebNode()
    feeds = [followed(node) for _ in range(TURN_SUBSCRIBERS + 1)]
    node.journal.append("numpy")
    node.clock.callLater(0, node.journal.append, "scipy")
    node.clock.advance(0)
    assert {tuple(short(feed)[1:]) for feed in feeds} == {("change 1 numpy", "change 2 scipy")}
