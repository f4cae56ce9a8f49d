"""Who is meant by a grant, and what it gives."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve

from tests.storage.contract_tokens import issued
from tiercache.access.permissions import EVERYTHING, Grant, Permission, Permissions
from tiercache.access.principals import Principal, Who, address_of
from tiercache.access.tokens import IssuedToken
from tiercache.simple.names import normalise
from tiercache.simple.patterns import ProjectPatterns

ACME = normalise("acme-tools")
ALICE = Principal(user="alice", groups=frozenset({"release"}), address=address_of("10.1.2.3"))
STRANGER = Principal(address=address_of("192.0.2.7"))


def grant(who: list[str], projects: list[str] | None = None, may: list[Permission] | None = None) -> Grant:
    return Grant(
        who=tuple(map(Who.parse, who)),
        may=frozenset(may or ["read"]),
        projects=ProjectPatterns(tuple(projects or ["*"])),
    )


@pytest.mark.parametrize(
    ("who", "principal", "is_meant"),
    [
        ("anyone", STRANGER, True),
        ("anyone", Principal(), True),
        ("alice", ALICE, True),
        ("alice", Principal(user="Alice"), False),
        ("alice", STRANGER, False),
        ("@release", ALICE, True),
        ("@release", Principal(user="release"), False),
        ("release", ALICE, False),
        ("10.1.0.0/16", ALICE, True),
        ("10.1.2.3", ALICE, True),
        ("10.1.2.4", ALICE, False),
        ("10.2.0.0/16", ALICE, False),
        ("0.0.0.0/0", Principal(), False),  # no address is in no network
        ("0.0.0.0/0", Principal(address=address_of("2001:db8::1")), False),
        ("2001:db8::/32", Principal(address=address_of("2001:db8::1")), True),
        ("fe80::/10", Principal(address=address_of("fe80::1%eth0")), True),
        ("10.0.0.0/8", Principal(address=address_of("::ffff:10.1.2.3")), True),
        ("127.0.0.0/8", Principal(address=address_of("/run/tiercache.sock")), False),
    ],
)
def test_who_is_meant(who: str, principal: Principal, is_meant: bool) -> None:
    assert Who.parse(who).includes(principal) is is_meant


OTHERS: list[Permission] = ["prefetch", "publish", "manage", "administer"]


def test_without_grants_anyone_reads_and_only_the_own_machine_does_more() -> None:
    nothing = Permissions()
    assert nothing.read_by_anyone == nothing.scope(STRANGER, "read") == EVERYTHING
    assert all(nothing.scope(ALICE, permission).is_empty for permission in OTHERS)
    assert all(nothing.scope(Principal(is_local=True), permission).is_all for permission in OTHERS)


def test_with_grants_the_own_machine_has_what_they_give() -> None:
    local = Principal(is_local=True, address=address_of("127.0.0.1"))
    for grants in ((grant(["alice"]),), (grant(["anyone"]),)):
        assert all(Permissions(grants=grants).scope(local, permission).is_empty for permission in OTHERS)
    assert Permissions(grants=(grant(["127.0.0.0/8"], may=["publish"]),)).scope(local, "publish").is_all


def token(may: list[Permission], projects: list[str], **changes: Any) -> IssuedToken:
    return issued(may=frozenset(may), projects=ProjectPatterns(tuple(projects)), **changes)


def test_token_is_worth_what_it_was_issued_for_of_what_its_owner_may() -> None:
    permissions = Permissions(
        grants=(grant(["alice"], ["acme-*"], ["read", "publish"]), grant(["bob"], may=["manage"]))
    )
    with_token = evolve(ALICE, token=token(["publish", "manage"], ["*-tools", "numpy"]))
    publishes = permissions.scope(with_token, "publish")
    assert [project in publishes for project in map(normalise, ("acme-tools", "acme-x", "big-tools", "numpy"))] == [
        True,
        False,
        False,
        False,
    ]
    assert permissions.scope(with_token, "manage").is_empty  # the owner may not
    assert permissions.scope(with_token, "read").is_empty  # it was not issued for that
    assert permissions.scope(evolve(with_token, user="mallory"), "publish").is_empty


def test_token_leaves_what_anyone_reads() -> None:
    permissions = Permissions(grants=(grant(["anyone"], ["numpy"]), grant(["alice"], ["acme-*"])))
    for may in (["publish"], ["read"]):
        reads = permissions.scope(evolve(ALICE, token=token(may, ["acme-x"])), "read")  # type: ignore[arg-type]  # words
        assert normalise("numpy") in reads
        assert ACME not in reads
        assert (normalise("acme-x") in reads) is (may == ["read"])


def test_token_of_the_operator_is_worth_what_it_was_issued_for() -> None:
    operators = Principal(token=token(["publish"], ["acme-*"], owner="", kind="operator"))
    for permissions in (Permissions(), Permissions(grants=(grant(["alice"]),))):
        scope = permissions.scope(operators, "publish")
        assert ACME in scope
        assert normalise("numpy") not in scope
        assert not scope.is_all
        assert permissions.scope(operators, "administer").is_empty


def test_token_for_everything_takes_nothing_away() -> None:
    permissions = Permissions(grants=(grant(["alice"], ["acme-*", "numpy"], ["publish"]),))
    assert permissions.scope(evolve(ALICE, token=token(["publish"], ["*"])), "publish") == permissions.scope(
        ALICE, "publish"
    )


@pytest.mark.parametrize(
    ("principal", "shown", "is_known"),
    [
        (ALICE, "alice", True),
        (evolve(ALICE, token=issued()), "token ci of alice", True),
        (Principal(is_operator=True, address=address_of("127.0.0.1")), "operator", True),
        (Principal(token=issued(owner="", kind="operator")), "token ci of operator", True),
        (Principal(token=issued(owner="acme", kind="publisher")), "token ci of acme", True),
        (STRANGER, "anyone at 192.0.2.7", False),
        (Principal(address=address_of("2001:db8::1")), "anyone at 2001:db8::1", False),
        (Principal(), "anyone", False),
    ],
)
def test_principal_is_told_in_a_word_or_two(principal: Principal, shown: str, is_known: bool) -> None:
    assert (str(principal), principal.is_known) == (shown, is_known)


def test_what_no_grant_gives_is_not_given() -> None:
    permissions = Permissions(grants=(grant(["alice"], ["acme-*"]),))
    assert permissions.scope(STRANGER, "read").is_empty
    assert permissions.read_by_anyone.is_empty
    alices = permissions.scope(ALICE, "read")
    assert ACME in alices
    assert normalise("numpy") not in alices
    assert normalise("acme") not in alices
    assert not alices.is_all
    assert not alices.is_empty


def test_grants_add_up_and_their_order_says_nothing() -> None:
    grants = (grant(["anyone"], ["numpy"]), grant(["@release"], ["acme-*"]), grant(["bob"], ["*"]))
    for some in (grants, grants[::-1]):
        permissions = Permissions(grants=some)
        assert [
            project in permissions.scope(ALICE, "read") for project in map(normalise, ("numpy", "acme-x", "x"))
        ] == [
            True,
            True,
            False,
        ]
        assert permissions.scope(Principal(user="bob"), "read").is_all
        assert ACME not in permissions.read_by_anyone


def test_no_permission_brings_another_along() -> None:
    permissions = Permissions(grants=(grant(["alice"], may=["administer", "publish"]),))
    assert permissions.scope(ALICE, "read").is_empty
    assert permissions.scope(ALICE, "publish").is_all


def test_network_is_not_anyone() -> None:
    assert Permissions(grants=(grant(["0.0.0.0/0", "::/0"]),)).read_by_anyone.is_empty


def test_operator_may_do_everything_whatever_is_granted() -> None:
    operator = Principal(is_operator=True)
    for permissions in (Permissions(), Permissions(grants=(grant(["alice"]),))):
        assert all(permissions.scope(operator, permission).is_all for permission in ["read", *OTHERS])


@pytest.mark.parametrize(
    ("pattern", "project", "matches"),
    [
        ("acme-*", "acme-tools", True),
        ("Acme_*", "acme-tools", True),
        ("acme.*", "acme-tools", True),
        ("acme-*", "acme", False),
        ("*acme*", "the-acme-x", True),
        ("acme", "acme-tools", False),
        ("a?me", "acme", True),
        ("[ab]cme", "bcme", True),
        ("*", "anything", True),
    ],
)
def test_pattern_matches_normalised_names(pattern: str, project: str, matches: bool) -> None:
    assert (normalise(project) in ProjectPatterns((pattern,))) is matches


@pytest.mark.parametrize("patterns", [("*", "!acme", "!Acme_*"), ("!acme", "!acme-*", "*")])
def test_exceptions_are_left_out_wherever_they_stand(patterns: tuple[str, ...]) -> None:
    some = ProjectPatterns(patterns)
    assert [project in some for project in map(normalise, ("numpy", "acme", "acme-tools", "acmetools"))] == [
        True,
        False,
        False,
        True,
    ]
    assert not some.match_all
    assert ProjectPatterns(("*", "acme")).match_all


def test_what_one_grant_leaves_out_another_gives() -> None:
    permissions = Permissions(grants=(grant(["anyone"], ["*", "!acme-*"]), grant(["alice"], ["acme-*"])))
    assert ACME in permissions.scope(ALICE, "read")
    assert ACME not in permissions.read_by_anyone
    assert normalise("numpy") in permissions.read_by_anyone
    assert not permissions.read_by_anyone.is_all


def test_no_patterns_match_nothing() -> None:
    assert ACME not in ProjectPatterns(())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"),  # as long as any
        ("0000:0000:0000:0000:0000:fffff:255.255.255.255", None),
        ("localhost", None),
        ("", None),
        (None, None),
    ],
)
def test_the_address_of_a_connection_is_read_again_as_it_was_read_first(text: str | None, address: str | None) -> None:
    for _ in range(2):
        assert address_of(text) == (None if address is None else ip_address(address))
