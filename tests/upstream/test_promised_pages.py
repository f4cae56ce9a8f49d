"""Pages that a node gives along with others: an ask meets one on its way, and is sent only where it does not come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.doubles.far_node import PAGES, answering, chunk, far_node, head_of_lines, line, lines_answer, wanted
from tests.doubles.tier_http import TierHttp
from tiercache.errors import ProjectAbsent, TierUnreachable
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.hints import Hints
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.simple.model import ProjectName
from tiercache.upstream.parent import Parent
from tiercache.upstream.requests import Deadlines

A, B, C, D = ProjectName("a"), ProjectName("b"), ProjectName("c"), ProjectName("d")
SOME = Hints(neighbours=2)


@pytest.fixture
def http() -> Iterator[TierHttp]:
    http = TierHttp()
    yield http
    for wire in http.wires:
        wire.hang_up()  # nothing goes on behind a test


def begin(
    http: TierHttp, node: Parent, project: ProjectName, *, hints: Hints = SOME, hops: Hops = NONE_YET, **how: Any
) -> Deferred[Present | NotModified]:
    validators = how.get("validators") or Validators()
    return http.begin(node.behind(hops, hints).page(project, validators, how.get("no_cache", False)))


def promised(http: TierHttp, *follows: str, **differently: Any) -> tuple[Parent, Deferred[Any]]:
    """A node that has answered for `a`, and said that these follow."""
    http.on(PAGES, head_of_lines(), answering())
    node = far_node(http, **differently)
    asked = begin(http, node, A)
    send(http, line("a", follows=list(follows)))
    return node, asked


def send(http: TierHttp, *lines: bytes) -> None:
    """More of the first answer."""
    for one in lines:
        http.wires[0].send(chunk(one + b"\n"))
    http.settle()


def asked_for(http: TierHttp) -> list[list[str]]:
    return [wanted(request) for request in http.requests if request.method == "POST"]


def test_a_page_says_what_follows_it(http: TierHttp) -> None:
    _, asked = promised(http, "b", "c")
    assert http.outcome(asked).follows == (B, C)


def test_an_ask_for_what_was_promised_waits_for_its_line_and_no_request_is_sent(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    waiting = begin(http, node, B)
    assert not waiting.called
    send(http, line("b", serial=5))
    assert http.outcome(waiting).head.serial == 5
    assert asked_for(http) == [["a"]]


def test_what_follows_a_promised_page_is_promised_too(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    first = begin(http, node, B)
    send(http, line("b", follows=["c"]))
    second = begin(http, node, C)
    send(http, line("c"))
    assert http.outcome(first).follows == (C,)
    assert isinstance(http.outcome(second), Present)
    assert asked_for(http) == [["a"]]


def test_a_line_that_nobody_waits_for_is_passed_over_and_its_promises_count(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    send(http, line("b", page="no page at all", follows=["c"]))
    waiting = begin(http, node, C)
    send(http, line("c"))
    assert isinstance(http.outcome(waiting), Present)
    assert asked_for(http) == [["a"]]
    assert isinstance(http.outcome(begin(http, node, B)), Present)
    assert asked_for(http) == [["a"], ["b"]]


def test_all_who_wait_for_a_promised_page_get_it(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    both = [begin(http, node, B), begin(http, node, B, validators=Validators(etag='"old"'))]
    send(http, line("b"))
    assert all(isinstance(http.outcome(one), Present) for one in both)


def test_that_a_promised_project_is_absent_counts(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    waiting = begin(http, node, B)
    send(http, line("b", status="absent"))
    with pytest.raises(ProjectAbsent):
        http.outcome(waiting)


# -- promises that are not kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {"status": "unavailable", "reason": "not-sent"},
        {"status": "unavailable", "reason": "breaker-open"},
        {"status": "forbidden"},
        {"status": "not-modified"},
        {"page": {"no": "page"}},
        {"age_s": "old"},
    ],
)
def test_where_a_promised_line_gives_no_page_its_project_is_asked_for(http: TierHttp, told: dict[str, Any]) -> None:
    node, _ = promised(http, "b")
    waiting = begin(http, node, B)
    send(http, line("b", **told))
    assert isinstance(http.outcome(waiting), Present)
    assert asked_for(http) == [["a"], ["b"]]


def test_what_was_promised_and_has_not_come_by_the_end_is_asked_for(http: TierHttp) -> None:
    node, _ = promised(http, "b", "c")
    waiting = begin(http, node, B)
    http.wires[0].send(chunk(b""))
    http.settle()
    assert isinstance(http.outcome(waiting), Present)
    assert isinstance(http.outcome(begin(http, node, C)), Present)
    assert asked_for(http) == [["a"], ["b"], ["c"]]


def test_what_was_promised_by_a_node_that_dies_is_asked_for(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    waiting = begin(http, node, B)
    http.wires[0].hang_up()
    http.settle()
    assert isinstance(http.outcome(waiting), Present)
    assert asked_for(http) == [["a"], ["b"]]


def test_a_promised_page_is_waited_for_no_longer_than_one_that_was_asked_for(http: TierHttp) -> None:
    node, _ = promised(http, "b", deadlines=Deadlines(first_byte_s=4.0))
    waiting = begin(http, node, B)
    http.advance(3.9)
    assert not waiting.called
    http.advance(0.1)
    assert isinstance(http.outcome(waiting), Present)
    assert asked_for(http) == [["a"], ["b"]]


def test_who_leaves_while_a_promised_page_is_on_its_way_takes_nobody_along(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    leaving, staying = begin(http, node, B), begin(http, node, B)
    leaving.addErrback(lambda failure: failure.trap(CancelledError, TierUnreachable) and None)
    leaving.cancel()
    send(http, line("b"))
    assert isinstance(http.outcome(staying), Present)
    assert asked_for(http) == [["a"]]


# -- who does not wait --------------------------------------------------------------------------------------------


def test_who_insists_on_the_newest_page_does_not_take_a_promised_one(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    assert isinstance(http.outcome(begin(http, node, B, no_cache=True)), Present)
    assert asked_for(http) == [["a"], ["b"]]
    assert "neighbours" not in json.loads(http.requests[1].body)


def test_a_request_that_came_another_way_does_not_wait_for_a_promised_page(http: TierHttp) -> None:
    """The two may be waiting for each other above, where nodes form a ring."""
    node, _ = promised(http, "b")
    other = begin(http, node, B, hops=Hops(via=("1.1 00000000000000bb",)))
    assert isinstance(http.outcome(other), Present)
    assert asked_for(http) == [["a"], ["b"]]


# -- what a node may not do ---------------------------------------------------------------------------------------


def test_no_more_is_taken_along_than_was_asked_for(http: TierHttp) -> None:
    node, _ = promised(http, "b", "c", "d")
    assert isinstance(http.outcome(begin(http, node, D)), Present)
    assert asked_for(http) == [["a"], ["d"]]


def test_a_page_says_of_no_more_that_they_follow_than_may_come_along(http: TierHttp) -> None:
    node, asked = promised(http, "b", "a", "c", "d")
    assert http.outcome(asked).follows == (B, C)
    waiting = begin(http, node, B)
    send(http, line("b", follows=["c", "d"]))
    assert http.outcome(waiting).follows == ()


def test_who_has_broken_a_promise_is_asked_for_no_others(http: TierHttp) -> None:
    node, _ = promised(http, "b")
    begin(http, node, B)
    send(http, line("b", status="unavailable", reason="not-sent"))
    first, second = (json.loads(request.body) for request in http.requests if request.method == "POST")
    assert (first["neighbours"], second.get("neighbours", 0)) == (2, 0)


def test_a_line_that_was_neither_asked_for_nor_promised_ends_the_exchange(http: TierHttp) -> None:
    node, _ = promised(http, "b", "c", "d")
    waiting = begin(http, node, B)
    send(http, line("d"))
    assert isinstance(http.outcome(waiting), Present)
    assert asked_for(http) == [["a"], ["b"]]


def test_a_node_that_was_not_asked_for_neighbours_can_promise_none(http: TierHttp) -> None:
    http.on(PAGES, head_of_lines(), answering())
    node = far_node(http)
    begin(http, node, A, hints=Hints())
    send(http, line("a", follows=["b"]))
    begin(http, node, B)
    assert asked_for(http) == [["a"], ["b"]]


@pytest.mark.parametrize("name", ["B", "b_c", "", "b\n", "x" * 300])
def test_a_promise_of_what_is_no_name_is_none(http: TierHttp, name: str) -> None:
    _, asked = promised(http, name)
    assert http.outcome(asked).follows == ()


# -- what is asked ------------------------------------------------------------------------------------------------


def test_hints_travel_with_the_request(http: TierHttp) -> None:
    http.on(PAGES, answering())
    hints = Hints(
        python="3.12.4",
        platform="x86_64-manylinux_2_28",
        universal=True,
        specifier=">=2",
        extras=("socks",),
        neighbours=60,
    )
    http.outcome(begin(http, far_node(http), A, hints=hints))
    assert json.loads(http.requests[0].body) == {
        "projects": [{"name": "a", "etag": None, "specifier": ">=2", "extras": ["socks"]}],
        "metadata": 3,
        "environment": {"python": "3.12.4", "platform": "x86_64-manylinux_2_28"},
        "universal": True,
        "neighbours": 60,
    }


@pytest.mark.parametrize(
    "hints",
    [Hints(specifier="!=1," * 100), Hints(extras=tuple(f"e{n}" for n in range(21))), Hints(python="3.12")],
)
def test_hints_that_a_node_would_not_take_are_not_sent(http: TierHttp, hints: Hints) -> None:
    http.on(PAGES, answering())
    http.outcome(begin(http, far_node(http), A, hints=hints))
    assert json.loads(http.requests[0].body) == {"projects": [{"name": "a", "etag": None}], "metadata": 3}


def test_asks_for_different_environments_go_in_different_requests(http: TierHttp) -> None:
    http.on(PAGES, head_of_lines(), answering())
    node = far_node(http, gather_s=0.5)
    begin(http, node, A)
    some = [Hints(python=python, platform="linux") for python in ("3.11", "3.12", "3.11")]
    for project, hints in zip((B, C, D), some, strict=True):
        begin(http, node, project, hints=hints)
    http.advance(1.0)
    assert sorted(asked_for(http)) == [["a"], ["b", "d"], ["c"]]


def test_an_older_node_which_promises_nothing_is_asked_for_each(http: TierHttp) -> None:
    http.on(PAGES, lines_answer(line("a")), answering())
    node = far_node(http)
    assert http.outcome(begin(http, node, A)).follows == ()
    assert isinstance(http.outcome(begin(http, node, B)), Present)
    assert asked_for(http) == [["a"], ["b"]]
