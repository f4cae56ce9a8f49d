"""Who is meant by a grant, and what it gives."""

from __future__ import annotations

import pytest

from tiercache.access.permissions import EVERYTHING, Grant, Permission, Permissions
from tiercache.access.principals import Principal, Who, address_of
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


def test_without_grants_anyone_reads_and_nobody_does_more() -> None:
    nothing = Permissions()
    assert nothing.read_by_anyone == nothing.scope(STRANGER, "read") == EVERYTHING
    others: list[Permission] = ["prefetch", "publish", "manage", "administer"]
    assert all(nothing.scope(ALICE, permission).is_empty for permission in others)


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


def test_operator_reads_everything_and_publishes_nothing() -> None:
    permissions = Permissions(grants=(grant(["alice"]),))
    operator = Principal(is_operator=True)
    assert permissions.scope(operator, "read").is_all
    assert permissions.scope(operator, "publish").is_empty


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
