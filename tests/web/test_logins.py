"""Passwords are checked in the pool, once for all who show them at a time, few at once, and not again for a while."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from tests.doubles.shelves import page_of
from tests.doubles.wire import Connection
from tests.web.node import WebNode
from tiercache.access.accounts import Account, Accounts
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Who
from tiercache.access.remembered import LASTS_S
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.logins import CHECKS_AT_ONCE, CHECKS_WAITING

PATH = "/simple/acme/"
ALICES = Permissions(
    grants=(Grant(who=(Who.parse("alice"),), may=frozenset(["read"]), projects=ProjectPatterns(("*",))),)
)


@define
class HeldPool:
    """A pool whose work waits until it is let go, one by one."""

    held: list[tuple[Deferred[Any], Any]] = field(factory=list)

    async def __call__(self, function: Any, /, *args: Any) -> Any:
        done: Deferred[Any] = Deferred()
        self.held.append((done, lambda: function(*args)))
        return await done

    def let_go(self) -> None:
        done, work = self.held.pop(0)
        done.callback(work())


@define
class Door:
    """A node where alice alone may read, and what has been asked of her password; `let_go` ends the oldest check."""

    checked: list[str] = field(factory=list)
    pool: HeldPool = field(factory=HeldPool)
    node: WebNode = field(init=False)

    def __attrs_post_init__(self) -> None:
        def check(user: str, password: str) -> bool:
            self.checked.append(password)
            return password == "s3cret"

        accounts = Accounts(accounts={"alice": Account(user="alice")}, others=check)
        self.node = WebNode(permissions=ALICES, accounts=accounts, pool=self.pool)  # type: ignore[arg-type]  # as a pool
        self.node.pages.put(page_of("acme"))

    def ask(self, password: str, user: str = "alice") -> Connection:
        shown = b64encode(f"{user}:{password}".encode()).decode()
        connection = self.node.wire.connect()
        assert connection is not None
        connection.ask("GET", PATH, {"Authorization": f"Basic {shown}"})
        return connection


def statuses(connections: list[Connection]) -> list[int]:
    return [connection.reply().status for connection in connections if connection.received]


def test_requests_that_show_one_password_at_a_time_share_one_check() -> None:
    door = Door()
    connections = [door.ask("s3cret") for _ in range(50)]
    assert len(door.pool.held) == 1
    assert statuses(connections) == []
    door.pool.let_go()
    assert statuses(connections) == [200] * 50
    assert door.checked == ["s3cret"]


def test_success_is_remembered_for_a_while_and_then_checked_again() -> None:
    door = Door()
    door.ask("s3cret")
    door.pool.let_go()
    door.node.clock.advance(LASTS_S - 0.001)
    assert statuses([door.ask("s3cret")]) == [200]
    door.node.clock.advance(0.001)
    late = door.ask("s3cret")
    assert statuses([late]) == []
    door.pool.let_go()
    assert statuses([late]) == [200]
    assert len(door.checked) == 2


def test_failure_is_not_remembered() -> None:
    door = Door()
    first = door.ask("wrong")
    door.pool.let_go()
    second = door.ask("wrong")
    door.pool.let_go()
    assert statuses([first, second]) == [401, 401]
    assert len(door.checked) == 2


def test_client_that_leaves_takes_nobody_with_it() -> None:
    door = Door()
    leaver, stayer = door.ask("s3cret"), door.ask("s3cret")
    leaver.leave()
    door.pool.let_go()
    assert statuses([stayer]) == [200]


def test_only_a_few_passwords_are_checked_at_once() -> None:
    door = Door()
    connections = [door.ask(f"wrong {number}") for number in range(CHECKS_AT_ONCE + 3)]
    assert len(door.pool.held) == CHECKS_AT_ONCE
    for _ in connections:
        door.pool.let_go()
    assert statuses(connections) == [401] * len(connections)


def test_one_password_more_than_may_wait_is_refused_for_now() -> None:
    """A flood of log-ins: the node serves on, and says when to come again."""
    door = Door()
    waiting = [door.ask(f"wrong {number}") for number in range(CHECKS_AT_ONCE + CHECKS_WAITING)]
    assert statuses(waiting) == []
    refused = door.ask("s3cret").reply()
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert statuses([door.ask("wrong 0")]) == []  # which is under way: it costs nothing more
    door.pool.let_go()
    assert statuses([door.ask("s3cret")]) == []  # there is room again
    for _ in range(len(waiting)):
        door.pool.let_go()
    assert statuses(waiting) == [401] * len(waiting)


@pytest.mark.parametrize("error", [RuntimeError("it broke"), OSError("no memory")])
def test_check_that_breaks_lets_nobody_in_and_holds_up_nobody(error: Exception) -> None:
    door = Door()
    for _ in range(CHECKS_AT_ONCE + 1):
        broken = door.ask("s3cret")
        done, _work = door.pool.held.pop(0)
        done.errback(error)
        assert statuses([broken]) == [500]
    good = door.ask("s3cret")
    door.pool.let_go()
    assert statuses([good]) == [200]
