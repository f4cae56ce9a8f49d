"""Passwords for the programs that a node itself runs."""

from __future__ import annotations

from itertools import count

import pytest

from tiercache.access.credentials import Password, Token
from tiercache.access.principals import Principal
from tiercache.access.warrants import WARRANT_USER, Warrants, no_warrants

ALICE = Principal(user="alice", groups=frozenset({"release"}))


def made() -> Warrants:
    numbers = count()
    return Warrants(secret=lambda: f"secret {next(numbers)}")


def shown(password: str, user: str = WARRANT_USER) -> Password:
    return Password(user=user, password=password)


def test_a_warrant_stands_for_who_it_was_issued_for_until_it_is_revoked() -> None:
    warrants = made()
    first, second = warrants.issue(ALICE), warrants.issue(Principal())
    assert warrants.holder(shown(first)) == ALICE
    assert warrants.holder(shown(second)) == Principal()
    warrants.revoke(first)
    assert warrants.holder(shown(first)) is None
    assert warrants.holder(shown(second)) == Principal()
    warrants.revoke(first)


def test_nothing_else_is_a_warrant() -> None:
    warrants = made()
    password = warrants.issue(ALICE)
    assert warrants.holder(None) is None
    assert warrants.holder(Token(token=password)) is None
    assert warrants.holder(shown(password, user="alice")) is None
    assert warrants.holder(shown(password + "x")) is None
    assert warrants.holder(shown("\ud800")) is None


def test_it_is_not_shown_with_the_warrants() -> None:
    warrants = made()
    assert warrants.issue(ALICE) not in repr(warrants)


def test_a_node_without_such_programs_issues_none() -> None:
    with pytest.raises(LookupError):
        no_warrants().issue(ALICE)
