"""Tokens: how they are made, found, expire, are revoked, and how their use is noted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, fail

from tests.doubles.now import begun, result_of
from tiercache.access.tokens import PREFIX, SECRET_BYTES, IssuedToken, token_digest, token_text
from tiercache.cache.tokens import EXPIRED_KEPT_S, MOST_OF_ONE_OWNER, PUBLISHERS_KEPT_S, USE_NOTED_EVERY_S, Tokens
from tiercache.errors import StoreFull, TokenAbsent, TooManyTokens
from tiercache.simple.patterns import ProjectPatterns
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES

START = 1_000_000.0


@define
class Shelf:
    """The tokens of a node whose clock is `now`."""

    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    now: float = START
    tokens: Tokens = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = Tokens(catalogue=self.catalogue, now=lambda: self.now)

    def issue(self, **changes: Any) -> tuple[IssuedToken, str]:
        values: dict[str, Any] = {
            "name": "ci",
            "owner": "alice",
            "kind": "user",
            "may": frozenset(["publish"]),
            "projects": ProjectPatterns(("acme-*",)),
            "lasts_s": None,
        }
        return result_of(self.tokens.issue(**values | changes))


def test_token_is_256_random_bits_behind_a_prefix_that_scanners_know() -> None:
    assert token_text(bytes(range(32))) == f"{PREFIX}AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    for size_bytes in (SECRET_BYTES - 1, SECRET_BYTES + 1):
        with pytest.raises(ValueError, match="32"):
            token_text(bytes(size_bytes))
    (_, one), (_, other) = Shelf().issue(), Shelf().issue()
    assert one != other
    assert re.fullmatch(r"tiercache-[A-Za-z0-9_-]{43}", one)


def test_text_of_a_token_is_kept_nowhere() -> None:
    shelf = Shelf()
    token, text = shelf.issue()
    assert token.digest == token_digest(text)
    for shown in (repr(shelf.catalogue.tokens()), repr(token), str(token)):
        assert text not in shown
        assert text.removeprefix(PREFIX) not in shown
        assert token.digest not in shown


def test_token_is_found_by_its_text_alone() -> None:
    shelf = Shelf()
    token, text = shelf.issue()
    found = shelf.tokens.find(text)
    assert found == token
    for other in (text[:-1], text + "A", text.upper(), text.removeprefix(PREFIX), token.id, token.digest, "", PREFIX):
        assert shelf.tokens.find(other) is None


def test_token_is_worth_something_up_to_its_end_and_nothing_from_then_on() -> None:
    shelf = Shelf()
    _, text = shelf.issue(lasts_s=60.0)
    _, lasting = shelf.issue()
    shelf.now = START + 59.999
    assert shelf.tokens.find(text) is not None
    shelf.now = START + 60.0
    assert shelf.tokens.find(text) is None
    assert shelf.tokens.find(lasting) is not None


def test_expired_token_is_listed_for_a_while_and_then_forgotten() -> None:
    shelf = Shelf()
    token, _ = shelf.issue(lasts_s=60.0)
    shelf.now = START + 60.0 + EXPIRED_KEPT_S - 0.5
    assert [one.id for one in shelf.tokens.listed()] == [token.id]
    assert not shelf.tokens.is_live(token)
    shelf.now = START + 60.0 + EXPIRED_KEPT_S
    assert shelf.tokens.listed() == []
    with pytest.raises(TokenAbsent):
        shelf.tokens.by_id(token.id)
    new, _ = shelf.issue()
    assert [one.id for one in shelf.catalogue.tokens()] == [new.id]


@pytest.mark.parametrize(("after_s", "is_kept"), [(PUBLISHERS_KEPT_S - 0.1, True), (PUBLISHERS_KEPT_S, False)])
def test_expired_token_of_a_trusted_publisher_counts_for_an_hour_only(after_s: float, is_kept: bool) -> None:
    shelf = Shelf()
    token, _ = shelf.issue(kind="publisher", owner="ci:acme/tools", lasts_s=900.0)
    shelf.now = START + 900.0 + after_s
    shelf.issue(kind="publisher", owner="ci:acme/tools", lasts_s=900.0)
    assert (token.id in [one.id for one in shelf.catalogue.tokens()]) is is_kept


def test_revoked_token_is_found_no_more_from_then_on() -> None:
    shelf = Shelf()
    (token, text), (_, other) = shelf.issue(), shelf.issue()
    assert shelf.tokens.find(text) is not None
    result_of(shelf.tokens.revoke(shelf.tokens.by_id(token.id)))
    assert shelf.tokens.find(text) is None
    assert shelf.tokens.find(other) is not None
    result_of(shelf.tokens.revoke(token))  # again: harmless


def test_use_is_noted_once_a_minute_and_no_more() -> None:
    shelf = Shelf()
    token, text = shelf.issue()
    assert token.used_at is None
    seen = []
    for at in (0.0, 1.0, USE_NOTED_EVERY_S - 0.5, USE_NOTED_EVERY_S, USE_NOTED_EVERY_S + 1.0):
        shelf.now = START + at
        shelf.tokens.find(text)
        seen.append(shelf.catalogue.tokens()[0].used_at)
    minute_later = START + USE_NOTED_EVERY_S
    assert seen == [START, START, START, minute_later, minute_later]


@define
class SlowNotes:
    """A catalogue whose notes of uses wait, or fail."""

    catalogue: MemoryCatalogue
    raising: Exception | None = None
    noted: list[dict[str, float]] = field(factory=list)

    def touch_tokens(self, used_at: dict[str, float]) -> Deferred[None]:
        self.noted.append(used_at)
        return Deferred() if self.raising is None else fail(self.raising)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.catalogue, name)


@pytest.mark.parametrize("raising", [None, StoreFull(reason="disk")])
def test_use_that_is_not_noted_yet_or_cannot_be_holds_up_nobody_and_is_not_tried_each_time(
    raising: Exception | None,
) -> None:
    shelf = Shelf()
    _, text = shelf.issue()
    slow: Any = SlowNotes(shelf.catalogue, raising)
    tokens = Tokens(catalogue=slow, now=lambda: shelf.now)
    assert all(tokens.find(text) is not None for _ in range(5))
    assert len(slow.noted) == 1


def test_nobody_has_more_tokens_than_the_limit_of_which_the_expired_do_not_count() -> None:
    shelf = Shelf()
    shelf.issue(lasts_s=1.0)
    for _ in range(MOST_OF_ONE_OWNER - 1):
        shelf.issue()
    with pytest.raises(TooManyTokens):
        shelf.issue()
    shelf.issue(owner="bob")
    shelf.issue(kind="operator", owner="")
    shelf.now += 1.0
    shelf.issue()
    with pytest.raises(TooManyTokens):
        shelf.issue()


def test_token_that_the_store_has_no_room_for_is_not_issued() -> None:
    shelf = Shelf(catalogue=MemoryCatalogue(room_bytes=ROW_BYTES - 1))
    with pytest.raises(StoreFull):
        shelf.issue()
    assert shelf.tokens.listed() == []
    assert begun(shelf.catalogue.close()).called
