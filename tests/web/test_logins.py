"""Passwords are checked in the pool, once for all who show them at a time, few at once, and not again for a while."""

from __future__ import annotations

import json
from base64 import b64encode
from ipaddress import ip_network
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from tests.doubles.shelves import page_of
from tests.doubles.wire import Connection, Reply
from tests.web.node import TOKEN, WebNode
from tiercache.access.accounts import Account, Accounts
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Network, Who
from tiercache.access.remembered import LASTS_S
from tiercache.access.throttle import OF_A_USER, OF_A_USER_AT_AN_ADDRESS, OF_AN_ADDRESS
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
    trusted: tuple[Network, ...] = ()
    node: WebNode = field(init=False)

    def __attrs_post_init__(self) -> None:
        def check(user: str, password: str) -> bool:
            self.checked.append(password)
            return password == "s3cret"

        accounts = Accounts(
            accounts={"alice": Account(user="alice", token="alices-own-token")}, others=check, knows=lambda user: True
        )
        pool: Any = self.pool
        self.node = WebNode(permissions=ALICES, accounts=accounts, pool=pool, trusted_proxies=self.trusted)
        self.node.pages.put(page_of("acme"))
        self.node.load()

    def ask(
        self, password: str, user: str = "alice", at: str = "192.0.2.7", forwarded: str | None = None
    ) -> Connection:
        self.node.wire.peer = at
        shown = b64encode(f"{user}:{password}".encode()).decode()
        connection = self.node.wire.connect()
        assert connection is not None
        more = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        connection.ask("GET", PATH, {"Authorization": f"Basic {shown}", **more})
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
    waiting = [
        door.ask("wrong", f"user {number}", f"10.0.0.{number}") for number in range(CHECKS_AT_ONCE + CHECKS_WAITING)
    ]
    assert statuses(waiting) == []
    refused = door.ask("s3cret").reply()
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert statuses([door.ask("wrong", "user 0")]) == []  # which is under way: it costs nothing more
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


# -- too many that were wrong -----------------------------------------------------------------------------------


def tried(door: Door, password: str, **where: str) -> Reply:
    """The answer to one password; its check, if there is one, ends at once."""
    connection = door.ask(password, **where)
    while door.pool.held:
        door.pool.let_go()
    return connection.reply()


def failed_often(door: Door, times: int = OF_A_USER_AT_AN_ADDRESS.most, **where: str) -> None:
    for number in range(times):
        assert tried(door, f"wrong {number}", **where).status == 401


def test_after_so_many_wrong_passwords_none_is_looked_at_for_a_while() -> None:
    """Issue 4: log-in floods."""
    door = Door()
    failed_often(door)
    before = len(door.checked)
    for password in ("wrong again", "s3cret"):  # that it is right is not to be found out, either
        refused = tried(door, password)
        assert (refused.status, refused.headers["retry-after"]) == (429, "30")
        assert "www-authenticate" not in refused.headers
    assert len(door.checked) == before
    door.node.clock.advance(OF_A_USER_AT_AN_ADDRESS.again_s - 0.001)
    refused = tried(door, "s3cret")
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    door.node.clock.advance(0.001)
    assert tried(door, "s3cret").status == 200


def test_right_password_from_elsewhere_still_gets_in() -> None:
    door = Door()
    failed_often(door)
    assert tried(door, "s3cret").status == 429
    assert tried(door, "s3cret", at="198.51.100.1").status == 200


def test_user_who_is_guessed_at_from_everywhere_still_gets_in_and_each_guesser_has_one_try() -> None:
    door = Door()
    for number in range(OF_A_USER.most // 5):
        failed_often(door, 5, at=f"10.0.0.{number}")
    assert tried(door, "wrong", at="10.9.9.9").status == 401
    assert tried(door, "wrong still", at="10.9.9.9").status == 429
    assert tried(door, "s3cret", at="198.51.100.1").status == 200


def test_nobody_shuts_out_a_token() -> None:
    door = Door()
    wanted = json.dumps({"name": "ci", "may": ["read"]}).encode()
    alice = {"Authorization": "Basic " + b64encode(b"alice:s3cret").decode()}
    assert tried(door, "s3cret").status == 200  # and remembered
    text = json.loads(door.node.request("POST", "/api/v1/tokens", alice, wanted).body)["token"]
    door.node.clock.advance(LASTS_S)
    failed_often(door)
    assert tried(door, "s3cret").status == 429
    for headers in (
        {"Authorization": f"Bearer {text}"},
        {"Authorization": "Basic " + b64encode(f"alice:{text}".encode()).decode()},
    ):
        assert door.node.get(PATH, headers).status == 200
    assert door.node.get("/simple/acme/", {"Authorization": f"Bearer {TOKEN}"}).status == 200


def test_tokens_that_are_nobodys_shut_out_nobody() -> None:
    """A program that goes on showing a token that was revoked, beside others at its address."""
    door = Door()
    for number in range(2 * OF_AN_ADDRESS.most):
        assert door.node.get(PATH, {"Authorization": f"Bearer tiercache-{number}"}).status == 401
    assert tried(door, "s3cret").status == 200


def test_what_was_right_a_moment_ago_needs_no_check_and_is_let_in() -> None:
    door = Door()
    assert tried(door, "s3cret").status == 200
    failed_often(door)
    assert tried(door, "wrong").status == 429
    assert tried(door, "s3cret").status == 200


def test_right_passwords_are_not_counted() -> None:
    door = Door()
    for _ in range(3 * OF_AN_ADDRESS.most):
        door.node.clock.advance(LASTS_S)
        assert tried(door, "s3cret").status == 200
    failed_often(door)


def test_passwords_that_are_tried_at_the_same_time_count_while_they_are_checked() -> None:
    door = Door()
    together = [door.ask(f"guess {number}") for number in range(OF_A_USER_AT_AN_ADDRESS.most + 5)]
    assert statuses(together[OF_A_USER_AT_AN_ADDRESS.most :]) == [429] * 5
    while door.pool.held:
        door.pool.let_go()
    assert statuses(together[: OF_A_USER_AT_AN_ADDRESS.most]) == [401] * OF_A_USER_AT_AN_ADDRESS.most
    assert len(door.checked) == OF_A_USER_AT_AN_ADDRESS.most


def test_check_that_broke_is_not_counted() -> None:
    door = Door()
    for _ in range(2 * OF_A_USER_AT_AN_ADDRESS.most):
        broken = door.ask("s3cret")
        done, _work = door.pool.held.pop(0)
        done.errback(RuntimeError("it broke"))
        assert statuses([broken]) == [500]
    assert tried(door, "s3cret").status == 200


def test_refusal_of_the_api_is_a_problem() -> None:
    door = Door()
    failed_often(door)
    headers = {"Authorization": "Basic " + b64encode(b"alice:wrong").decode()}
    refused = door.node.get("/api/v1/node", headers)
    assert (refused.status, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.headers["retry-after"] == "30"


def test_addresses_are_those_that_a_trusted_proxy_tells() -> None:
    """Else the first who fails would shut out everybody behind it."""
    door = Door(trusted=(ip_network("192.0.2.7"),))
    failed_often(door, forwarded="198.51.100.1")
    assert tried(door, "s3cret", forwarded="198.51.100.1").status == 429
    assert tried(door, "s3cret", forwarded="198.51.100.2").status == 200
