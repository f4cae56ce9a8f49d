"""The journal as the nodes below read it: at once, or after a wait."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.scripted_journal import EPOCH
from tests.doubles.wire import Connection, Reply
from tests.web.followed import PATH, STREAM, drained
from tests.web.node import WebNode
from tiercache.web.limits import Limits
from tiercache.wire import LONGEST_WAIT_S


def told(node: WebNode, query: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The changes in JSON."""
    reply = node.get(PATH + query, headers)
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    body: dict[str, Any] = json.loads(reply.body)
    return body


# -- at once ----------------------------------------------------------------------------------------------------


def test_changes_after_a_serial_are_told_oldest_first() -> None:
    node = WebNode()
    for project in ("a", "b", "c"):
        node.journal.append(project)
    body = told(node, f"?epoch={EPOCH}&since=1")
    assert (body["epoch"], body["serial"], body["reset"]) == (EPOCH, 3, False)
    assert [(change["serial"], change["project"], change["what"]) for change in body["changes"]] == [
        (2, "b", "page"),
        (3, "c", "page"),
    ]


@pytest.mark.parametrize(
    ("query", "serials", "reset"),
    [
        ("", [], False),
        (f"?epoch={EPOCH}", [], False),
        ("?since=2", [3], False),
        (f"?epoch={EPOCH}&since=3", [], False),
        (f"?epoch={EPOCH}&since=4", [], True),
        (f"?epoch={EPOCH}&since=0", [], True),
        ("?epoch=another&since=3", [], True),
        ("?epoch=another", [], True),
        ("?unknown=parameter&since=2", [3], False),
    ],
)
def test_what_is_asked_for_is_what_came_after_or_a_reset(query: str, serials: list[int], reset: bool) -> None:
    node = WebNode()
    node.journal.forgotten = 1
    for project in ("a", "b", "c"):
        node.journal.append(project)
    body = told(node, query)
    assert ([change["serial"] for change in body["changes"]], body["reset"]) == (serials, reset)
    assert body["serial"] == 3


@pytest.mark.parametrize(
    "query",
    [
        "?since=-1",
        "?since=x",
        "?since=1e3",
        "?since=" + "9" * 19,
        "?since=",
        "?since=%0A1",
        "?epoch=",
        "?epoch=a%20b",
        "?epoch=" + "x" * 65,
        "?wait=-1",
        "?wait=61",
        "?wait=1.5",
        "?wait=nan",
        "?wait=",
    ],
)
def test_a_question_that_cannot_be_read_is_a_problem(query: str) -> None:
    reply = WebNode().get(PATH + query)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert json.loads(reply.body)["status"] == 400


@pytest.mark.parametrize("id_", ["nonsense", ":5", "e0:", "e0:-1", f"e0:{'1' * 19}", "e 0:1", f"{'e' * 65}:1"])
def test_an_event_id_that_is_none_is_a_problem(id_: str) -> None:
    assert WebNode().get(PATH, {**STREAM, "Last-Event-ID": id_}).status == 400


# -- after a wait -----------------------------------------------------------------------------------------------


def waiting(node: WebNode, query: str) -> Connection:
    connection = node.wire.connect()
    assert connection is not None
    connection.ask("GET", PATH + query)
    return connection


def body_of(connection: Connection) -> Any:
    reply: Reply = connection.reply()
    assert reply.status == 200
    return json.loads(reply.body)


def test_a_long_poll_is_answered_when_something_changes() -> None:
    node = WebNode()
    connection = waiting(node, "?since=0&wait=60")
    node.clock.advance(59)
    assert connection.received == b""
    node.journal.append("numpy")
    assert [change["project"] for change in body_of(connection)["changes"]] == ["numpy"]


def test_a_long_poll_is_answered_at_once_when_there_is_something_already() -> None:
    node = WebNode()
    node.journal.append("numpy")
    assert len(body_of(waiting(node, "?since=0&wait=60"))["changes"]) == 1
    assert body_of(waiting(node, "?since=9&wait=60"))["reset"]


@pytest.mark.parametrize("wait_s", [1, int(LONGEST_WAIT_S)])
def test_a_long_poll_without_news_ends_when_its_time_is_over_and_not_before(wait_s: int) -> None:
    node = WebNode(limits=Limits(idle_timeout_s=5))
    connection = waiting(node, f"?wait={wait_s}")
    node.clock.advance(wait_s - 0.01)
    assert connection.received == b""
    assert connection.is_open
    node.clock.advance(0.01)
    assert body_of(connection)["changes"] == []


def test_a_waiter_that_leaves_takes_nobody_with_it() -> None:
    node = WebNode()
    first, second = waiting(node, "?since=0&wait=60"), waiting(node, "?since=0&wait=60")
    first.leave()
    node.journal.append("numpy")
    assert len(body_of(second)["changes"]) == 1


def test_a_long_poll_ends_when_the_node_stops() -> None:
    node = WebNode()
    connection = waiting(node, "?wait=60")
    stopped = drained(node)
    assert body_of(connection)["changes"] == []
    assert stopped.called
