"""How many wrong passwords are let pass: by user and address, by address, by user; on both sides of each edge."""

from __future__ import annotations

import pytest

from tiercache.access.principals import Address, address_of
from tiercache.access.throttle import (
    OF_A_USER,
    OF_A_USER_AT_AN_ADDRESS,
    OF_AN_ADDRESS,
    Allowance,
    Failures,
    Throttle,
)

HERE = address_of("192.0.2.7")
START = 1_000_000.0


def elsewhere(number: int) -> Address | None:
    return address_of(f"10.0.{number // 250}.{number % 250}")


def fail(throttle: Throttle, user: str, address: Address | None, now: float = START, times: int = 1) -> None:
    for _ in range(times):
        assert throttle.wait_s(user, address, now) == 0
        throttle.begin(user, address, now)


@pytest.mark.parametrize(
    ("allowance", "fill"),
    [
        (OF_A_USER_AT_AN_ADDRESS, lambda throttle, times: fail(throttle, "alice", HERE, times=times)),
        (
            OF_AN_ADDRESS,
            lambda throttle, times: [fail(throttle, f"user{number}", HERE) for number in range(times)],
        ),
    ],
    ids=["pair", "address"],
)
def test_one_more_than_allowed_has_to_wait_until_one_is_forgotten(allowance: Allowance, fill: object) -> None:
    throttle = Throttle()
    fill(throttle, allowance.most - 1)  # type: ignore[operator]  # see above
    assert throttle.wait_s("alice", HERE, START) == 0
    throttle.begin("alice", HERE, START)
    assert throttle.wait_s("alice", HERE, START) == pytest.approx(allowance.again_s)
    assert throttle.wait_s("alice", HERE, START + allowance.again_s - 0.001) == pytest.approx(0.001)
    assert throttle.wait_s("alice", HERE, START + allowance.again_s) == 0
    throttle.begin("alice", HERE, START + allowance.again_s)  # the one that there was room for
    assert throttle.wait_s("alice", HERE, START + allowance.again_s) == pytest.approx(allowance.again_s)


def test_user_at_another_address_and_another_user_at_that_address_are_let_pass() -> None:
    throttle = Throttle()
    fail(throttle, "alice", HERE, times=OF_A_USER_AT_AN_ADDRESS.most)
    assert throttle.wait_s("alice", HERE, START) > 0
    assert throttle.wait_s("alice", elsewhere(1), START) == 0
    assert throttle.wait_s("bob", HERE, START) == 0


def test_user_who_is_guessed_at_has_one_failure_at_each_address() -> None:
    throttle = Throttle()
    for number in range(OF_A_USER.most - 1):
        fail(throttle, "alice", elsewhere(number))
    fail(throttle, "alice", HERE, times=1)
    assert throttle.wait_s("alice", HERE, START) > 0  # that was the one that made it known
    assert throttle.wait_s("alice", elsewhere(999), START) == 0  # where nothing wrong came from
    assert throttle.wait_s("bob", HERE, START) == 0
    later = START + OF_A_USER.again_s
    assert throttle.wait_s("alice", HERE, later - 0.001) > 0
    assert throttle.wait_s("alice", HERE, later) == 0  # no longer guessed at


def test_what_was_right_is_forgiven() -> None:
    throttle = Throttle()
    for _ in range(1000):
        fail(throttle, "alice", HERE)
        throttle.forgive("alice", HERE, START)
    fail(throttle, "alice", HERE, times=OF_A_USER_AT_AN_ADDRESS.most)
    assert throttle.wait_s("alice", HERE, START) > 0
    throttle.forgive("alice", HERE, START)
    assert throttle.wait_s("alice", HERE, START) == 0


def test_right_passwords_of_ones_own_do_not_pay_for_guesses_at_others() -> None:
    throttle = Throttle()
    for number in range(OF_AN_ADDRESS.most):
        fail(throttle, f"user{number}", HERE)
        if throttle.wait_s("mallory", HERE, START) == 0:
            throttle.begin("mallory", HERE, START)
            throttle.forgive("mallory", HERE, START)
    assert throttle.wait_s("mallory", HERE, START) > 0


def test_network_of_ipv6_is_one_address() -> None:
    throttle = Throttle()
    for number in range(OF_A_USER_AT_AN_ADDRESS.most):
        fail(throttle, "alice", address_of(f"2001:db8:0:1::{number}"))
    assert throttle.wait_s("alice", address_of("2001:db8:0:1:ffff::1"), START) > 0
    assert throttle.wait_s("alice", address_of("2001:db8:0:2::1"), START) == 0


def test_who_has_no_address_is_throttled_too() -> None:
    throttle = Throttle()
    fail(throttle, "alice", None, times=OF_A_USER_AT_AN_ADDRESS.most)
    assert throttle.wait_s("alice", None, START) > 0
    assert throttle.wait_s("alice", HERE, START) == 0


def test_clock_that_is_set_back_neither_forgives_nor_lengthens() -> None:
    throttle = Throttle()
    fail(throttle, "alice", HERE, times=OF_A_USER_AT_AN_ADDRESS.most)
    for now in (START - 1e6, START):
        assert throttle.wait_s("alice", HERE, now) == pytest.approx(OF_A_USER_AT_AN_ADDRESS.again_s)


def test_tables_are_bounded_and_forget_who_failed_longest_ago() -> None:
    failures = Failures(allowance=Allowance(most=1, again_s=1e9), most_kept=3)
    for key in "abc":
        failures.add(key, START)
    failures.add("a", START)
    assert (len(failures), failures.wait_s("b", START) > 0) == (3, True)
    failures.add("d", START)
    assert [failures.wait_s(key, START) > 0 for key in "abcd"] == [True, False, True, True]
    assert len(failures) == 3


def test_who_was_right_takes_no_row() -> None:
    failures = Failures(allowance=Allowance(most=1, again_s=1.0))
    for key in range(100):
        failures.add(key, START)
        failures.take_back(key, START)
        failures.take_back(key, START)
    assert len(failures) == 0
