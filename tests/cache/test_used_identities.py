"""Each identity token is used once, for as long as it is good, also across a restart."""

from __future__ import annotations

import json

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, fail

from tests.doubles.now import begun, result_of
from tiercache.access.identity import Identity
from tiercache.cache.used_identities import MOST, SETTING, UsedIdentities
from tiercache.errors import IdentityRefused, StoreFull
from tiercache.storage.memory import MemoryCatalogue

START = 1_800_000_000.0


def identity(name: str = "one", issuer: str = "https://ci.example", lasts_s: float = 300.0) -> Identity:
    return Identity(issuer=issuer, claims={}, id=name, expires_at=START + lasts_s)


@define
class Node:
    """A node whose clock is `now`."""

    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    now: float = START
    used: UsedIdentities = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.used = UsedIdentities(catalogue=self.catalogue, now=lambda: self.now)

    def use(self, one: Identity) -> bool:
        """Whether it could be used."""
        try:
            result_of(self.used.use(one))
        except IdentityRefused as refused:
            return refused.code != "invalid-reuse-token"
        return True


class FullCatalogue(MemoryCatalogue):
    """One in which there is no room for a setting."""

    def store_setting(self, name: str, value: str | None) -> Deferred[None]:
        return fail(StoreFull(reason="no space left"))


class SlowCatalogue(MemoryCatalogue):
    """One that takes its time to store a setting."""

    def store_setting(self, name: str, value: str | None) -> Deferred[None]:
        return Deferred()


def test_token_is_used_once() -> None:
    node = Node()
    assert [node.use(identity()), node.use(identity()), node.use(identity("two"))] == [True, False, True]


def test_same_identifier_of_another_issuer_is_another_token() -> None:
    node = Node()
    assert node.use(identity())
    assert node.use(identity(issuer="https://other.example"))


def test_token_is_remembered_across_a_restart_until_it_is_void() -> None:
    node = Node()
    node.use(identity())
    node.begin()
    node.now = START + 299.9
    assert not node.use(identity())
    node.now = START + 300.0
    assert not node.use(identity())
    assert node.use(identity("two", lasts_s=600.0))
    assert "two" not in (node.catalogue.setting(SETTING) or "")  # a digest stands for it
    assert (node.catalogue.setting(SETTING) or "").count(":") == 1


def test_token_that_is_being_used_is_used_already() -> None:
    node = Node(SlowCatalogue())
    first = begun(node.used.use(identity()))
    assert not first.called
    assert not node.use(identity())


def test_use_that_cannot_be_written_down_opens_nothing() -> None:
    node = Node(FullCatalogue())
    with pytest.raises(StoreFull):
        node.use(identity())


def test_more_than_the_most_forget_those_that_expire_first() -> None:
    node = Node()
    many = {f"{number:032}": START + 1000 + number for number in range(MOST)}
    result_of(node.catalogue.store_setting(SETTING, json.dumps(many)))
    node.begin()
    assert node.use(identity())
    left = json.loads(node.catalogue.setting(SETTING) or "")
    assert len(left) == MOST
    assert [f"{number:032}" in left for number in (0, 1, MOST - 1)] == [False, True, True]
    assert not node.use(identity())


@pytest.mark.parametrize("damage", ["{", "[]", '{"a": "b"}', "null"])
def test_what_was_written_down_and_cannot_be_read_keeps_no_node_from_starting(damage: str) -> None:
    node = Node()
    result_of(node.catalogue.store_setting(SETTING, damage))
    node.begin()
    assert node.use(identity())
