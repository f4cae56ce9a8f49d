"""A job as its watchers see it: events that say how it is, until it is over."""

from __future__ import annotations

import pytest

from tests.doubles.wire import Connection
from tests.web.followed import drained, events_of, text_of
from tests.web.node import WebNode
from tests.web.test_prefetch import OPERATOR, PATH, REPORT
from tiercache.web.limits import Limits
from tiercache.wire import HEARTBEAT_S
from tiercache.wire.prefetch import JobFile

FILES = tuple(
    JobFile(project="p", version=str(number), filename=f"p-{number}.tar.gz", outcome="waiting")
    for number in range(1000)
)


def watched(node: WebNode, job: str = "one", last_id: str | None = None) -> Connection:
    connection = node.wire.connect()
    assert connection is not None
    connection.ask("GET", f"{PATH}/{job}/events", {**OPERATOR, **({"Last-Event-ID": last_id} if last_id else {})})
    return connection


def phases(connection: Connection) -> list[tuple[str, str]]:
    return [(name, data["phase"]) for name, _, data in events_of(connection)]


def test_each_change_is_told_and_the_end_is_the_last_of_them() -> None:
    node = WebNode()
    node.jobs.put("one", files=FILES)
    watching = watched(node)
    head = watching.received.partition(b"\r\n\r\n")[0].decode().lower()
    assert "content-type: text/event-stream" in head
    assert "cache-control: no-store" in head
    node.jobs.put("one", phase="fetching", files_done=3)
    node.jobs.put("one", phase="fetching")  # it says so, and is as it was
    node.jobs.put("one", phase="done", report=REPORT)
    assert phases(watching) == [("state", "waiting"), ("state", "fetching"), ("ended", "done")]
    assert watching.received.endswith(b"\r\n0\r\n\r\n")
    for _, _, data in events_of(watching):
        assert (data["files"], data["report"]) == ([], None)
    assert len(watching.received) < 4000


def test_who_comes_back_is_told_what_is_new_to_them_and_nothing_else() -> None:
    node = WebNode()
    node.jobs.put("one", phase="fetching")
    first = watched(node)
    (_, seen, _) = events_of(first)[0]
    first.leave()
    again = watched(node, last_id=seen)
    assert events_of(again) == []
    node.jobs.put("one", phase="done")
    assert phases(again) == [("ended", "done")]
    (_, seen, _) = events_of(again)[0]
    assert watched(node, last_id=seen).reply().status == 204
    assert phases(watched(node, last_id="something else")) == [("ended", "done")]


def test_silence_is_broken_by_signs_of_life() -> None:
    node = WebNode(limits=Limits(idle_timeout_s=5, write_timeout_s=5, body_timeout_s=5, head_timeout_s=5))
    node.jobs.put("one")
    watching = watched(node)
    node.clock.advance(HEARTBEAT_S - 0.01)
    assert ":\n\n" not in text_of(watching)
    node.clock.advance(0.01)
    assert text_of(watching).count(":\n\n") == 1
    for _ in range(10):
        node.clock.advance(HEARTBEAT_S)
    assert text_of(watching).count(":\n\n") == 11
    assert watching.is_open
    node.jobs.put("one", phase="done")
    assert phases(watching) == [("state", "waiting"), ("ended", "done")]


def test_a_slow_reader_is_told_the_newest_and_holds_up_nobody() -> None:
    node = WebNode()
    node.jobs.put("one", what="x" * 70_000)
    slow, quick = watched(node), watched(node)
    slow.stall()
    for number in range(100):
        node.jobs.put("one", phase="fetching", files_done=number)
    assert len(events_of(quick)) == 101
    assert slow.held_bytes < 200_000
    slow.take()
    assert events_of(slow)[-1][2]["files_done"] == 99
    assert len(events_of(slow)) < 6


def test_who_takes_nothing_for_too_long_is_dropped() -> None:
    node = WebNode(limits=Limits(write_timeout_s=7))
    node.jobs.put("one", what="x" * 70_000)
    watching = watched(node)
    watching.stall()
    node.jobs.put("one", phase="fetching")
    node.clock.advance(6.99)
    assert watching.is_open
    node.clock.advance(0.02)
    assert not watching.is_open


def test_who_leaves_takes_nothing_along() -> None:
    node = WebNode()
    node.jobs.put("one")
    leaving, staying = watched(node), watched(node)
    leaving.leave()
    node.jobs.put("one", phase="done")
    assert phases(staying)[-1] == ("ended", "done")
    assert [call for call in node.clock.getDelayedCalls() if call.getTime() == HEARTBEAT_S] == []


def test_it_ends_when_the_job_is_forgotten() -> None:
    node = WebNode()
    node.jobs.put("one")
    watching = watched(node)
    node.jobs.forget("one")
    assert watching.received.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("is_stalled", [False, True])
def test_it_ends_when_the_node_stops(is_stalled: bool) -> None:
    node = WebNode()
    node.jobs.put("one", what="x" * 70_000)
    watching = watched(node)
    if is_stalled:
        watching.stall()
        node.jobs.put("one", phase="fetching")
    stopped = drained(node)
    assert stopped.called
    assert not watching.is_open
    assert watching.received.endswith(b"\r\n0\r\n\r\n") is not is_stalled


def test_head_tells_how_it_would_be_told() -> None:
    node = WebNode()
    node.jobs.put("one")
    reply = node.head(f"{PATH}/one/events", OPERATOR)
    assert (reply.status, reply.body) == (200, b"")
